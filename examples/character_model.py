"""A character model, trained with warmup, a stable rate and a cooldown, and then for longer."""

# %% [markdown]
# # A character model with warmup, stable rate, cooldown
#
# A small recurrent network learns to continue Python's own documentation, which comes with Python. Its
# schedule is today's for language models: a short warmup, a rate that stays, and a fall to zero at the
# end. It has a property that a cosine lacks: until the cooldown begins, nothing depends on how long
# the run will be. So a run can be made longer afterwards, from the point before its cooldown.
#
#     pip install "keras-lr[jax]"
#     python examples/character_model.py

# %%
import os
from pydoc_data import topics

import keras_lr  # before keras: it chooses the installed backend

import keras
import numpy as np
from keras_lr import rules, schedules

SHORT = os.environ.get("EXAMPLE_SIZE") == "short"  # as the tests run it
WINDOW, EPOCHS = (16, 4) if SHORT else (48, 8)
LONGER = EPOCHS + EPOCHS // 2

text = "\n".join(topics.topics.values())[: 3_000 if SHORT else 150_000]
letters = sorted(set(text))
codes = np.array([letters.index(letter) for letter in text])
windows = len(codes) // WINDOW - 1
x = codes[: windows * WINDOW].reshape(windows, WINDOW)
y = codes[1 : windows * WINDOW + 1].reshape(windows, WINDOW)  # the next letter, at each place
order = np.random.default_rng(0).permutation(windows)
x, y = x[order], y[order]
split = int(0.9 * windows)
data = {"validation_data": (x[split:], y[split:]), "batch_size": 32, "verbose": 0}


def build_model(rate=0.01):
    keras.utils.set_random_seed(0)
    size = 16 if SHORT else 96
    model = keras.Sequential(
        [
            keras.Input((WINDOW,), dtype="int32"),
            keras.layers.Embedding(len(letters), size),
            keras.layers.GRU(size, return_sequences=True),
            keras.layers.Dense(len(letters)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss)
    return model


# %% [markdown]
# ## The schedule, before training
#
# `warmup_stable_decay("5%", "20%")` is short for this composition. A million steps of it can be looked at
# before the first one is trained.

# %%
stable = schedules.Constant().warmup("5%")
schedule = stable.cooldown("20%", "1-sqrt")
steps_per_epoch = -(-split // 32)
print(schedule.resolve(steps=EPOCHS * steps_per_epoch, steps_per_epoch=steps_per_epoch).draw())

# %% [markdown]
# ## Train
#
# The weights before the cooldown are kept: a run that goes on starts from there. `Divergence` is the net
# under a rate that recurrent networks sometimes can't bear.

# %%
model = build_model()
begins = EPOCHS - max(EPOCHS // 5, 1)  # the first epoch of the cooldown
control = keras_lr.LearningRate(
    stable.cooldown(f"{EPOCHS - begins} epochs", "1-sqrt"), rules=[rules.Divergence()]
)
keep = keras.callbacks.LambdaCallback(
    on_epoch_begin=lambda epoch, logs: epoch == begins and model.save("before_cooldown.keras")
)
history = model.fit(x[:split], y[:split], epochs=EPOCHS, callbacks=[control, keep], **data)
losses = history.history["val_loss"]
print(f"before the cooldown {losses[begins - 1]:.3f}, after it {losses[-1]:.3f} nats a letter")

# %% [markdown]
# ## Longer, without beginning anew
#
# The stable part goes on from where the cooldown began, for half as many epochs more, and cools down then. It costs
# the epochs that are added and no others.

# %%
model = keras.models.load_model("before_cooldown.keras")
longer = keras_lr.LearningRate(
    schedules.Constant().cooldown(f"{EPOCHS - begins} epochs", "1-sqrt"),
    rules=[rules.Divergence()],
)
more = model.fit(
    x[:split], y[:split], initial_epoch=begins, epochs=LONGER, callbacks=[longer], **data
)
print(f"after {LONGER} epochs in all {more.history['val_loss'][-1]:.3f} nats a letter")
print(longer.explain(step=LONGER * steps_per_epoch - 1))

# %% [markdown]
# ## What it writes

# %%
written = "The "
for _ in range(20 if SHORT else 200):
    seen = np.array([[letters.index(letter) for letter in written[-WINDOW:].rjust(WINDOW)]])
    scores = np.array(keras.ops.convert_to_numpy(model(seen)))[0, -1]
    written += letters[int(scores.argmax())]
print(written)
print("written:", keras_lr.report(history, "character_model.html"))
