"""How a recipe is held against its library: the same values, in numbers, tensors and over a run."""

import math

import numpy as np
from hypothesis import strategies as st

from keras_lr import schedules

MOST = np.arange(1024)
"""Steps of one shape for all, since JAX compiles each operation anew for each shape."""


def agrees(ours, theirs, *, absolute=False, rtol=1e-6, skip=()):
    """`ours` has the values `theirs`, of step 0 onwards, at every step but those in `skip`.

    In float64 to `rtol`, in float32 tensors to 1e-5, and unchanged by a round trip through text and
    configs and by being laid out over a run. What is next to 0, where a library's cosine leaves a
    rounding and ours is exact, may differ by 1e-12 of the peak (3e-7 in float32).
    """
    import keras

    theirs = np.asarray(theirs, dtype=np.float64)
    assert len(theirs) <= len(MOST)
    steps = np.arange(len(theirs))
    kept = ~np.isin(steps, list(skip))
    peak = np.abs(theirs).max()
    assert ours.absolute == absolute, ours
    values = ours(steps)
    np.testing.assert_allclose(
        values[kept], theirs[kept], rtol=rtol, atol=1e-12 * peak, err_msg=str(ours)
    )
    tensor = keras.ops.convert_to_numpy(ours(keras.ops.convert_to_tensor(MOST)))[: len(steps)]
    np.testing.assert_allclose(
        tensor[kept], theirs[kept], rtol=max(rtol, 1e-5), atol=3e-7 * peak, err_msg=str(ours)
    )
    if schedules.has_text(ours):
        assert schedules.parse(str(ours)) == ours
        assert schedules.deserialize(schedules.serialize(ours)) == ours
    plan = ours.resolve(steps=max(len(theirs), 2))
    np.testing.assert_array_equal(plan(steps), values)


def stays(ours, since):
    """From step `since` on, `ours` is constant (its first value may be off by a rounding)."""
    values = ours([since, since + 1, since + 5, 10 * since + 7, 2**31 - 2])
    np.testing.assert_allclose(values, values[-1], rtol=1e-12, atol=1e-12 * ours(0))


def floats(low, high):
    """Numbers from 0 on, and none but 0 so small that a schedule refuses it."""
    return st.floats(low, high).map(lambda value: value if value > 1e-12 else 0.0)


def sweep(formula, steps):
    return [formula(step) for step in range(steps)]


def line(low, high, share):
    return low + (high - low) * share


def half_cosine(share):
    return (1 + math.cos(math.pi * share)) / 2
