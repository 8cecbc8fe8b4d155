"""Fractional periods (2.5 updates an epoch) stay right where 32 bits end."""

from fractions import Fraction

import keras
import numpy as np
import pytest

from keras_lr.schedules.arithmetic import periods

STEPS = [0, 1, 999, 10**6, 16_777_217, 2**30 + 1, 2**31 - 1]


@pytest.mark.parametrize("every", [1.5, 2.5, 62.5, 1234.5678, 99_999.75, 3.3e6])
def test_periods_are_counted_in_32_bits(every):
    # near enough to `every` for int32, and exactly it where that can be
    nearest = Fraction(every).limit_denominator(max(1, int((2**31 / every) ** 0.5)))
    exact = [int(step / nearest) for step in STEPS]
    tensor = keras.ops.convert_to_tensor(np.array(STEPS, "int32"))
    found = keras.ops.convert_to_numpy(periods(tensor, every, keras.ops))
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    np.testing.assert_allclose(periods(np.array(STEPS), every, np), exact, rtol=1e-6)
    np.testing.assert_allclose(exact, [int(step / every) for step in STEPS], rtol=1e-5, atol=1)
