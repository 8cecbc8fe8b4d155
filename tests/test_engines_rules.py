"""Rules that lanes can't follow are trained by fit, and only they."""

import keras
import pytest

from engine_models import build, images, never
from keras_lr import rules
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's"
)


def test_what_looks_elsewhere_than_at_epochs_ends():
    from keras_lr.engines.compiled.engine import CompiledEngine

    between = rules.Plateau("loss", every=2, patience="1 look", min_delta=0.9)
    best = rules.Plateau("loss", patience=1, min_delta=0.9, restore_best=True)
    plain = rules.Plateau("loss", patience=1, min_delta=0.9)
    x, y = images()
    job = Job(build, x, y, epochs=3, batch_size=24)
    specs = [TrialSpec({"learning_rate": 0.1}, None, (rule,)) for rule in (between, best, plain)]
    engine = CompiledEngine(job)
    got = engine.run(specs, never, lambda index, result: False)
    assert len(engine.reasons) == 2
    assert "every 2 updates" in engine.plan
    assert "best state" in engine.plan
    assert engine.plan.startswith("1 program")
    wanted = FitEngine(job).run(specs, never, lambda index, result: False)
    for one, two in zip(got, wanted, strict=True):
        rates = one.history["learning_rate"]
        assert rates == pytest.approx(two.history["learning_rate"])
        assert rates[-1] < 0.1, "the rule has to have cut"
