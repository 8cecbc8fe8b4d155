"""What every engine is held to when some of a wave's trials can't be trained."""

from engine_contract import CLASSES, Case
from engine_models import build
from keras_lr.engines import TrialSpec


def maybe_impossible(kind="dense", width=1):
    """`build`, but for two kinds: one isn't built, the other doesn't fit the data."""
    import keras

    if kind == "unbuilt":
        raise ValueError(f"there is no model of width {width}")
    model = build()
    if kind == "unfit":
        kernel = keras.layers.Conv2D(1, 8 + width)  # wider than the pictures
        model = keras.Sequential([kernel, keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def check_that_the_impossible_fail_alone(make_engine):
    """Trials that can't be trained fail with their own error, in a first wave's beginning and later.

    Args:
        make_engine: As in `ENGINES`.
    """
    engine = make_engine(Case({"build_model": maybe_impossible, "epochs": 1}).made())
    for waves, kinds in enumerate((["unbuilt", "unfit", "dense"], ["dense", "unfit", "unbuilt"])):
        ended, width = [], 1 + waves
        specs = [TrialSpec({"learning_rate": 0.01}, arguments={"kind": k, "width": width})
                 for k in kinds]  # fmt: skip
        results = engine.run(
            specs, lambda *_: False, lambda trial, _, e=ended: e.append(trial) or True
        )
        assert sorted(ended) == [0, 1, 2], "each ends once"
        found = dict(zip(kinds, results, strict=True))
        assert found["dense"].finished
        assert len(found["dense"].history["loss"]) == 1
        assert f"there is no model of width {width}" in str(found["unbuilt"].error)
        assert "negative" in str(found["unfit"].error).lower(), "the layer's own words"
        assert [r.weights is None for r in found.values()] == [k != "dense" for k in kinds]
