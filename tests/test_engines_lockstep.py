"""The primitive of a race: right losses, and a model that isn't touched."""

import random

import keras
import numpy as np
import pytest

from engine_models import build, images
from keras_lr.errors import InvalidInput

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's"
)


def everything(model):
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


@pytest.fixture
def trained():
    """A model in the middle of its life, with momentum, statistics and random state."""
    x, y = images()
    model = build("dropout", momentum=0.9)
    model.fit(x, y, epochs=1, batch_size=20, verbose=0)
    return model, x, y


@pytest.mark.deep(after=1)
def test_each_lane_equals_training_alone(trained):
    from keras_lr.engines.compiled import batches_of, lockstep_losses

    model, x, y = trained
    batches = batches_of(x, y, steps=8, batch_size=20)
    rates = np.outer([0.01, 0.1, 1.0], np.linspace(1, 0, 8))
    losses = lockstep_losses(model, batches, rates)
    assert losses.shape == (3, 8)
    start = [np.array(value) for value in everything(model)]
    for lane in range(3):
        variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        for step, batch in enumerate(batches):
            model.optimizer.learning_rate = rates[lane, step]
            model.reset_metrics()
            alone = model.train_on_batch(*batch, return_dict=True)["loss"]
            assert losses[lane, step] == pytest.approx(alone, rel=2e-5, abs=1e-6), (lane, step)


def test_the_model_and_the_generators_stay_as_they_were(trained):
    from keras_lr.engines.compiled import batches_of, lockstep_losses

    model, x, y = trained
    batches = batches_of(x, y, steps=4, batch_size=20)
    before = everything(model), random.getstate(), np.random.get_state()
    slots = dict(vars(model.optimizer))
    losses = lockstep_losses(model, batches, np.full((2, 4), 1e30))
    assert not np.isfinite(losses[:, -1]).any(), "diverged lanes go on with non-finite losses"
    for old, new in zip(before[0], everything(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert before[1] == random.getstate()
    for old, new in zip(before[2], np.random.get_state(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert vars(model.optimizer) == slots
    model.fit(x, y, batch_size=20, verbose=0)  # and it can still be trained


def test_batches_are_those_of_fit():
    from keras_lr.engines.compiled import batches_of

    x, y = images(50)
    seen = []

    class Watched(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return x[index : index + 1], y[index : index + 1]

    for batch in batches_of(Watched(), steps=5, shuffle=False):
        seen.append(batch[0])
    assert [int((x == rows).all((1, 2, 3)).argmax()) for rows in seen] == [0, 1, 2, 0, 1]
    np.random.seed(3)
    order = np.random.permutation(50)
    np.random.seed(3)
    first = batches_of(x, y, steps=1, batch_size=10)[0]
    np.testing.assert_array_equal(first[0], x[order[:10]])


def test_a_table_of_the_wrong_shape_and_an_unbuilt_model_are_refused(trained):
    from keras_lr.engines.compiled import Program, batches_of, lockstep_losses

    model, x, y = trained
    batches = batches_of(x, y, steps=2, batch_size=20)
    with pytest.raises(InvalidInput, match=r"\(lanes, 2\).*Received: shape \(3, 4, 1\)"):
        lockstep_losses(model, batches, np.ones((3, 4)))
    bare = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(InvalidInput, match="isn't built and compiled"):
        Program(bare)


def test_an_input_answers_what_update_rules_ask_and_nothing_else():
    import jax.numpy as jnp

    from keras_lr.engines.compiled.inputs import pair
    from keras_lr.rate.stand_in import Input, NotAnInput

    value, complement = pair(0.999)
    member = Input(jnp.float32(value), jnp.float32(complement))
    assert member != 0
    assert member > 0
    assert (member == 0) is False
    assert float(1 - member) == np.float32(0.001), "in double precision, as Keras computes it"
    assert float(member - 1) == -np.float32(0.001)
    assert float(2 * member) == np.float32(1.998)
    for question in (lambda: member > 0.5, lambda: float(member), lambda: member == 1):
        with pytest.raises(NotAnInput):
            question()
