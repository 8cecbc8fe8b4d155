"""Runs just inside and just outside what shows a symptom, and losses that aren't meant to fall."""

from dataclasses import replace

import numpy as np

from diagnosis_cases import CONSTANT, COSINE, FALLING, LINE, NOISE, Case, E, cut, run

_GOOD = 0.3 + 2 * np.exp(-E / 4)
_SHALLOW = 0.7 + np.exp(-E / 4)
_FLAT = 0.5 + 2 * np.exp(-E / 3) + 0.01 * NOISE
RUNNING = {"done": False, "epochs_planned": 80}
_TUNED = 0.85 + 0.03 * np.exp(-E[:10] / 3) + 0.002 * NOISE[:10]
_BROKEN = [200, 2.31, 2.305, 2.304, 2.3045, 2.303, 2.3037, 2.304, 2.3035, 2.304]
_POLICY = 0.02 * NOISE
_GENERATOR = 0.7 + 0.04 * E + 0.05 * NOISE
_CRITIC = -5 * (1 - np.exp(-E / 5)) - 0.01 + 0.1 * NOISE * np.minimum(E, 1)
_SWINGS = 2.4 + 0.2 * np.sin(2.4 * E)
_ACCURACY = 0.1 + 0.01 * NOISE
_TARGETS = np.where(E < 1, 3e5, 500 + 30 * NOISE)
"""An error with large targets falls as far in its first epoch, and then lies about the noise."""
_ABOUT_ZERO = "away from 0"
_RISES = "meant to fall"


def ends(*last, before=_GOOD):
    """A good run with other values at its end."""
    return run([*before[: len(before) - len(last)], *last], CONSTANT)


def swings(size):
    """Up and down by this share of a level, after a fall."""
    return run([3.0, 1.5, *(1.5 * (1 + size * (-1.0) ** E[2:]))], CONSTANT)


def rises_rarely(every):
    """A saw: down in small steps, up at once, every so many epochs."""
    return run([3.0, 2.0, *(1 - 0.6 * ((E[2:] % every) / (every - 1) - 0.5))], CONSTANT)


def decays(left):
    """A loss in a line until its rate is gone, and so much of it that is left then."""
    return run(np.where(E < 8, 2 - 0.1 * E, 1.3 * left), np.where(E < 8, 0.1, 1e-4))


def guesses(first=9.0, accuracy=_ACCURACY, loss=None, rates=CONSTANT):
    """A first loss, noise after it, and an accuracy."""
    rest = _SWINGS if loss is None else loss
    return run([first, *rest[1:]], rates, accuracy=accuracy)


def layered(*ratios, rates=CONSTANT, loss=FALLING):
    """‖Δw‖/‖w‖ of layers beside one that goes on."""
    named = {f"update_ratio/h{i}": ratio for i, ratio in enumerate(ratios)}
    return run(loss, rates, **named, **{"update_ratio/head": 1e-2 * np.asarray(rates)})


def dies(at, floor=0.0, before=1e-3):
    """The ratio of a layer that stops at an epoch."""
    return np.where(at > E, before, floor)


def late(epoch):
    """Four epochs at a rate that learns, and then none to the end."""
    rates = np.where(epoch - 4 > E, 0.01, np.where(epoch > E, 0.1, 1e-4))
    return run(2 - 0.1 * np.clip(E - epoch + 4, 0, 4), rates)


def slow(share):
    """A rise from 1 to 2, whose middle half takes this share of the run."""
    return run(1 + np.clip((E - 5) / (2 * share * len(E)), 0, 1), CONSTANT)


