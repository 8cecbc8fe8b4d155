"""Tuning: rate, momentum and schedule together, stored, continued, confirmed and reported."""

# %% [markdown]
# # Tuning a rate with what goes with it
#
# Rate, momentum, schedule and label smoothing are searched together, since the best value of each
# depends on the others. All trials of a wave run through one compiled program, the study is kept in a
# file, and the winner is confirmed with other seeds, so that it isn't just the luckiest.
#
#     pip install "keras-lr[jax,demo]"
#     python examples/tuning.py

# %%
import os

import keras_lr  # before keras: it chooses the installed backend

import keras
import numpy as np
from keras_lr import schedules
from sklearn.datasets import load_digits

SHORT = os.environ.get("EXAMPLE_SIZE") == "short"  # as the tests run it
EPOCHS, TRIALS = (2, 6) if SHORT else (15, 48)

x, y = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(len(x))
x, y = (x[order] / 16).astype("float32"), y[order]
x_train, y_train, x_test, y_test = x[:1280], y[:1280], x[1280:], y[1280:]


def build_model():
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(48, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


# %% [markdown]
# ## Where to look
#
# A finding is a range: from a quarter to nearly three times the rate that was found. Without one, write
# `keras_lr.LogUniform(1e-3, 1.0)`.

# %%
keras.utils.set_random_seed(0)
finding = keras_lr.find(
    build_model(), x_train, y_train, epochs=EPOCHS, schedule="cosine()", method="range", verbose=0
)
print(f"found {finding.learning_rate:.3g}")
space = {
    "learning_rate": finding,
    "momentum": [0.8, 0.9, 0.95],
    "schedule": [
        "cosine()",
        "constant() | cooldown({cooldown:%})",
        schedules.OneCycle(),
    ],
    "cooldown": keras_lr.Uniform(0.1, 0.5),
}

# %% [markdown]
# ## Search
#
# Stop it with Ctrl-C and start the script again: it runs the trials that are missing.

# %%
search = {
    "space": space,
    "epochs": EPOCHS,
    "validation_split": 0.25,
    "objective": "val_accuracy",
    "storage": "tuning.db",
    "verbose": 0,
}
keras_lr.tune(build_model, x_train, y_train, trials=TRIALS // 2, **search)
study = keras_lr.tune(build_model, x_train, y_train, trials=TRIALS, **search)  # goes on
print(f"{len(study.trials)} trials on {study.engine}: {study.plan}")
print(study.best.value, study.best.params)
print({name: round(share, 2) for name, share in study.importance().items()})

# %% [markdown]
# ## The luckiest, or the best?
#
# The best of many trials owes something to its seed. The first three are trained again with others.

# %%
confirmed = study.confirm(top=2 if SHORT else 3, seeds=2 if SHORT else 5)
print(confirmed)

# %% [markdown]
# ## Use it
#
# The model is trained, plain Keras; `code()` is what trains it without a study.

# %%
model = study.best_model()
model.save("tuned.keras")
accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
print(f"test accuracy {100 * accuracy:.1f} %")
print(study.code())
print("written:", keras_lr.report(study, "tuning.html"))

# %% [markdown]
# The same from the command line:
#
#     keras-lr tune my_module:build_model digits.npz --epochs 15 --trials 48 --out tuning.html
#
# More: [tuning](../docs/tuning.md), [studies](../docs/studies.md).
