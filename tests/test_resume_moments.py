"""A run goes on exactly from odd moments, with data that holds its own order, with many optimizers."""

import importlib

import keras
import numpy as np
import pytest

import keras_lr
from keras_lr import rules
from resume_runs import Cut, built, cut_after, data, run, weights

BACKEND = keras.backend.backend()
OWN = {"y": None, "batch_size": None, "validation_split": 0, "shuffle": False}


def trial(folder, fit, *, cuts=(14,), save_freq=5):
    """The same run uncut, and cut off and taken up again."""
    one = run(folder / "a", save_freq=save_freq, **fit())
    for after in cuts:
        with pytest.raises(Cut):
            run(folder / "b", save_freq=save_freq, more=[cut_after(after)], **fit())
    found = run(folder / "b", save_freq=save_freq, **fit())
    assert found[1] == one[1]
    assert weights(found[0]) == weights(one[0])
    return found


class Poison(keras.callbacks.Callback):
    """A NaN in the weights, once."""

    def __init__(self, update):
        super().__init__()
        self.seen, self.update = 0, update

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.update:
            if BACKEND == "jax":
                self.model.jax_state_sync()
            kernel = self.model.trainable_variables[0]
            kernel.assign(np.full(kernel.shape, np.nan, "float32"))


@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_a_rollback_at_the_moment_of_a_save(tmp_path, shuffle):
    x, y = data(160)

    def fit():
        control = keras_lr.LearningRate(rules=[rules.Divergence()])
        return {
            "callbacks": [control, Poison(25)],
            "x": x,
            "y": y,
            "epochs": 3,
            "validation_split": 0,
            "shuffle": shuffle,
        }

    found = trial(tmp_path, fit, cuts=(33,), save_freq=10)
    assert [event.step for event in found[2][0].record.events] == [30]


def sequence(kind):
    x, y = data(72)

    class Shuffled(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.order = np.arange(72) if kind != "list" else list(range(72))
            self.random = np.random.default_rng(5)
            self.held = x.copy()

        def __len__(self):
            return 9

        def __getitem__(self, index):
            chosen = self.order[8 * index : 8 * index + 8]
            return self.held[chosen], y[chosen]

        def on_epoch_begin(self):
            if kind == "at the begin":
                np.random.shuffle(self.order)

        def on_epoch_end(self):
            if kind == "held":
                self.held = self.held[np.random.permutation(72)]
            elif kind == "own":
                self.random.shuffle(self.order)
            elif kind != "at the begin":
                np.random.shuffle(self.order)

    class Speaking(Shuffled):
        def get_state(self):
            return {"order": self.order.copy()}

        def set_state(self, state):
            self.order = state["order"]

    return (Speaking if kind == "speaking" else Shuffled)()


@pytest.mark.parametrize("save_freq", ["epoch", 5])
@pytest.mark.parametrize("kind", ["array", "list", "own", "at the begin", "speaking"])
@pytest.mark.deep(after=1)
def test_a_dataset_that_shuffles_itself(tmp_path, kind, save_freq):
    def fit():
        return {"callbacks": [], "x": sequence(kind), **OWN}

    trial(tmp_path, fit, cuts=(24, 8), save_freq=save_freq)


def test_a_dataset_whose_order_isnt_saved_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match=r"PyDataset changes held .*get_state"):
        run(tmp_path, callbacks=[], x=sequence("held"), **OWN)


@pytest.mark.parametrize("save_freq", ["epoch", 5])
@pytest.mark.parametrize("place", ["loader", "sampler"])
def test_a_data_loader_with_a_generator(tmp_path, place, save_freq):
    torch = pytest.importorskip("torch", reason="a DataLoader is torch's")
    x, y = data(72)

    def fit():
        drawn = torch.Generator().manual_seed(3)
        dataset = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
        if place == "loader":
            loader = torch.utils.data.DataLoader(dataset, 8, shuffle=True, generator=drawn)
        else:
            sampler = torch.utils.data.RandomSampler(dataset, generator=drawn)
            loader = torch.utils.data.DataLoader(dataset, 8, sampler=sampler)
        return {"callbacks": [], "x": loader, **OWN}

    trial(tmp_path, fit, cuts=(24, 8), save_freq=save_freq)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.data needs TensorFlow")
