"""Transfer learning: a rate for each layer, and a backbone that thaws on a schedule."""

# %% [markdown]
# # Transfer learning with a rate for each layer
#
# A network learns to tell the ten digits from a thousand samples, and then another question, whether a
# digit is odd, from twenty. Its early layers know what digits look like and should move little; the
# new head knows nothing and should move fast.
#
#     pip install "keras-lr[jax,demo]"
#     python examples/transfer_learning.py

# %%
import os

import keras_lr  # before keras: it chooses the installed backend

import keras
import numpy as np
from keras_lr.optimizers import layerwise_decay, per_layer, unfreeze
from sklearn.datasets import load_digits

SHORT = os.environ.get("EXAMPLE_SIZE") == "short"  # as the tests run it
EPOCHS = 2 if SHORT else 30

x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
x_old, y_old = x[:1000], y[:1000]
x_new, y_new = x[1000:], y[1000:] % 2
SETS = 1 if SHORT else 4  # of twenty samples: one alone would say more about its luck
rest = slice(20 * SETS, None)

# %% [markdown]
# ## The backbone, trained before

# %%
keras.utils.set_random_seed(0)
backbone = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(64, activation="relu", name="strokes"),
        keras.layers.Dense(32, activation="relu", name="shapes"),
    ],
    name="backbone",
)
inputs = keras.Input((64,))
teacher = keras.Model(inputs, keras.layers.Dense(10)(backbone(inputs)))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
teacher.compile(keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"])
before = keras_lr.LearningRate("cosine()")
teacher.fit(x_old, y_old, epochs=EPOCHS, verbose=0, callbacks=[before])
learned = backbone.get_weights()


def fresh_student():
    """The trained backbone under a new head."""
    keras.utils.set_random_seed(0)
    backbone.set_weights(learned)
    inputs = keras.Input((64,))
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(backbone(inputs)))


def fine_tune(name, optimizer_of):
    """Train a student on each set of twenty, and try it on the rest."""
    accuracies = []
    for start in range(0, 20 * SETS, 20):
        student = fresh_student()
        student.compile(optimizer_of(student), loss, metrics=["accuracy"])
        control = keras_lr.LearningRate("cosine() | warmup(10%)")
        few = slice(start, start + 20)
        history = student.fit(
            *(x_new[few], y_new[few]),
            batch_size=5,
            epochs=EPOCHS,
            verbose=0,
            callbacks=[control],
        )
        tried = student.evaluate(x_new[rest], y_new[rest], verbose=0, return_dict=True)
        accuracies.append(100 * tried["accuracy"])
    print(f"{name:<28} accuracy {np.mean(accuracies):.1f} % ± {np.std(accuracies):.1f}")
    return control, history


# %% [markdown]
# ## One rate for all layers
#
# What suits the head is too high for the backbone, which forgets some of what it knew.

# %%
fine_tune("one rate", lambda student: keras.optimizers.Adam(0.03))

# %% [markdown]
# ## A tenth for the backbone
#
# These are true rates: under Adam a scaled gradient would change nothing.


# %%
def a_tenth(student):
    return per_layer(keras.optimizers.Adam(0.03), {"backbone": 0.1}, model=student)


fine_tune("a tenth for the backbone", a_tenth)

# %% [markdown]
# ## Lower with depth
#
# `layerwise_decay` gives the head 1, the layer below it 0.3, the one below that 0.09.


# %%
def with_depth(student):
    rates = layerwise_decay(student, 0.3)
    return per_layer(keras.optimizers.Adam(0.03), rates, model=student)


fine_tune("lower with depth", with_depth)

# %% [markdown]
# ## Frozen, and thawed on a schedule
#
# For the first third the head trains alone; then the backbone joins at a tenth of the rate. It is one `fit`
# and one optimizer; while it is frozen the backbone stays as it is, bit for bit.


# %%
def thawed(student):
    rates = {"backbone": unfreeze("34%") * 0.1}
    return per_layer(keras.optimizers.Adam(0.03), rates, model=student)


control, history = fine_tune("thawed after a third", thawed)
for step in (0, 2 * EPOCHS):
    print(control.explain(step=step, member="backbone"))
print("written:", keras_lr.report(history, "transfer_learning.html"))

# %% [markdown]
# More: [a rate for each layer](../docs/layers.md).
