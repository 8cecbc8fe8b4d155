"""`explain` attributes any step's rate: to several callbacks, and to rules of one name."""

import numpy as np
import pytest

from helpers import applied_rates, classifier, data, ones, unit_gradient
from keras_lr import LearningRate, rules, schedules
from keras_lr.errors import InvalidInput
from oscillating import linear, noisy, optimizer

keras = pytest.importorskip("keras")


def test_each_of_two_callbacks_tells_of_the_other_s_schedule():
    first = LearningRate("linear(1, 0.5, length=8)")
    second = LearningRate(schedules.Constant().warmup(4))
    model = unit_gradient(keras.optimizers.SGD(0.5))
    x, y = ones(4)
    moved = applied_rates(model, x, y, batch_size=2, epochs=2, callbacks=[first, second])
    for control in (first, second):
        for step, rate in enumerate(moved):
            assert control.explain(step).rate == pytest.approx(rate, rel=1e-3)
    told = first.explain(2)
    assert told.reductions == {f"LearningRate({second.schedule})": second.explain(2).schedule}
    assert "warmup(4)" in str(told)


def twice(*watching):
    """Two fits that the rules cut in: what was logged, and the callback."""
    model = classifier(keras.optimizers.SGD(0.1), metrics=["accuracy"])
    x, y = data(16)
    control = LearningRate(rules=watching)
    logged = []
    for epochs in (2, 1):
        fit = model.fit(x, y, epochs=epochs, batch_size=16, verbose=0, callbacks=[control])
        logged += fit.history["learning_rate"]
    return control, logged


@pytest.mark.parametrize(
    ("second", "labels"),
    [
        ("accuracy", ["plateau(loss)", "plateau(accuracy)"]),
        ("loss", ["plateau(loss)", "plateau(loss) 2"]),
    ],
)
def test_rules_of_one_name(second, labels):
    # An improvement by 100 never comes, so each cuts at the second epoch.
    cuts = {"factor": 0.5, "patience": 1, "min_delta": 100.0}
    control, logged = twice(rules.Plateau("loss", **cuts), rules.Plateau(second, **cuts))
    events = [event.cause for event in control.record.events if event.fit == 0]
    assert events == labels
    assert logged[-1] == pytest.approx(0.025)
    told = control.explain(0)
    assert told.rate == pytest.approx(logged[-1])
    assert told.reductions == dict.fromkeys(labels, 0.5)


def test_in_graph_rules_of_one_name():
    x, y = noisy()
    model = linear(optimizer("sgd"))
    rule = rules.Oscillation("distance", factor=0.5, first=8)
    control = LearningRate(rules=[rule, rules.Oscillation("distance", factor=0.8, first=4)])
    for _ in range(2):
        fit = model.fit(x, y, batch_size=16, epochs=4, verbose=0, callbacks=[control])
    labels = {"oscillation(distance)", "oscillation(distance) 2"}
    assert {event.cause for event in control.record.events} == labels
    for epoch, rate in enumerate(fit.history["learning_rate"]):
        told = control.explain(20 * (epoch + 1) - 1)
        assert told.rate == pytest.approx(rate, rel=1e-5)
        assert set(told.reductions) == labels


def test_one_rule_keeps_its_name():
    cuts = {"factor": 0.5, "patience": 1, "min_delta": 100.0}
    control, _ = twice(rules.Plateau("loss", **cuts), rules.Divergence())
    assert {event.cause for event in control.record.events} == {"plateau"}


def test_a_member_of_an_optimizer_that_has_none():
    control, _ = twice(rules.Plateau("loss", factor=0.5))
    with pytest.raises(InvalidInput, match=r"without members: write explain\(step\)"):
        control.explain(0, member="backbone")
    np.testing.assert_allclose(control.explain(0).rate, 0.1)
