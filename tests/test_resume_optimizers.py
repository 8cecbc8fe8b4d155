"""Each kind of optimizer, schedule, rule and precision goes on to the bit after it was cut off."""

import keras
import pytest

import keras_lr
from keras_lr import rules, schedules
from keras_lr.optimizers import per_layer
from resume_runs import Cut, built, busy, cut_after, run, weights

pytestmark = pytest.mark.filterwarnings(
    "ignore:The run stopped at step",
    "ignore:The optimizer was built with",
    "ignore:You are using a softmax",
)

STALLS = {"patience": 1, "min_delta": 0.5}
DISTANCE = rules.Oscillation(test="distance", first=5, growth=1.5, slope=1.2)
ALIGNMENT = rules.Oscillation(test="alignment", chunk=2, chunks=4, width=0.1)


def decaying():
    return keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)


def grouped():
    model = built()
    optimizer = per_layer(
        keras.optimizers.Adam(0.05), {".*kernel": 0.3, ".*": "linear"}, model=model
    )
    model.compile(optimizer, model.loss, metrics=["accuracy"])
    return model


def in_precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return built()
    finally:
        keras.config.set_dtype_policy(before)


def control(*given, rules=(), **arguments):
    return lambda: [keras_lr.LearningRate(*given, rules=rules, **arguments)]


def sgd(rate):
    return lambda: built(keras.optimizers.SGD(rate, momentum=0.9))


CASES = {
    "distance": (lambda: built(keras.optimizers.SGD(1.5)), control(rules=[DISTANCE])),
    "alignment": (sgd(1.5), control(rules=[ALIGNMENT])),
    "groups": (grouped, control("constant", rules=[rules.Plateau("loss", **STALLS), DISTANCE])),
    "own schedule": (
        lambda: built(keras.optimizers.SGD(decaying(), momentum=0.9)),
        control(rules=[rules.Plateau("loss", **STALLS)]),
    ),
    "rates by a schedule": (
        lambda: built(keras.optimizers.Adam(0.3)),
        lambda: [keras_lr.LearningRate(decaying(), rules=[rules.Plateau("loss", **STALLS)])],
    ),
    "momentum and decay": (
        lambda: built(keras.optimizers.AdamW(0.05, weight_decay=0.01)),
        control(
            "one_cycle",
            momentum=schedules.OneCycle(0, 0).between(0.95, 0.85),
            weight_decay="cosine",
        ),
    ),
    "loss scale": (
        lambda: built(
            keras.optimizers.LossScaleOptimizer(
                keras.optimizers.Adam(0.05), initial_scale=1024.0, dynamic_growth_steps=7
            )
        ),
        busy,
    ),
    "divergence": (
        sgd(30.0),
        control(rules=[rules.Divergence(factor=0.2, spike=1.5, max_rollbacks=9)]),
    ),
    "the best, inside an epoch": (
        sgd(2.0),
        control(
            rules=[
                rules.Plateau("loss", every=7, patience="1 looks", min_delta=0.2, restore_best=True)
            ]
        ),
    ),
    "mixed precision": (lambda: in_precision("mixed_bfloat16"), busy),
    "half precision": (lambda: in_precision("bfloat16"), busy),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.deep(after=1)
def test_it_goes_on_to_the_bit(tmp_path, case):
    model, callbacks = CASES[case]
    one = run(tmp_path / "a", model=model(), callbacks=callbacks())
    with pytest.raises(Cut):
        run(tmp_path / "b", model=model(), callbacks=callbacks(), more=[cut_after(29)], save_freq=4)
    found = run(tmp_path / "b", model=model(), callbacks=callbacks(), save_freq=4)
    assert found[1] == one[1]
    assert weights(found[0]) == weights(one[0])
    assert found[2][0].record.events == one[2][0].record.events
    if case not in ("momentum and decay", "mixed precision"):
        # Something has been cut before the run was cut off, and so was there to be lost.
        assert any(event.step < 28 for event in one[2][0].record.events)
