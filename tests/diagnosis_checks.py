"""Runs on both sides of a check that no other run needs, by symptom, so that none is there in vain."""

import numpy as np

from diagnosis_cases import CONSTANT, COSINE, FALLING, NOISE, Case, E, N, run

_UP_AND_DOWN = (-1.0) ** E
_SWINGS = np.where(E < 2, 3, 1 + 0.2 * _UP_AND_DOWN)


def about(level, size):
    """Noise about a level from the second epoch on."""
    return run([2.45, *(level + size * np.random.default_rng(65).normal(size=N)[1:])], CONSTANT)


def sinks(slope, size):
    """A level that sinks a little, after an epoch that a rule takes for the best."""
    level = 1 - slope * E + size * _UP_AND_DOWN - 0.1 * (E == 15)
    return run(np.where(E < 12, 1 + 2 * np.exp(-E / 3), level), CONSTANT)


def slow_at_first(size):
    """A slow fall at a high rate, with noise, before the rate brings the loss down."""
    loss = np.where(E < 32, 1 - 0.003 * E + size * _UP_AND_DOWN, 0.5)
    return run(loss, np.where(E < 32, 0.1, 0.1 * (N - E) / 9))


def in_two_steps(middle, loss):
    """A rate that is cut to a middle one after 8 epochs, and to next to nothing after 12."""
    return run(loss, np.where(E < 8, 0.1, np.where(E < 12, middle, 1e-5)))


def shrinking(trend):
    """‖w‖ shrinks for nothing, with this trend of its square."""
    norm = {"weight_norm": 10 * np.exp(-E / 25) + 0.1, "norm_equilibrium": np.full(N, trend)}
    return run(np.maximum(FALLING, 0.6), CONSTANT, weight_decay=np.full(N, 0.1), **norm)


def validated(size):
    """A validation loss that rises with noise."""
    return run(val_loss=0.5 + 0.002 * np.abs(E - 5) + size * _UP_AND_DOWN)


def tuned(gain, size):
    """A net that learned before, and gains this share in its first epochs."""
    level = 0.85 * (1 + gain * np.exp(-E[:20] / 1.5))
    return run(level + size * NOISE[:20], 0.1 * (1 - (E[:20] + 1) / 20))


def falls_for(epochs):
    """A rate that falls for so many epochs to next to nothing, and stays there."""
    return run(FALLING, 0.1 * 0.3 ** np.clip(E - 20, 0, epochs))


def idle(share=1e-3, wiggle=0.0, since=20):
    """A rate that is cut to a share, and a loss that goes up and down by another."""
    loss = np.where(since > E, np.maximum(FALLING, 0.08), 0.06 * (1 + wiggle * (E % 2)))
    return run(loss, np.where(since > E, 0.1, 0.1 * share))


CHECKS = {
    "diverged": Case(
        ill={"a rise beyond the noise": run(1 + 0.13 * (E > 20) - 0.02 * (E == 19) + 0.012 * _UP_AND_DOWN, CONSTANT)},
        well={"a rise within the noise": about(2.4, 0.15)},
    ),
    "validation exploded": Case(
        ill={},
        well={"rises little by little": run(0.02 * np.exp(-E / 8), val_loss=0.02 + 0.008 * E)},
    ),
    "overfitting": Case(
        ill={"rises with some noise": validated(0.018)},
        well={"rises with as much noise": validated(0.04)},
    ),
    "rate decayed too soon": Case(
        ill={
            "falls at a third of the rate": in_two_steps(
                0.03, np.where(E < 8, 2 + 0.01 * _UP_AND_DOWN, np.maximum(2.7 - 0.1 * E, 1.6))
            )
        },
        well={
            "falls by the cut": in_two_steps(
                0.015,
                np.where(E < 8, 1.3 + 0.01 * _UP_AND_DOWN, np.maximum(1.3 - 0.15 * (E - 7), 0.9)),
            )
        },
    ),
    "rate too low": Case(
        ill={
            "and the validation loss falls with it": run(
                2.3 - 0.02 * E, CONSTANT, val_loss=2.4 - 0.02 * E
            ),
            "with as much noise": run(2.3 - 0.01 * E + 0.04 * _UP_AND_DOWN, CONSTANT),
        },
        well={
            "the training loss alone": run(2.3 - 0.02 * E, CONSTANT, val_loss=2 + 0.01 * NOISE),
        },
    ),
    "stuck": Case(
        ill={
            "gains three thousandths": tuned(0.005, 0.001),
            "gains as little as its noise": tuned(0.008, 0.004),
        },
        well={
            "gains a fiftieth at once": tuned(0.02, 0.004),
            "gains eight thousandths": tuned(0.008, 0.001),
        },
    ),
    "rate too high": Case(
        ill={},
        well={
            "falls slowly, with noise": slow_at_first(0.02),
            "falls slowly, with more noise": slow_at_first(0.045),
        },
    ),
    "weight decay dominates": Case(
        ill={"a trend of minus six": shrinking(-6.0)},
        well={"a trend of minus three": shrinking(-3.0)},
    ),
    "oscillating": Case(
        ill={"the rate came down to two thirds": run(_SWINGS, np.where(E < 35, 0.1, 0.066))},
        well={"the rate came down to two fifths": run(_SWINGS, np.where(E < 35, 0.1, 0.04)),
              "a cosine": run(_SWINGS, COSINE)},
    ),
    "unused plateau": Case(
        ill={"sinks within its noise": sinks(0.0009, 0.015)},
        well={
            "sinks beyond its noise": sinks(0.0009, 0.007),
            "sinks by a seventieth": sinks(0.0015, 0.025),
            "0 throughout": run(np.zeros(N), CONSTANT),
        },
    ),
    "schedule overrun": Case(
        ill={"a fall of five epochs": falls_for(5)},
        well={"a fall at once": falls_for(1)},
    ),
    "idle at the end": Case(
        ill={
            "up and down by eight thousandths": idle(wiggle=0.008),
            "for ten epochs": idle(since=30),
            "at seven thousandths of the rate": idle(share=0.007),
        },
        well={
            "up and down by a seventieth": idle(wiggle=0.015),
            "for six epochs": idle(since=34),
        },
    ),
}  # fmt: skip
"""Cases beside those of `diagnosis_pins.PINS`."""
