"""What a monitor measures inside the step: the statistics, against the weights on the host."""

import keras
import numpy as np
import pytest

from keras_lr import LearningRate, rules
from keras_lr.callbacks import LearningRateMonitor
from keras_lr.errors import InvalidInput
from oscillating import Alignments, Weights, linear, noisy, optimizer


def fitted(model, *callbacks, epochs=3):
    x, y = noisy()
    weights = Weights()
    history = model.fit(
        x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=[*callbacks, weights]
    )
    return history.history, weights.seen


ALL = LearningRateMonitor((), statistics=("alignment", "weight_norm", "norm_equilibrium"))


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_statistics_of_each_epoch(name):
    history, weights = fitted(linear(optimizer(name)), ALL)
    each = Alignments(weights, *noisy(), batch_size=8)
    norms = [np.sum(w**2) for w in weights]
    for epoch in range(3):
        updates = range(max(1, 40 * epoch), 40 * (epoch + 1))
        expected = np.mean([each(update, 0) for update in updates])
        assert history["alignment"][epoch] == pytest.approx(expected, abs=1e-4)
        # sampled where every tenth update of the epoch (the run's first isn't counted) begins
        first = 40 * epoch + (10 if epoch == 0 else 9)
        sampled = norms[first : 40 * (epoch + 1) : 10]
        last = np.sqrt(norms[40 * (epoch + 1)])
        assert history["weight_norm"][epoch] == pytest.approx(last, rel=1e-5)
        changes = np.diff(sampled)
        t = changes.mean() / (changes.std(ddof=1) / np.sqrt(len(changes)))
        assert history["norm_equilibrium"][epoch] == pytest.approx(t, rel=2e-2, abs=2e-2)


def test_weights_that_rest_under_decay_have_no_trend():
    decayed = keras.optimizers.AdamW(0.05, weight_decay=0.1)
    history, _ = fitted(linear(decayed), ALL, epochs=8)
    growing, _ = fitted(linear(keras.optimizers.AdamW(1e-3, weight_decay=0.0)), ALL, epochs=2)
    assert abs(np.mean(history["norm_equilibrium"][2:])) < 2
    assert abs(growing["norm_equilibrium"][1]) > 3


def test_beside_a_rule_in_the_step():
    rule = rules.Oscillation("alignment", chunk=5, chunks=20, width=2.0)
    alone = LearningRate(rules=[rule])
    fitted(linear(optimizer("sgd")), alone, epochs=5)
    watched = LearningRate(rules=[rule])
    model = linear(optimizer("sgd"))
    history, _ = fitted(model, ALL, watched, epochs=5)
    assert watched.record.events == alone.record.events
    assert watched.record.events != []
    assert len(history["alignment"]) == 5
    assert len(model.optimizer.variables) == 2


def test_unknown_ones_are_refused():
    with pytest.raises(InvalidInput, match="Did you mean 'alignment'"):
        LearningRateMonitor(statistics=("alignmen",))
