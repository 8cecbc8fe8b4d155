"""How a schedule is called, and what every module of them holds to."""

import dataclasses
import doctest
import importlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import keras_lr.schedules
from keras_lr.errors import InvalidInput
from keras_lr.schedules import SCHEDULES, Constant, Linear
from keras_lr.schedules.composable import Composable


@pytest.mark.parametrize("step", [None, "5", True, [True], ["a"]])
def test_a_step_is_a_number(step):
    with pytest.raises(InvalidInput, match="step"):
        Constant()(step)


def test_numbers_give_floats_and_arrays_their_shape():
    schedule = Linear(length=10)
    for step in [5, 5.0, np.int64(5), np.float32(5), np.array(5), np.uint8(5)]:
        assert schedule(step) == 0.5
        assert isinstance(schedule(step), float)
    assert schedule(np.arange(6).reshape(2, 3)).shape == (2, 3)
    assert schedule([]).shape == (0,)
    assert schedule(-3) == 1.0  # before the start is the start
    assert schedule(np.arange(3, dtype="uint8")).dtype == np.float64


def test_settings_are_plain_floats():
    """NumPy's scalars would widen the compiled step to float64."""
    schedule = Linear(np.float32(0.5), np.int64(0), length=np.int32(7))
    assert (type(schedule.start), type(schedule.end), type(schedule.length)) == (float, float, int)


def test_import_is_light():
    code = "import sys, keras_lr.schedules as s; s.Cosine(length=5)(range(9)); print('keras' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_setting_hides_a_method(name):
    settings = {item.name for item in dataclasses.fields(SCHEDULES[name])}
    assert not settings & set(vars(Composable))


def test_docstring_examples():
    attempted = 0
    package = keras_lr.schedules
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        result = doctest.testmod(importlib.import_module(module.name))
        assert result.failed == 0, module.name
        attempted += result.attempted
    assert attempted > 60
