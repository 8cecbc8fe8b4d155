"""The contract of engines on a cluster: the curves of fit for whatever can travel."""

import pytest

from engine_contract import CASES
from engine_failures import check_that_the_impossible_fail_alone
from engine_models import assert_same_curves, never
from keras_lr.engines.fit import FitEngine
from keras_lr.errors import InvalidInput

STAYS = {"own_train_step_averaged_weights": "Halved isn't found in a module"}
"""Cases whose model can't travel, and why."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_curves_are_those_of_fit(make_engine, case):
    made = case()
    job = made.made()
    if case.__name__ in STAYS:
        with pytest.raises(InvalidInput, match=STAYS[case.__name__]):
            make_engine(job).run(made.specs, never, never)
        return
    engine = make_engine(job)
    wanted = FitEngine(job).run(made.specs[: made.compared], never, never)
    got = engine.run(made.specs, never, never)
    assert_same_curves(got[: made.compared], wanted, rtol=made.late, atol=made.late / 10)
    assert engine.told.tasks == 2, "a trial a core"


def test_trials_that_cannot_be_trained_fail_alone(make_engine):
    check_that_the_impossible_fail_alone(make_engine)
