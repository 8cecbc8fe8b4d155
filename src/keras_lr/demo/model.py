"""The demo's model: small, and compiled with Keras's own defaults."""

from typing import Any

BATCH_SIZE = 32


def build_model() -> Any:
    """A dense net of 2,410 weights, compiled with `SGD()` as Keras has it: rate 0.01, momentum 0."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
