"""Every engine against the reference, over models, optimizers, data and precisions."""

import keras
import numpy as np
import pytest

from engine_contract import CASES, ENGINES
from engine_failures import check_that_the_impossible_fail_alone
from engine_models import assert_same_curves, never
from keras_lr.engines.fit import FitEngine

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the engines that are compared here run JAX programs"
)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.__name__)
def case(request):
    """A case, its job, and what the reference makes of it."""
    made = request.param()
    job = made.made()
    reference = FitEngine(job).run(made.specs[: made.compared], never, lambda index, result: True)
    return made, job, reference


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.deep(after=4)
def test_an_engine_gives_the_curves_and_weights_of_fit(engine, case):
    made, job, wanted = case
    got = ENGINES[engine](job).run(made.specs, never, lambda index, result: True)
    losses = [result.history["loss"] for result in got]
    assert losses[0] != losses[1], "the rates have to matter"
    got = got[: made.compared]
    assert_same_curves(got, wanted, rtol=made.late, atol=made.late / 10)
    for one, two in zip(got, wanted, strict=True):
        np.testing.assert_allclose(
            one.history["loss"][:2], two.history["loss"][:2], rtol=made.early, err_msg="early steps"
        )
        assert len(two.history["loss"]) == job.epochs
        for mine, its in zip(one.weights, two.weights, strict=True):
            np.testing.assert_allclose(mine, its, rtol=10 * made.late, atol=made.late)


@pytest.mark.parametrize("engine", ["fit", *ENGINES])
def test_trials_that_cannot_be_trained_fail_alone(engine):
    check_that_the_impossible_fail_alone(FitEngine if engine == "fit" else ENGINES[engine])
