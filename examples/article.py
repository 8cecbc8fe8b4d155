"""The article, step by step: each technique on the same problem, and what it gained."""

# %% [markdown]
# # The article, step by step
#
# "Reducing Learning Rate in Keras: Techniques and Implementation" names five techniques. Here each
# trains the same small network on scikit-learn's handwritten digits.
#
#     pip install "keras-lr[jax,demo]"
#     python examples/article.py

# %%
import os

import keras_lr  # before keras: it chooses the installed backend

import keras
import numpy as np
from keras_lr import rules, schedules
from keras_lr.callbacks import LearningRateScheduler, ReduceLROnPlateau
from keras_lr.optimizers import SGD
from keras_lr.watch import Run
from sklearn.datasets import load_digits

SHORT = os.environ.get("EXAMPLE_SIZE") == "short"  # as the tests run it
EPOCHS = 3 if SHORT else 20

x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
order = np.random.default_rng(0).permutation(len(x))
x, y = x[order], y[order]
train, validation, test = slice(0, 960), slice(960, 1280), slice(1280, None)


def build_model(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


runs = []


def train_with(name, optimizer, callback=None):
    """Train, remember the run, and say what came of it."""
    model = build_model(optimizer)
    control = callback or keras_lr.LearningRate()
    history = model.fit(
        x[train],
        y[train],
        validation_data=(x[validation], y[validation]),
        epochs=EPOCHS,
        verbose=0,
        callbacks=[control],
    )
    runs.append(Run.of(history, getattr(control, "record", None), name=name))
    accuracy = model.evaluate(x[test], y[test], verbose=0, return_dict=True)["accuracy"]
    rates = history.history["learning_rate"]
    print(f"{name:<24} {rates[0]:.4f} -> {rates[-1]:.4f}   test accuracy {100 * accuracy:.1f} %")
    return control


# %% [markdown]
# ## A learning rate and a momentum
#
# The article's line, and a rate that was measured on this problem instead. `find` is told the
# epochs and the schedule of the training to come, since the best rate depends on them.

# %%
train_with("the article's 0.01", SGD(lr=0.01, momentum=0.9))

model = build_model(SGD(lr=0.01, momentum=0.9))
finding = keras_lr.find(
    model, x[train], y[train], epochs=EPOCHS, schedule="cosine()", method="range", verbose=0
)
found = finding.learning_rate
print(f"found: {found:.3f}. {finding.reason}")
train_with("found, constant", SGD(lr=found, momentum=0.9))

# %% [markdown]
# ## Time-based decay
#
# As Keras 2 computed it, with the decay chosen so that the rate ends at a tenth.

# %%
updates = EPOCHS * (960 // 32)
train_with("time-based decay", SGD(lr=found, momentum=0.9, decay=9 / updates))

# %% [markdown]
# ## A drop by callback
#
# A function of the epoch, as in the article; halved after each sixth of the run.

# %%
sixth = max(EPOCHS // 6, 1)
train_with(
    "halved by callback",
    SGD(lr=found, momentum=0.9),
    LearningRateScheduler(lambda epoch: found * 0.5 ** (epoch // sixth)),
)

# %% [markdown]
# ## When performance plateaus
#
# Keras's callback, which counts epochs without improvement, and why it cut.

# %%
plateau = train_with(
    "reduced on plateau",
    SGD(lr=found, momentum=0.9),
    ReduceLROnPlateau("val_loss", factor=0.5, patience=4),
)
for event in plateau.record.events[:3]:
    print(f"  {event.line()}")

# %% [markdown]
# ## When training oscillates
#
# The rule watches the loss between epochs and cuts when a line through its last values no longer
# falls; beside it the net for a loss that explodes.

# %%
train_with("rules='auto'", SGD(lr=found, momentum=0.9), keras_lr.LearningRate(rules="auto"))

# %% [markdown]
# ## What keras-lr would do
#
# The end of the run is known, so let the rate fall to zero by then, after a short warmup.

# %%
best = train_with(
    "warmup and cosine",
    SGD(lr=found, momentum=0.9),
    keras_lr.LearningRate(schedule=schedules.Cosine().warmup("5%"), rules=[rules.Divergence()]),
)
print(best.explain(step=updates // 2))

# %% [markdown]
# ## See them all
#
# One page with every run's losses and rates, that opens offline. One seed only: a few tenths of a
# percent between two runs are luck. [What reduces the rate best](../docs/reducers.md) has five.

# %%
print("written:", keras_lr.report(runs, "article.html"))
