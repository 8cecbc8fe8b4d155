"""The parts of the Ray engine that need no Ray: options, bookkeeping, the store, the mailbox."""

import asyncio
import importlib.util

import numpy as np
import pytest

from engine_models import build, images, never
from keras_lr.engines import Job, TrialResult, TrialSpec, choose_engine
from keras_lr.engines.once import Once, WorkerLost
from keras_lr.engines.ray.groups import groups, structure
from keras_lr.engines.ray.mailbox import Mailbox
from keras_lr.engines.ray.options import RayOptions, slots
from keras_lr.engines.ray.store import LARGE, Store, arrange
from keras_lr.errors import InvalidInput, MissingExtra


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lanes": 0}, "lanes must be a whole number, at least 1"),
        ({"wave": 2.5}, "wave must be a whole number"),
        ({"losses": -1}, "losses must be a whole number, at least 0"),
        ({"num_cpus": -1}, "num_cpus is a whole number, or a share"),
        ({"num_gpus": 1.5}, "num_gpus is a whole number, or a share"),
        ({"num_gpus": True}, "num_gpus is a whole number, or a share"),
        ({"runtime_env": "jax"}, "runtime_env is a dictionary"),
    ],
)
def test_options_that_cannot_be_are_refused(given, message):
    with pytest.raises(InvalidInput, match=message):
        RayOptions(**given)


@pytest.mark.parametrize(
    ("options", "nodes", "wanted"),
    [
        (RayOptions(), [{"CPU": 16}, {"CPU": 2}, {"memory": 1}], (16, 2, 0, 9)),
        (RayOptions(), [{"CPU": 64, "GPU": 8}, {"CPU": 4}], (64, 1, 1, 8)),
        (RayOptions(num_gpus=0.25, lanes=8), [{"CPU": 3, "GPU": 1}], (8, 1, 0.25, 3)),
        (RayOptions(num_gpus=0), [{"CPU": 8, "GPU": 8}], (16, 4, 0, 2)),
        (RayOptions(num_cpus=0.5), [{"CPU": 1}], (16, 0.5, 0, 2)),
    ],
)
def test_tasks_get_what_the_nodes_have(options, nodes, wanted):
    slot = slots(options, nodes)
    assert (slot.lanes, slot.num_cpus, slot.num_gpus, slot.count) == wanted


def test_a_task_that_fits_no_node_is_refused():
    with pytest.raises(InvalidInput, match=r"num_gpus=1; the nodes have CPU=8 GPU=0"):
        slots(RayOptions(num_gpus=1), [{"CPU": 8}])


def test_groups_are_of_one_structure_and_fill_the_slots():
    key = lambda trial: "conv" if trial % 3 == 0 else "dense"  # noqa: E731
    found = groups(20, key, lanes=16, slots=4)
    assert sorted(trial for group in found for trial in group) == list(range(20))
    assert all(len({key(trial) for trial in group}) == 1 for group in found)
    assert max(map(len, found)) == 5, "twenty trials, four slots"
    assert max(map(len, groups(1000, key, lanes=16, slots=4))) == 16


def test_an_epoch_that_was_reported_is_not_reported_again_and_its_verdict_stays():
    asked = []

    def report(trial, epoch, logs):
        asked.append((trial, epoch))
        return trial == 1 and epoch == 1

    once = Once(2, report, never)
    logs = {0: {"loss": 1.0}, 1: {"loss": 2.0}}
    assert once.together(0, logs) == set()
    assert once.together(1, logs) == {1}
    assert once.together(0, logs) == set(), "another worker, from the start"
    assert once.together(1, logs) == {1}
    assert once.together(2, {0: {"loss": 0.5}}) == set()
    assert asked == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2)]


def test_a_trial_ends_once():
    ended = []
    once = Once(2, never, lambda trial, result: ended.append(trial) or trial == 0)
    first = TrialResult({"loss": [1.0]})
    assert once.done(0, first) is True
    assert once.done(0, TrialResult({"loss": [2.0]})) is True
    assert once.done(1, TrialResult()) is False
    assert ended == [0, 1]
    assert once.collect()[0] is first


def test_what_a_lost_worker_trained_goes_out_again_in_halves_and_at_last_fails_alone():
    ended = []
    once = Once(5, never, lambda trial, result: ended.append(trial), losses=2)
    once.done(0, TrialResult())
    assert once.again([0], "", alone=False) == [], "nothing is left to do"
    assert once.again([0, 1, 2, 3, 4], "", alone=False) == [[1, 2, 3, 4]]
    assert once.again([1, 2, 3, 4], "") == [[1, 2], [3, 4]]
    assert once.again([3, 4], "") == [[3], [4]]
    assert once.again([3], "no memory") == []
    assert ended == [0, 3]
    for _ in range(2):
        assert once.again([1, 2], "", alone=False) == [[1], [2]], "too many nodes"
    assert isinstance(once.results[3].error, WorkerLost)
    assert str(once.results[3].error) == "no memory"


