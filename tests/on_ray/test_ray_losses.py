"""Nodes and workers that are lost in the middle: their trials run again, and only theirs."""

import pytest
from nodes import NODE, kill_workers, workers_of

from engine_models import assert_same_curves, build, images, never
from keras_lr import rules
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine


def job():
    x, y = images()
    return Job(build, x, y, epochs=3, batch_size=24)


def specs(count):
    return [TrialSpec({"learning_rate": 0.01 * (1 + number)}) for number in range(count)]


class Watch:
    """A report and a done that note what they are told, and act once."""

    def __init__(self, act, when):
        self.act = act
        self.when = when
        self.epochs = []
        self.ended = []

    def together(self, epoch, logs):
        self.epochs += [(trial, epoch) for trial in logs]
        if self.act is not None and self.when(epoch, logs):
            # The tasks wait for their answers meanwhile, so they are in their middle for sure.
            act, self.act = self.act, None
            act()
        return {trial for trial in logs if trial == 0 and epoch == 0}

    def done(self, trial, result):
        self.ended.append(trial)
        return True


def check(watch, results, count):
    """Every trial ended once, was reported once an epoch, and has the curve of fit."""
    wanted = FitEngine(job()).run(specs(count), watch_of_first, never)
    assert_same_curves(results, wanted)
    assert sorted(watch.ended) == list(range(count))
    epochs = [(trial, epoch) for trial in range(count) for epoch in range(3 if trial else 1)]
    assert sorted(watch.epochs) == epochs
    assert all(result.weights is not None for result in results[1:])


def watch_of_first(trial, epoch, logs):
    return trial == 0 and epoch == 0


def test_a_node_that_is_lost_in_the_middle(cluster, make_engine):
    cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    engine = make_engine(job())
    lost = []

    def lose():
        node = next(node for node in cluster.worker_nodes if workers_of(node))
        lost.extend(workers_of(node))
        cluster.remove_node(node, allow_graceful=False)

    # By then all groups are at work or through, and the pruned trial 0 has ended.
    watch = Watch(lose, lambda epoch, logs: {(n, 0) for n in range(6)} <= set(watch.epochs))
    results = engine.run(specs(6), watch, watch.done)
    assert len(lost) == 1, "one core, one task"
    assert engine.told.lost == 1
    assert engine.told.tasks == 4
    check(watch, results, 6)


def test_workers_that_are_killed_in_the_middle(cluster, make_engine):
    engine = make_engine(job())
    killed = []
    watch = Watch(lambda: killed.append(kill_workers(cluster)), lambda epoch, logs: epoch == 1)
    results = engine.run(specs(4), watch, watch.done)
    assert killed[0] >= 1
    assert engine.told.lost == killed[0]
    check(watch, results, 4)


def test_a_trial_that_kills_its_workers_fails_alone(make_engine):
    from fatal import Fatal  # registers a rule that no process survives: not for other tests

    plateau = rules.Plateau("loss", patience=1)
    wave = [TrialSpec({"learning_rate": 0.1}, None, (plateau,)) for _ in range(3)]
    wave[1] = TrialSpec({"learning_rate": 0.1}, None, (Fatal("loss", patience=1),))
    engine = make_engine(job(), lanes=4, losses=2)
    ended = []
    results = engine.run(wave, never, lambda index, result: ended.append(index))
    assert [result.finished for result in results] == [True, False, True]
    assert "killed" in str(results[1].error).lower() or "died" in str(results[1].error).lower()
    assert sorted(ended) == [0, 1, 2]


def test_after_an_interrupt_nothing_goes_on(make_engine):
    def interrupt():
        raise KeyboardInterrupt

    engine = make_engine(job())
    watch = Watch(interrupt, lambda epoch, logs: epoch == 1)
    with pytest.raises(KeyboardInterrupt):
        engine.run(specs(4), watch, watch.done)
    assert watch.ended in ([], [0])
    watch = Watch(None, None)
    check(watch, engine.run(specs(4), watch, watch.done), 4)