EDGES = {
    "diverged": Case(
        ill={
            "in the last epoch": ends(45.0),
            "in the last two": ends(45.0, 40.0),
            "in the last two of a short run": run([2.3, 1.0, 0.6, 0.5, 0.4, 9.0, 9.0], None),
            "twice as high in the last epoch": ends(1.5, before=_SHALLOW),
            "half of its progress": ends(*[1.35] * 8),
            "a rise that is quick": slow(0.3),
            "little by little, after a fall": run(np.where(E < 10, 2.3 - 0.2 * E, 0.05 * E), None),
            "a tenth of its level": run(1 + 0.13 * (E > 20), CONSTANT),
        },
        well={
            "less than twice as high in the last epoch": ends(1.3, before=_SHALLOW),
            "a spike about nothing": ends(0.01, before=FALLING**3),
            "less than half of its progress": ends(*[1.1] * 8),
            "a twentieth of its level": run(1 + 0.05 * (E > 20), CONSTANT),
        },
        untold={
            "a policy's loss": (run(_POLICY, CONSTANT), _ABOUT_ZERO),
            "a loss that changes sides": (run([1.0, -1.0] * 20, None), _ABOUT_ZERO),
            "from 0 on": (run([0.0, *(0.1 + 0.01 * NOISE[1:])], CONSTANT), _ABOUT_ZERO),
            "a critic's loss, from nearly 0 down": (run(_CRITIC, CONSTANT), _ABOUT_ZERO),
            "a generator's loss": (run(_GENERATOR, CONSTANT), _RISES),
            "a rise that is slow": (slow(0.4), _RISES),
        },
    ),
    "validation exploded": Case(
        ill={
            "NaN from the sixth epoch on": run(val_loss=[1.0] * 5 + [np.nan] * 35),
            "NaN throughout": run(val_loss=np.full(40, np.nan)),
            "infinite, without a rate": run(FALLING, None, val_loss=[1.0] * 30 + [np.inf] * 10),
            "by powers of ten": run(val_loss=np.geomspace(1, 1e9, 40)),
            "eleven times its first value": run(val_loss=np.where(E < 20, 1.0, 11.0)),
            "in the last two epochs": run(val_loss=[1.0] * 38 + [np.nan] * 2),
        },
        well={
            "both fall": run(val_loss=FALLING + 0.1),
            "nine times its first value": run(val_loss=np.where(E < 20, 1.0, 9.0)),
            "NaN where it wasn't judged": run(val_loss=np.where(E % 5, np.nan, FALLING)),
            "a spike that passed": run(val_loss=np.where(E == 30, 1e9, FALLING)),
            "in the last epoch alone": run(val_loss=[1.0] * 39 + [np.nan]),
            "both explode": run(1 + E / 10, val_loss=np.geomspace(1, 1e9, 40)),
        },
        untold={"no validation": (run(), "validation_data"),
                "one epoch": (run([1.0], [0.1], val_loss=[1.0]), "2 epochs")},
    ),
    "overfitting": Case(
        ill={
            "in five epochs": run([1, 0.8, 0.6, 0.5, 0.4], [0.1] * 5,
                                  val_loss=[0.5, 0.45, 0.6, 0.9, 1.2]),
            "six percent": run(val_loss=0.5 + 0.06 * 0.5 * np.maximum(E - 9, 0) / 29),
        },
        well={
            "four percent": run(val_loss=0.5 + 0.04 * 0.5 * np.maximum(E - 9, 0) / 29),
            "rises in the last two epochs": run(
                [1, 0.8, 0.6, 0.5, 0.4], [0.1] * 5, val_loss=[0.7, 0.5, 0.45, 0.6, 0.9]
            ),
            "rises with much noise": run(val_loss=0.5 + 0.004 * E + 0.2 * NOISE),
        },
        untold={"four epochs": (run(cut(FALLING, 4), cut(COSINE, 4), val_loss=[1.0] * 4), "5 epochs")},
    ),
    "rate decayed too soon": Case(
        ill={
            "seven tenths of the loss left": decays(0.7),
            "for 11 of 40 epochs": late(29),
        },
        well={
            "half of the loss left": decays(0.55),
            "for 9 of 40 epochs": late(31),
        },
        untold={"still running": (replace(late(29), done=False), "the end")},
    ),
    "dead layers": Case(
        ill={
            "one of two": layered(dies(20)),
            "both": layered(dies(20), dies(30, 5e-8)),
            "in the last three epochs": layered(dies(37)),
            "nearly nothing": layered(dies(20, 8e-8)),
            "moved little before": layered(dies(20, before=1.3e-5)),
        },
        well={
            "none": layered(np.full(40, 1e-3)),
            "frozen": layered(np.zeros(40)),
            "all at the end of a schedule": layered(dies(36), rates=np.where(E < 36, 0.1, 1e-9)),
            "in the last two epochs": layered(dies(38)),
            "for a while": layered(np.where((E > 10) & (E < 30), 0.0, 1e-3)),
            "hardly moved before": layered(dies(20, before=8e-6)),
            "next to nothing": layered(dies(20, 1.3e-7)),
            "beside one that hardly moves": layered(dies(20, 5e-8), rates=np.full(40, 4e-4)),
        },
        untold={
            "no layers": (run(), "groups='layer'"),
            "one layer": (run(**{"update_ratio/a": dies(20)}), "groups='layer'"),
        },
    ),
    "rate too low": Case(
        ill={},
        well={},
        untold={"still running": (run(2.3 - 0.02 * E, CONSTANT, made=RUNNING), "the end")},
    ),
    "stuck": Case(
        ill={
            "a hundredth of the first value": run(_BROKEN, [1.0] * 10),
            "a rate of 0": run(2.3 + 0.001 * NOISE, np.zeros(40)),
            "a rate of 0, three epochs": run([2.3, 2.301, 2.3], np.zeros(3)),
            "gains two thousandths": run([2.31, *_BROKEN[1:]], [1.0] * 10),
            "gains no more than the noise": run(2.3 - 0.0005 * E + 0.03 * NOISE, CONSTANT),
            "broken": guesses(),
            "broken, in tens of thousands": guesses(3e5, loss=560 + 60 * NOISE),
            "broken, and a quarter worse": guesses(3.0),
            "guesses, and a seventh worse": guesses(2.75),
            "broken, the accuracy in percent": guesses(accuracy=100 * _ACCURACY),
            "broken, and back to chance by a cosine": guesses(4.0, loss=2.3 + 0.3 * np.exp(-E / 3), rates=COSINE),
            "broken, and to chance from far above it": guesses(9e4, loss=2.3 + 90 * np.exp(-E / 4), rates=COSINE),
            "broken, and near chance": guesses(9e4, loss=2.5 + 90 * np.exp(-E / 4), rates=COSINE),
            "guesses, and back by a cosine": guesses(2.55, loss=2.44 - 0.14 * np.clip((E - 16) / 20, 0, 1) + 0.03 * NOISE * (E < 30), rates=COSINE),
            "broken, sure of wrong answers, chance": guesses(10.7, loss=np.full(40, 11.3)),
            "broken, one class of two": guesses(accuracy=0.57 + 0.01 * NOISE),
            "broken, one of 140": guesses(accuracy=np.full(40, 0.007)),
            "broken, and four points more accurate": guesses(accuracy=np.where(E < 1, 0.1, 0.14)),
            "broken, and a seventh lower": guesses(loss=_SWINGS - 0.5 * E / 40),
            "thrown up, and back by the decay": run(2.36 + 0.05 * np.sin(E / 12) - 0.05 * (E > 25), LINE),
        },
        well={
            "a net that was tuned, and gains a little": run(_TUNED, LINE[::4]),
            "goes on from before": run(
                0.303 + 0.019 * np.exp(-E[:10] / 3) + 0.001 * NOISE[:10], LINE[::4]
            ),
            "large targets": run(_TARGETS, CONSTANT),
            "large targets, and an accuracy of nothing": guesses(3e5, np.full(40, 0.004), _TARGETS),
            "the accuracy rises": guesses(accuracy=0.1 + 0.001 * E),
            "the accuracy rose in the second epoch": guesses(accuracy=np.where(E < 1, 0.1, 0.16)),
            "most are of one class": guesses(accuracy=0.65 + 0.001 * NOISE),
            "falls, and is above chance yet": guesses(9e4, loss=2.6 + 90 * np.exp(-E / 4), rates=COSINE),
            "the loss falls by a quarter": guesses(loss=_SWINGS - 0.85 * E / 40),
            "learned to 0 within the first epoch": run([2.3] + [0.0] * 39, CONSTANT),
            "learned to what is nothing": run([2.3] + [1.2e-7] * 39, CONSTANT),
            "a rate of 0 in the log, and a loss that falls": run(FALLING, np.zeros(40)),
        },
        untold={"a policy's loss": (run(_POLICY, CONSTANT), _ABOUT_ZERO)},
    ),
    "rate too high": Case(
        ill={},
        well={},
        untold={"a policy's loss": (run(_POLICY, LINE), _ABOUT_ZERO)},
    ),
    "oscillating": Case(
        ill={
            "between two levels": run([2.3, 1.5] + [1.9, 1.1] * 10, None),
            "between two levels, an odd number": run([2.3] + [1.9, 1.1] * 10, None),
            "between two levels, with noise": run(
                np.array([2.3, 1.5] + [1.9, 1.1] * 10) + 0.03 * NOISE[:22], cut(CONSTANT, 22)
            ),
            "by a quarter": swings(0.25),
            "up in every second epoch": rises_rarely(2),
        },
        well={
            "by a twelfth": swings(0.08),
            "one spike": run(_GOOD + 3 * (E == 30), CONSTANT),
            "up in every fifth epoch": rises_rarely(5),
        },
        untold={
            "a loss that changes sides": (run([1.0, -1.0] * 20, None), _ABOUT_ZERO),
            "a rate of 0": (run(FALLING, np.zeros(40)), "above 0"),
        },
    ),
    "unused plateau": Case(
        ill={},
        well={},
        untold={
            "a generator's loss": (run(_GENERATOR, CONSTANT), _RISES),
            "still running": (run(_FLAT, CONSTANT, made=RUNNING), "the end"),
        },
    ),
    "schedule ended early": Case(ill={}, well={}, untold={"a rate of 0": (run(FALLING, np.zeros(40)), "above 0")}),
    "schedule overrun": Case(
        ill={},
        well={},
        untold={
            "a rate of 0": (run(FALLING, np.zeros(40)), "above 0"),
            "still running": (run(FALLING, np.maximum(0.1 * (1 - E / 25), 0), made=RUNNING), "the end"),
        },
    ),
}  # fmt: skip
"""Cases beside those of `diagnosis_cases.CASES`."""