def test_copies_of_each_other_are_not_parted():
    ended = []
    once = Once(3, never, lambda trial, result: ended.append(trial), lambda *_: {}, losses=1)
    once.done(1, TrialResult())
    assert once.again([0, 1, 2], "") == [[0, 1, 2]], "who ended may be the source of a copy"
    with pytest.raises(ValueError, match="no such layer"):
        once.failed([0, 1, 2], ValueError("no such layer"))
    assert once.again([0, 1, 2], "no memory") == []
    assert [str(result.error) for result in once.collect()] == ["no memory", "None", "no memory"]
    assert ended == [1, 0, 2]


def test_of_a_training_that_raises_the_trial_to_blame_fails_alone():
    ended = []
    once = Once(4, never, lambda trial, result: ended.append(trial), losses=4)
    wrong = ValueError("no such layer")
    once.done(1, TrialResult())
    assert once.failed([0, 1, 2, 3], wrong) == [[0, 2], [3]]
    assert once.failed([1], wrong) == []
    assert once.failed([3], wrong) == [], "not even once more"
    assert once.results[3].error is wrong
    assert ended == [1, 3]


class Objects:
    """What of Ray the store needs."""

    def __init__(self):
        self.held = []

    def put(self, value):
        self.held.append(value)
        return len(self.held) - 1


def test_arrays_are_put_once_as_long_as_they_live_and_come_back_in_order():
    ray = Objects()
    store = Store(ray)
    large = np.arange(LARGE, dtype="float64")
    arrays = [np.arange(3), large, np.ones((2, 0)), large, np.asfortranarray(np.eye(3))]
    for _ in range(3):
        places, references = store.put(arrays)
        found = arrange(places, [ray.held[reference] for reference in references])
        assert all(a is b for a, b in zip(found, arrays, strict=True))
    assert store.puts == 2 == len(ray.held), "the large one, and the small ones together"
    store.put([large + 1, *arrays[1:]])
    assert store.puts == 4, "another large array, and fewer small ones"
    assert store.size > 2 * large.nbytes
    del found
    ray.held.clear()
    assert len(store._known) == 3, "what isn't here any more needn't be there"
    arrays.clear()
    assert len(store._known) == 1
    store.put([large])
    assert store.puts == 5, "no small ones are an object too"


def test_what_is_structure_makes_groups_of_its_own():
    def alike(one, two):
        return structure(TrialSpec(one)) == structure(TrialSpec(two))

    assert alike({"learning_rate": 0.1, "beta_1": 0.9}, {"learning_rate": 1, "beta_1": 0.8})
    assert alike(
        {"weight_decay": 0.1, "label_smoothing": 0.1}, {"weight_decay": 0, "label_smoothing": 0.2}
    )
    for name, one, two in [
        ("batch_size", 16, 32),
        ("gradient_accumulation_steps", 2, 4),
        ("ema_overwrite_frequency", 10, 20),
        ("nesterov", True, False),
        ("weight_decay", None, 0.1),
        ("clipnorm", 0, 1.0),
    ]:
        assert not alike({name: one}, {name: two}), name


def test_posts_wait_for_their_answers():
    async def talk():
        box = Mailbox()
        first = asyncio.create_task(box.post(1, "epoch", "a"))
        second = asyncio.create_task(box.post(2, "end", "b"))
        posts = await box.collect()
        assert [post[1:] for post in posts] == [(1, "epoch", "a"), (2, "end", "b")]
        collecting = asyncio.create_task(box.collect())
        await box.answer({posts[1][0]: True, 99: "nobody waits for this"})
        assert await second is True
        assert not first.done()
        assert not collecting.done(), "nothing new has arrived"
        await box.answer({posts[0][0]: {3}})
        assert await first == {3}
        collecting.cancel()

    asyncio.run(talk())


def test_a_cluster_is_asked_for():
    x, y = images(16)
    job = Job(build, x, y)
    if importlib.util.find_spec("ray") is None:
        with pytest.raises(MissingExtra, match=r'pip install "keras-lr\[ray\]"'):
            choose_engine("ray", job, None)
        return
    import ray

    if not ray.is_initialized():
        with pytest.raises(InvalidInput, match=r"import ray; ray\.init\(\) before tune"):
            choose_engine(RayOptions(), job, None)
