"""Where the best trial lies at the end of what was searched."""

import numpy as np
import pytest

from keras_lr import Finding, Integers, LogIntegers, LogUniform, Uniform
from keras_lr.tuner.edges import edges


@pytest.mark.parametrize(
    ("given", "value", "side", "wider"),
    [
        (LogUniform(1e-3, 1.0), 0.9, "upper", (1e-3, 10.0)),
        (LogUniform(1e-3, 1.0), 1.1e-3, "lower", (1e-4, 1.0)),
        (LogUniform(1e-3, 1.0), 0.5, None, None),
        (Uniform(0.5, 0.9), 0.51, "lower", (0.1, 0.9)),
        (Uniform(0.0, 0.9), 0.01, None, None),  # nothing lies below 0
        (Uniform(0.0, 0.9), 0.89, "upper", (0.0, 1.8)),
        (Uniform(-1.0, 1.0), -0.99, "lower", (-3.0, 1.0)),
        (Integers(2, 8), 8, "upper", (2, 14)),
        (Integers(2, 8), 7, None, None),
        (LogIntegers(4, 64), 4, "lower", (1, 64)),
        ([0.1, 0.2, 0.3], 0.3, None, None),
        ("fixed", "fixed", None, None),
    ],
)
def test_a_value_at_an_edge(given, value, side, wider):
    found = edges({"thing": given}, {"thing": value})
    assert [edge.side for edge in found] == ([] if side is None else [side])
    assert all(edge.wider == pytest.approx(wider) for edge in found)
    assert all(f"The best thing lies at the {side} edge" in str(edge) for edge in found)


def test_rates_in_a_list_or_from_a_finding_are_ranges():
    (edge,) = edges({"learning_rate": [0.1, 1.0, 0.01]}, {"learning_rate": 1.0})
    assert (edge.side, edge.searched) == ("upper", (0.01, 1.0))
    finding = Finding(0.1, np.ones(1), np.ones(1), "", "race", band=(0.05, 0.14))
    (edge,) = edges({"learning_rate": finding}, {"learning_rate": 0.026})
    assert edge.side == "lower"
    assert edges({"learning_rate": 0.1}, {"learning_rate": 0.1}) == []
