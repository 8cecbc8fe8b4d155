"""Progress where there is no terminal: a line now and then, with the time left."""

import pytest

from keras_lr.finder import progress as finding
from keras_lr.tuner import progress as tuning


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(tuning, "time", clock)
    monkeypatch.setattr(finding, "time", clock)
    return clock


def lines(capsys):
    return [line.removeprefix("keras-lr: ") for line in capsys.readouterr().err.splitlines()]


def train(progress, clock, epochs, seconds):
    for _ in range(epochs):
        clock.now += seconds
        progress.epoch()


def test_waves_are_told_with_the_time_left(clock, capsys):
    with tuning.Progress(80, 8, 0, "loss", quiet=False) as progress:
        train(progress, clock, 20, 1.0)
        progress.wave(2, 0.5)
        assert lines(capsys) == ["2 of 8 trials · best loss 0.5 · about 1:00 left"]
        train(progress, clock, 20, 0.1)
        progress.wave(4, 0.25)
        assert lines(capsys) == [], "not so soon again"
        train(progress, clock, 20, 1.0)
        progress.wave(6, 0.25)
        (line,) = lines(capsys)
        # At the pace since the first wave, which compiled: 40 epochs took 22 s, 20 are left.
        assert line == "6 of 8 trials · best loss 0.25 · about 0:11 left"
        progress.wave(8, 0.25)
    assert lines(capsys) == ["8 of 8 trials · best loss 0.25"], "the last one is never left out"


def test_trials_that_ended_early_leave_nothing_to_wait_for(clock, capsys):
    with tuning.Progress(80, 8, 0, "loss", quiet=False) as progress:
        train(progress, clock, 4, 1.0)
        progress.wave(4, 0.5)
        assert lines(capsys) == ["4 of 8 trials · best loss 0.5 · about 0:04 left"]


def test_a_long_wave_is_told_on_the_way(clock, capsys):
    with tuning.Progress(10, 1, 0, "loss", quiet=False) as progress:
        train(progress, clock, 5, 60.0)
        assert lines(capsys)[0] == "0 of 1 trials · about 9:00 left"
        progress.stage("epoch 5 of 10", 0.5)
        progress.say("interrupted")
        assert lines(capsys)[-2:] == [
            "1 trials · epoch 5 of 10 · best loss 0.5 · about 5:00 left",
            "interrupted",
        ]


def test_who_asks_for_silence_gets_it(clock, capsys):
    with tuning.Progress(10, 1, 0, "loss", quiet=True) as progress:
        train(progress, clock, 5, 60.0)
        progress.wave(1, 0.5)
    with finding.shown(10, quiet=True) as told:
        clock.now += 100
        told(5)
    assert lines(capsys) == []


def test_a_long_search_for_a_rate_is_told(clock, capsys):
    with finding.shown(100) as told:
        told(10)
        clock.now += 31
        told(20)
        clock.now += 1
        told(30)
    assert lines(capsys) == ["find: 20 of 100 updates, about 4:08 left"]