@pytest.mark.parametrize(
    ("save_freq", "again", "told"),
    [("epoch", True, "every epoch is whole"), (5, True, "may repeat"), ("epoch", False, None)],
)
def test_a_shuffle_of_tf_data(tmp_path, save_freq, again, told):
    tf = importlib.import_module("tensorflow")
    x, y = data(72)

    def fit():
        keras.utils.set_random_seed(1)
        dataset = tf.data.Dataset.from_tensor_slices((x, y))
        shuffled = dataset.shuffle(72, seed=3, reshuffle_each_iteration=again)
        return {"callbacks": [], "x": shuffled.batch(8), **OWN}

    if told is None:
        trial(tmp_path, fit, save_freq=save_freq)
        return
    with pytest.raises(Cut):
        run(tmp_path, save_freq=save_freq, more=[cut_after(14)], **fit())
    with pytest.warns(UserWarning, match=told):
        run(tmp_path, save_freq=save_freq, **fit())


class Game(keras.Model):
    """Two networks and two optimizers, as a GAN has them."""

    def __init__(self):
        super().__init__()
        self.one, self.two = (
            keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]) for _ in range(2)
        )
        self.by_name = {"two": keras.optimizers.Adam(0.02)}
        self.optimizer_of_one = keras.optimizers.SGD(0.05, momentum=0.9)

    def call(self, x):
        return self.one(x) + self.two(x)

    def train_step(self, batch):
        x, y = batch
        if BACKEND == "torch":
            self.zero_grad()
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            loss.backward()
            with importlib.import_module("torch").no_grad():
                self.update(lambda variables: [v.value.grad for v in variables])
        else:
            with importlib.import_module("tensorflow").GradientTape(persistent=True) as tape:
                loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            self.update(lambda variables: tape.gradient(loss, [v.value for v in variables]))
        self._loss_tracker.update_state(loss)
        return {"loss": self._loss_tracker.result()}

    def update(self, gradients):
        parts = ((self.one, self.optimizer_of_one), (self.two, self.by_name["two"]))
        for part, optimizer in parts:
            optimizer.apply(gradients(part.trainable_variables), part.trainable_variables)


def game():
    keras.utils.set_random_seed(2)
    model = Game()
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.skipif(BACKEND == "jax", reason="on JAX Keras's state holds one optimizer")
def test_optimizers_beside_the_one_that_was_compiled(tmp_path):
    found = trial(tmp_path, lambda: {"callbacks": [], "model": game(), "validation_split": 0})
    optimizers = (found[0].optimizer_of_one, found[0].by_name["two"])
    assert [int(each.iterations.numpy()) for each in optimizers] == [60, 60]


@pytest.mark.skipif(BACKEND == "jax", reason="on JAX Keras's state holds one optimizer")
def test_a_model_that_lost_an_optimizer_is_refused(tmp_path):
    with pytest.raises(Cut):
        run(tmp_path, callbacks=[], model=game(), more=[cut_after(7)], validation_split=0)
    other = game()
    other.optimizer_of_one = None
    with pytest.raises(
        keras_lr.errors.InvalidInput, match=r"had the optimizers .*optimizer_of_one"
    ):
        run(tmp_path, callbacks=[], model=other, validation_split=0)


def test_a_run_that_isnt_cut_off_needs_no_such_thing(tmp_path):
    """What a resume compares with is made of the script, not of what training left."""
    model = built()
    for _ in range(2):
        run(tmp_path / "b", model=model, callbacks=[])
