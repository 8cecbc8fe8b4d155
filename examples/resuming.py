"""Resuming after a crash: a training that is killed goes on to the bit, with every callback."""

# %% [markdown]
# # Resuming after a crash
#
# This script starts itself as a child process that trains, kills it in mid-epoch, as a machine that goes
# away does, and starts it again. Then it trains once without a crash, and compares: the losses, the rates
# and the cuts are the same numbers.
#
#     pip install "keras-lr[jax,demo]"
#     python examples/resuming.py

# %%
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

SHORT = os.environ.get("EXAMPLE_SIZE") == "short"  # as the tests run it
EPOCHS, KILL_AT = (3, 25) if SHORT else (12, 130)  # updates; an epoch has twenty

# %% [markdown]
# ## A training that can be cut off
#
# What makes it so is one line, `BackupAndRestore`. It saves every five batches: weights, optimizer, the
# place in the data and in the schedule, what the rules have counted and cut, and the state of Keras's own
# callbacks.


# %%
def train(folder, kill_at=None):
    import keras_lr  # before keras: it chooses the installed backend

    import keras
    from keras_lr import rules
    from sklearn.datasets import load_digits

    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations.numpy()) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)  # nothing can catch it

    x, y = load_digits(return_X_y=True)
    x, y = (x[:640] / 16).astype("float32"), y[:640]
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.2, momentum=0.9), "sparse_categorical_crossentropy")
    control = keras_lr.LearningRate(
        "constant() | warmup(10%)", rules=[rules.Plateau("loss", patience=1, min_delta=0.05)]
    )
    backup = keras_lr.callbacks.BackupAndRestore(folder / "backup", save_freq=5)
    stopping = keras.callbacks.EarlyStopping("loss", patience=5)
    callbacks = [control, stopping, backup, *([Killed()] if kill_at else [])]
    history = model.fit(x, y, epochs=EPOCHS, verbose=0, callbacks=callbacks).history
    cuts = [(event.step, event.reason) for event in control.record.events]
    (folder / "result.json").write_text(json.dumps({"history": history, "cuts": cuts}))


# %% [markdown]
# ## Killed, and started again


# %%
def start(folder, kill_at=0):
    """The training in a process of its own; how it ended, negative for a signal."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(folder), str(kill_at)]
    return subprocess.run(command, check=False).returncode


def compare():
    crashed, whole = Path("resuming/crashed"), Path("resuming/whole")
    print("killed in mid-epoch, exit status", start(crashed, KILL_AT))
    assert not (crashed / "result.json").exists()
    print("started again, exit status", start(crashed))
    print("without a crash, exit status", start(whole))
    resumed = json.loads((crashed / "result.json").read_text())
    uninterrupted = json.loads((whole / "result.json").read_text())
    assert resumed == uninterrupted, "a resumed run differs"
    print("the same to the bit:", [round(loss, 4) for loss in resumed["history"]["loss"]])
    for step, reason in resumed["cuts"][:3]:
        print(f"  cut at step {step}: {reason}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        train(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        compare()

# %% [markdown]
# If the script has changed in between, nothing is trained, and an error says what differs and how to go on:
# [when the plan has changed](../docs/resume.md#when-the-plan-has-changed).
