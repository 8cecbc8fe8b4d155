"""Pairs of runs on both sides of a threshold, by symptom, so that a threshold can't move unseen."""

import numpy as np

from diagnosis_cases import CONSTANT, FALLING, NOISE, Case, E, N, run

_UP_AND_DOWN = (-1.0) ** E
_WAVE = np.sin(2 * np.pi * E / 5)


def after(first, level, swing):
    """A first value, and then a level with swings of a share of it."""
    return run(np.where(E < 1, first, level * (1 - swing * _UP_AND_DOWN)), CONSTANT)


def bends(ratio):
    """A line whose second half is so many times as steep as the first."""
    return run(2.3 - 0.01 * np.minimum(E, 20) - ratio * 0.01 * np.maximum(E - 20, 0), CONSTANT)


def high(gained, down=0.1, first=1.0):
    """Flat at the high rates, and so much lower afterwards, at a rate so much lower."""
    loss = np.where(E < 1, 2, np.where(E < 24, 1 + 0.01 * _UP_AND_DOWN, 1 - gained))
    loss[1] = first
    return run(loss, np.interp(E, [0, 20, N - 1], [0.1, 0.1, 0.1 * down]))


def zigzag(start, fall, size):
    """Up and down by `size` about a line."""
    return run(start - fall * E + size * _UP_AND_DOWN, CONSTANT)


def rebounds(times):
    """A rate that came to its lowest, and then to so many times that."""
    low = 0.1 / 37
    return run(FALLING, np.where(E < 36, 0.1 * (1 - (E + 1) / 37), times * low))


def planned(end):
    """Four fifths of a line to a share of its beginning."""
    made = {"schedule": f"linear(end={end})", "epochs_planned": 50, "steps_per_epoch": 100}
    return run(FALLING, 0.1 * (1 - (1 - end) * (E + 1) / 50), made=made)


def forgets(decay):
    """At a mean rate of 0.05, for 4000 updates."""
    return run(weight_decay=np.full(N, decay), made={"steps_per_epoch": 100})


def shrinks(left, gained=0.0):
    """‖w‖ comes down to a share, and the loss by another in the second half."""
    norm = np.interp(E, [0, N - 1], [10, 10 * left])
    loss = np.maximum(FALLING, 0.6 * (1 + gained * (1 - np.maximum(E - 20, 0) / 19)))
    return run(loss, CONSTANT, weight_norm=norm, norm_equilibrium=np.full(N, -9.0))


def undone(lost):
    """‖w‖ has shrunk, and the loss is this share above its best."""
    norm = np.interp(E, [0, 20, N - 1], [10, 4.4, 4])
    loss = np.where(E < 20, 1 - 0.01 * E, 0.8 * (1 + lost * np.minimum((E - 19) / 9, 1)))
    return run(loss, CONSTANT, weight_norm=norm, norm_equilibrium=np.zeros(N))


def up_at_the_end(epochs):
    """A fall, and a rise to less than twice what the second half has seen before."""
    loss = np.interp(E, [0, 20, N - 1 - epochs, N - epochs, N - 1], [2.3, 1.0, 0.1, 1.5, 1.5])
    return run(loss, CONSTANT)


def up_slowly(share):
    """A rise by this share of what it comes to, with a little noise."""
    return run(1 + share / (1 - share) * E / (N - 1) + 0.001 * NOISE, CONSTANT)


