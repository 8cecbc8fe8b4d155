"""The four nets that are tuned, and their data.

Digits: `../shared/data/mnist10k.npz` (28×28) where it is, else scikit-learn's 8×8 digits enlarged to
28×28. Text: the characters of `pydoc_data.topics`, which every Python brings; the class is the
character that follows 64 others.
"""

from pathlib import Path

import numpy as np

NETS = ("dense", "conv", "transformer", "lstm")
TOKENS = 64
VOCABULARY = 96


def data(net, samples=4000, held_out=1000):
    """`((x, y), (x_val, y_val))` of a net."""
    x, y = _text() if net == "transformer" else _digits()
    order = np.random.default_rng(0).permutation(len(x))
    if net == "lstm":
        x = x[..., 0]  # a digit is a sequence of 28 rows
    order = np.resize(order, samples + held_out)
    train, rest = order[:samples], order[samples:]
    return (x[train], y[train]), (x[rest], y[rest])


def _digits():
    path = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist10k.npz"
    if path.is_file():
        with np.load(path) as file:
            names = [name for name in ("x", "images", "x_train") if name in file]
            labels = [name for name in ("y", "labels", "y_train") if name in file]
            x, y = file[names[0]], file[labels[0]]
    else:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        x = np.kron(x.reshape(-1, 8, 8), np.ones((3, 3)))
        x = np.pad(x, [(0, 0), (2, 2), (2, 2)])
    return (x.reshape(-1, 28, 28, 1) / x.max()).astype("float32"), np.asarray(y).astype("int32")


def _text():
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))
    codes = np.clip(np.frombuffer(text.encode("ascii", "replace"), np.uint8) - 31, 0, 95)
    starts = np.random.default_rng(1).permutation(len(codes) - TOKENS)[:20_000]
    windows = codes[starts[:, None] + np.arange(TOKENS + 1)].astype("int32")
    return windows[:, :-1], windows[:, -1]


def build(net, learning_rate=0.01, momentum=0.9):
    """The compiled model."""
    import keras

    layers = keras.layers
    inputs = keras.Input((TOKENS,) if net == "transformer" else (28, 28, 1), name="digits")
    if net == "lstm":
        inputs = keras.Input((28, 28))
        hidden = layers.LSTM(32)(inputs)
    elif net == "dense":
        hidden = layers.Dense(64, activation="relu")(layers.Flatten()(inputs))
    elif net == "conv":
        hidden = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
        hidden = layers.Conv2D(16, 3, strides=2, activation="relu")(hidden)
        hidden = layers.Flatten()(hidden)
    else:
        hidden = _transformer(layers, inputs)
    classes = VOCABULARY if net == "transformer" else 10
    model = keras.Model(inputs, layers.Dense(classes)(hidden))
    model.compile(
        keras.optimizers.SGD(learning_rate, momentum=momentum),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _transformer(layers, tokens, width=32, heads=2):
    import keras

    places = keras.ops.arange(TOKENS)
    x = layers.Embedding(VOCABULARY, width)(tokens) + layers.Embedding(TOKENS, width)(places)
    seen = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(heads, width // heads)(seen, seen, use_causal_mask=True)
    seen = layers.LayerNormalization()(x)
    x = x + layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(seen))
    return layers.LayerNormalization()(x)[:, -1]


def points(trials):
    """The trials: rates over four decades, four momenta."""
    random = np.random.default_rng(1)
    rates = np.exp(random.uniform(np.log(1e-4), np.log(1.0), trials))
    momenta = random.choice([0.0, 0.5, 0.9, 0.95], trials)
    return [
        {"learning_rate": float(rate), "momentum": float(momentum)}
        for rate, momentum in zip(rates, momenta, strict=True)
    ]
