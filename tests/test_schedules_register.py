"""What `register` refuses, each with the line to add."""

from __future__ import annotations

from dataclasses import dataclass
from unittest import mock

import pytest

from keras_lr.errors import InvalidInput
from keras_lr.schedules import SCHEDULES, Length, Linear, Schedule, register
from keras_lr.schedules.period import Period


@pytest.fixture(autouse=True)
def own_registry():
    with mock.patch.dict(SCHEDULES):
        yield


def test_a_class_that_is_no_dataclass():
    class Arc(Schedule):
        length: Length | None = None

    class Bent(Linear):
        bend: float = 1.0

    for cls in (Arc, Bent):
        with pytest.raises(InvalidInput, match=r"Write @dataclass\(frozen=True\) between"):
            register(cls)
    for wrong in (3, int, Linear()):
        with pytest.raises(InvalidInput, match="derives from Schedule"):
            register(wrong)


@pytest.mark.parametrize("annotation", ["Length", "Period | None", "tuple[Length, ...]"])
def test_a_length_that_lengths_does_not_name(annotation):
    for kind in (annotation, eval(annotation), eval(annotation) | None):

        class Arc(Schedule):
            size: float = 1.0

        Arc.__annotations__ = {"size": float, "wait": kind}
        Arc.wait = 3
        Arc = dataclass(frozen=True)(Arc)
        with pytest.raises(InvalidInput, match=r'Add to the class: lengths = \("wait",\)'):
            register(Arc)
        assert "arc" not in SCHEDULES
        Arc.lengths = ("wait",)
        assert SCHEDULES[register(Arc).name] is Arc
        SCHEDULES.pop("arc")


@pytest.mark.parametrize("lengths", [("lenght",), "length"])
def test_lengths_that_are_no_fields(lengths):
    Arc = dataclass(frozen=True)(type("Arc", (Linear,), {"lengths": lengths}))
    with pytest.raises(InvalidInput, match="none of its fields: start, end, length"):
        register(Arc)


def test_settings_that_are_no_lengths():
    @register
    @dataclass(frozen=True)
    class Table(Schedule):
        value: float = 1.0
        names: dict[int, str] | None = None

    Table.__dataclass_fields__["names"].type = dict[int, str] | None
    assert SCHEDULES[register(Table).name] is Table


def test_a_schedule_that_resolves_its_lengths_by_itself():
    @register
    @dataclass(frozen=True)
    class Own(Schedule):
        every: Period = 3

        def lay(self, horizon, room):
            return self

        def missing(self):
            return None

    assert SCHEDULES["own"] is Own