PINS = {
    "diverged": Case(
        ill={
            "in the last four epochs": up_at_the_end(4),
            "below 0, and back": run(np.where(E < 32, -5 + 4 * np.exp(-E / 4), -1.5), CONSTANT),
        },
        well={
            "in the last three epochs": up_at_the_end(3),
            "noise about a level": run([2.59, *(2.4 + 0.15 * NOISE[1:])], CONSTANT),
        },
        untold={
            "below 0, from nearly there": (
                run(np.where(E < 32, -5 + 4.7 * np.exp(-E / 4), -1.5), CONSTANT),
                "away from 0",
            )
        },
    ),
    "validation exploded": Case(
        ill={"a little more": run(1 + E / 100, val_loss=np.geomspace(1, 1e9, N))},
        well={"nearly twice": run(1 + 0.7 * E / N, val_loss=np.geomspace(1, 1e9, N))},
    ),
    "rate decayed too soon": Case(
        ill={},
        well={
            "falls within the noise": run(
                [1, 1.1, 0.95, 1.05, 1.1, 0.9, 1.05, 0.85, *[0.9] * 32], np.where(E < 8, 0.1, 1e-4)
            )
        },
    ),
    "rate too low": Case(
        ill={
            "an eighth of the progress": run(np.where(E < 1, 6, 2.0 - 0.0125 * E), CONSTANT),
            "two fifths of the pace left": run(2.3 - 0.041 * E, CONSTANT),
            "two thirds as steep": bends(0.68),
            "steeper": bends(1.7),
        },
        well={
            "a sixteenth of the progress": run(np.where(E < 1, 6, 2.0 - 0.0075 * E), CONSTANT),
            "nothing left": run(2.3 - 0.0535 * E, CONSTANT),
            "half as steep": bends(0.5),
            "more than twice as steep": bends(2.3),
            "by less than its waves": run(2.3 - 0.01 * E + 0.12 * _WAVE, CONSTANT),
        },
    ),
    "stuck": Case(
        ill={
            "swings by four percent": after(40, 2.3, 0.021),
            "rises by eight percent": up_slowly(0.08),
            "a fortieth left": after(2.3, 0.06, 0.014),
            "a seventieth left, at rest": after(2.3, 0.03, 0.011),
            "next to nothing left, at rest": after(2.3, 2.3e-5, 0.0),
            "waves": run(2.3 - 0.0008 * E + 0.03 * _WAVE, CONSTANT),
        },
        well={
            "swings by six percent": after(40, 2.3, 0.03),
            "a seventieth left, restless": after(2.3, 0.03, 0.014),
        },
        untold={"rises by an eighth": (up_slowly(0.125), "meant to fall")},
    ),
    "rate too high": Case(
        ill={"a fifteenth gained": high(0.07), "down to two fifths": high(0.3, 0.42)},
        well={
            "a thirtieth gained": high(0.03),
            "down to three fifths": high(0.3, 0.6),
            "had gained before": high(0.3, first=1.3),
        },
    ),
    "weight decay dominates": Case(
        ill={
            "in a hundredth of the run": forgets(0.6),
            "to two fifths": shrinks(0.42),
            "gains a hundredth": shrinks(0.4, 0.014),
            "a sixteenth undone": undone(0.06),
        },
        well={
            "in an eightieth of the run": forgets(0.4),
            "to three fifths": shrinks(0.6),
            "gains a thirtieth": shrinks(0.4, 0.03),
            "a twenty-fifth undone": undone(0.04),
        },
    ),
    "oscillating": Case(
        ill={
            "falls by three swings": zigzag(12, 0.19, 0.75),
            "a hundredth of its fall": run(
                np.where(E < 2, 2.1, 0.1 + 0.03 * _UP_AND_DOWN), CONSTANT
            ),
            "by a sixth": run(np.where(E < 2, 3, 1 + 0.12 * _UP_AND_DOWN), CONSTANT),
        },
        well={
            "falls by five swings": zigzag(12, 0.25, 0.75),
            "less than that": run(np.where(E < 2, 2.1, 0.1 + 0.024 * _UP_AND_DOWN), CONSTANT),
            "by an eighth": run(np.where(E < 2, 3, 1 + 0.09 * _UP_AND_DOWN), CONSTANT),
            "up in every fourth epoch": run(
                [3.0, 2.0, *(1 - 0.6 * ((E[2:] % 4) / 3 - 0.5))], CONSTANT
            ),
        },
    ),
    "unused plateau": Case(
        ill={"a thirtieth left": after(2.0, 0.06, 0.1)},
        well={
            "a seventieth left": after(2.0, 0.03, 0.1),
            # One good epoch before, so that a rule would have cut.
            "falls slowly": run(0.5 - 1e-4 * E + 1e-4 * NOISE - 0.02 * (E == 15), CONSTANT),
            "falls in its noise": run(
                np.where(E < 1, 2, 0.5 - 1e-3 * E + 0.02 * _UP_AND_DOWN - 0.1 * (E == 15)), CONSTANT
            ),
        },
    ),
    "schedule ended early": Case(
        ill={
            "at three tenths": run(FALLING, 0.1 * (1 - (E + 1) / 57)),
            "seven times its lowest": rebounds(7),
            "nearly three times its end": planned(0.1),
        },
        well={
            "at a fifth": run(FALLING, 0.1 * (1 - (E + 1) / 51)),
            "four times its lowest": rebounds(4),
            "half as much again as its end": planned(0.3),
        },
    ),
    "schedule overrun": Case(
        ill={
            "at rest for five epochs": run(FALLING, np.maximum(0.1 * (1 - E / 34), 0)),
            "to less than a hundredth": run(FALLING, np.maximum(0.1 * (1 - E / 25), 8e-4)),
        },
        well={
            "at rest for three epochs": run(FALLING, np.maximum(0.1 * (1 - E / 36), 0)),
            "to more than a hundredth": run(FALLING, np.maximum(0.1 * (1 - E / 25), 1.3e-3)),
        },
    ),
}
"""Cases beside those of `diagnosis_edges.EDGES`, which say no more than where the limits are."""
