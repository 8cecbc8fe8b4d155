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
def test_curves_are_those_of_fit(cluster, options, case):
    from keras_lr.engines.ray import RayEngine

    made = case()
    job = made.made()
    if case.__name__ in STAYS:
        with pytest.raises(InvalidInput, match=STAYS[case.__name__]):
            RayEngine(job, options).run(made.specs, never, never)
        return
    engine = RayEngine(job, options)
    wanted = FitEngine(job).run(made.specs[: made.compared], never, never)
    got = engine.run(made.specs, never, never)
    engine.close()
    assert_same_curves(got[: made.compared], wanted, rtol=made.late, atol=made.late / 10)
    assert engine.told.tasks == 2, "a trial a core"


def test_trials_that_cannot_be_trained_fail_alone(cluster, options):
    from keras_lr.engines.ray import RayEngine

    check_that_the_impossible_fail_alone(lambda job: RayEngine(job, options))
