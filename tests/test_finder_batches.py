"""The data of a finder: checked before anything is trained, shuffled without a global generator."""

from itertools import islice

import keras
import numpy as np
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.finder.batches import Batches

X = np.arange(40, dtype="float64").reshape(20, 2)
Y = np.arange(20)


def taken(batches, count):
    return list(islice(batches, count))


def test_arrays_are_shuffled_repeated_and_kept_together():
    batches = Batches(X, Y, batch_size=6, seed=3)
    assert batches.steps_per_epoch == 4
    first = taken(batches, 6)
    for x, y in first:
        assert x.shape == (6, 2)
        assert x.dtype == keras.config.floatx()
        np.testing.assert_array_equal(x[:, 0] / 2, y)
    epoch = np.concatenate([y for _, y in first[:3]])
    assert len(set(epoch)) == 18  # whole batches of one permutation
    assert list(epoch) != sorted(epoch)
    again = taken(batches, 6)
    for (a, _), (b, _) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    other = next(iter(Batches(X, Y, batch_size=6, seed=4)))
    assert not np.array_equal(other[1], first[0][1])


def test_global_generators_and_the_arrays_are_left_alone():
    before = np.random.get_state()[1].copy()
    taken(Batches(X, Y), 3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert X[0, 1] == 1


def test_fewer_rows_than_a_batch():
    ((x, _),) = taken(Batches(X, Y), 1)
    assert len(x) == 20


def test_nested_inputs_weights_and_tensors():
    given = {"a": X, "b": keras.ops.convert_to_tensor(X[:, :1])}
    ((x, y, weight),) = taken(Batches(given, Y, sample_weight=Y / 20, batch_size=4), 1)
    assert x["a"].shape == (4, 2)
    assert x["b"].shape == (4, 1)
    np.testing.assert_array_equal(x["a"][:, 0], x["b"][:, 0])
    np.testing.assert_allclose(weight, y / 20, rtol=1e-6)


class Counted(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[index : index + 2], Y[index : index + 2]


class Restarting:
    def __iter__(self):
        return iter([(X[:2], Y[:2]), (X[2:4], Y[2:4])])


@pytest.mark.parametrize("dataset", [Counted(), Restarting()], ids=["PyDataset", "iterable"])
def test_datasets_are_read_again_and_again(dataset):
    batches = Batches(dataset)
    seen = [int(y[0]) for _, y in taken(batches, 7)]
    length = 3 if isinstance(dataset, Counted) else 2
    assert seen == seen[:length] * 2 + seen[: 7 - 2 * length] or length == 2
    assert seen[0] == seen[length] == 0
    assert batches.steps_per_epoch == (3 if isinstance(dataset, Counted) else None)


def usable(batch):
    """Whether the backend, whichever it is, takes this batch's arrays."""
    return all(isinstance(leaf, np.ndarray) or keras.ops.is_tensor(leaf) for leaf in batch)


def test_tf_data():
    tf = pytest.importorskip("tensorflow", reason="tf.data is TensorFlow's")
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(5)
    batches = Batches(dataset)
    assert batches.steps_per_epoch == 4
    found = taken(batches, 6)
    assert [len(x) for x, _ in found] == [5] * 6
    assert all(map(usable, found))


def test_data_loader():
    torch = pytest.importorskip("torch", reason="a DataLoader is torch's")
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    batches = Batches(torch.utils.data.DataLoader(data, batch_size=5))
    assert batches.steps_per_epoch == 4
    found = taken(batches, 6)
    assert [len(x) for x, _ in found] == [5] * 6
    assert all(map(usable, found))


BAD = np.where(np.arange(40).reshape(20, 2) == 7, np.nan, X)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Y[:-1]), "the same length. Received: x has 20, y has 19"),
        (({"a": X, "b": X[:3]}, Y), r"x\['a'\] has 20, x\['b'\] has 3"),
        ((BAD, Y), r"x holds 1 NaN or infinite.*nan_to_num\(x\)"),
        ((X, np.where(Y == 3, np.inf, Y)), "y holds 1 NaN or infinite"),
        (((X, BAD), Y), r"x\[1\] holds 1 NaN"),
        (([1, 2, 3], Y), r"x is a list of numbers.*numpy\.asarray\(x\)"),
        ((None, None), "x is missing: there has to be data"),
        ((X[:0], Y[:0]), "holds no samples"),
        ((X[:1], Y[:1]), "at least 2"),
        (
            (X.astype(object), Y),
            r"x must hold numbers.*numpy\.asarray\(x\.tolist\(\), dtype='float32'\)",
        ),
        ((X, Y.astype(str)), r"y must hold numbers.*numpy\.unique\(y"),
        (((batch for batch in [(X, Y)]),), "read only once"),
        ((iter([(X, Y)]),), "read only once"),
        ((Counted(), Y), "y can't be given beside a dataset"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        Batches(*arguments)


def test_settings_that_cannot_be_used_are_refused():
    for size in (0, -1, 2.0, True, "32"):
        with pytest.raises(InvalidInput, match="batch_size must be"):
            Batches(X, Y, batch_size=size)
    with pytest.raises(InvalidInput, match="batch_size can't be given"):
        Batches(Counted(), batch_size=3)
    with pytest.raises(InvalidInput, match="yields no batches"):
        taken(Batches(EmptyDataset()), 1)


class EmptyDataset:
    def __iter__(self):
        return iter([])
