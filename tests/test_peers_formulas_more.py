"""Recipes of big_vision, tf-models, TF Addons, levanter and Composer against plain formulas.

Each formula is written from the library's definition, one step at a time, with none of keras-lr.
"""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keras_lr import schedules
from keras_lr.schedules import peers
from peer_checks import agrees, half_cosine, line, sweep

lengths = st.integers(1, 40)
warmups = st.integers(0, 20)
floors = st.one_of(st.just(0.0), st.floats(1e-4, 0.9))
peaks = st.floats(1e-4, 1.0)
swept = settings(max_examples=15, deadline=None)


# --- big_vision, tf-models, TensorFlow Addons, levanter -----------------------------------------


@swept
@given(
    st.sampled_from(["linear", "polynomial", "cosine", "rsqrt", "stair"]),
    warmups,
    lengths,
    st.integers(0, 30),
    st.floats(0.5, 2.0),
    floors,
    st.integers(0, 9),
)
def test_big_vision(kind, warm, left, cooldown, power, end, shift):
    total = warm + left
    cooldown = min(cooldown, total)
    drops, mults = [5, 12, 20], [0.5, 0.1, 0.3]

    def formula(step):
        share = min(max((step - warm) / left, 0.0), 1.0)
        if kind in ("linear", "polynomial"):
            value = end + (1 - end) * (1 - share) ** power
        elif kind == "cosine":
            value = half_cosine(share)
        elif kind == "rsqrt":
            value = 1 / math.sqrt(1 + (max(step - warm, 0) + shift) / 30)
        else:
            value = [1.0, *mults][sum(step >= drop for drop in drops)]
        value *= min(1.0, step / warm) if warm else 1.0
        return value * (min(1.0, max(total - step, 0) / cooldown) if cooldown else 1.0)

    ours = peers.big_vision.create_learning_rate_schedule(
        total,
        decay_type=kind,
        warmup_steps=warm,
        cooldown_steps=cooldown,
        power=power,
        end=end,
        timescale=30,
        shift=shift,
        steps=drops,
        mults=mults,
    )
    agrees(ours, sweep(formula, total + 6))


@swept
@given(peaks, st.floats(-2.0, -0.1), warmups, st.floats(0.01, 2.0))
def test_tf_models_powers(rate, power, offset, ceiling):
    ours = peers.tf_models.DirectPowerDecay(rate, power)
    agrees(ours, sweep(lambda step: rate * max(step, 1) ** power, 60), absolute=True)

    def cut(step):
        value = rate * max(step - offset, 1) ** power if step > offset else ceiling
        return min(value, ceiling)

    ours = peers.tf_models.PowerDecayWithOffset(rate, power, offset, ceiling)
    agrees(ours, sweep(cut, 60), absolute=True)

    def cooled(step):
        since = step - offset
        value = rate * max(since, 1) ** power
        return max(0.0, value * min(1.0, (50 - since) / 10))

    ours = peers.tf_models.PowerAndLinearDecay(rate, 50, power, 0.2, offset)
    agrees(ours, sweep(cooled, offset + 56), absolute=True)


@swept
@given(peaks, st.integers(1, 20), st.floats(0.3, 3.0), floors)
def test_tf_models_warmups(rate, warm, power, start):
    after = peers.keras.ExponentialDecay(rate, 10, 0.5)

    def decayed(step):
        return rate * 0.5 ** (step / 10)

    def linear(step):
        return line(start, decayed(warm), step / warm) if step < warm else decayed(step)

    def polynomial(step):
        if step < warm:
            return decayed(warm) * (max(step, 1) / warm) ** power
        return decayed(step)

    ours = peers.tf_models.LinearWarmup(after, warm, start)
    agrees(ours, sweep(linear, 60), absolute=True)
    ours = peers.tf_models.PolynomialWarmUp(after, warm, power)
    agrees(ours, sweep(polynomial, 60), absolute=True)
    ours = peers.tf_models.PolynomialWarmUp(rate, warm, power)
    expected = sweep(lambda step: rate * min(max(step, 1) / warm, 1.0) ** power, 60)
    agrees(ours, expected, absolute=True)


@swept
@given(peaks, peaks, lengths, st.floats(0.7, 1.0))
def test_tf_addons(low, high, size, gamma):
    def formula(step, scale):
        cycle = math.floor(1 + step / (2 * size))
        height = max(0.0, 1 - abs(step / size - 2 * cycle + 1))
        return low + (high - low) * height * scale(cycle, step)

    kinds = [
        (peers.tf_addons.TriangularCyclicalLearningRate(low, high, size), lambda c, s: 1.0),
        (
            peers.tf_addons.Triangular2CyclicalLearningRate(low, high, size),
            lambda c, s: 0.5 ** (c - 1),
        ),
        (
            peers.tf_addons.ExponentialCyclicalLearningRate(low, high, size, gamma=gamma),
            lambda c, s: gamma**s,
        ),
        (
            peers.tf_addons.ExponentialCyclicalLearningRate(low, high, size, "cycle", gamma),
            lambda c, s: gamma**c,
        ),
    ]
    for ours, scale in kinds:
        expected = [formula(step, scale) for step in range(5 * size + 5)]
        agrees(ours, expected, absolute=True)


@swept
@given(
    st.integers(20, 80),
    peaks,
    st.floats(0.05, 0.9),
    st.sampled_from([0.0, 0.1, 4]),
    st.sampled_from([None, 0.3, 5]),
    st.sampled_from([0.0, 0.2, 2]),
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from(["constant", "cosine", "linear", "inv_sqrt", "inv"]),
)
def test_levanter(total, top, low, warmup, decay, rewarmup, cycles, kind):
    def steps_of(value, whole):
        return int(value * whole) if value <= 1 else int(value)

    ends = [int(total / (cycles or 1) * index) for index in range(1, cycles or 1)] + [total]
    begins = [0, *ends[:-1]]
    assume(all(end - begin > 12 for begin, end in zip(begins, ends, strict=True)))

    def fall(since, warm, steps):
        if kind == "constant":
            return top
        if kind == "cosine":
            return line(low * top, top, half_cosine(min(since / steps, 1.0)))
        if kind == "linear":
            return line(low * top, top, 1 - min(since / steps, 1.0))
        if kind == "inv_sqrt":
            value = min(1.0, 1 / math.sqrt(max(since + warm, 1) / 10_000))
        else:
            value = min(1.0, 1 / ((1 / low - 1) * max(since, 1) / steps + 1))
        return max(top * value, low * top)

    expected, last = [], 0.0
    for begin, end in zip(begins, ends, strict=True):
        size = end - begin
        warm = steps_of(rewarmup if begin else warmup, size)
        down = size - warm if decay is None else steps_of(decay, size)
        for step in range(size + (5 if end == total else 0)):
            if step < warm:
                expected.append(line(last, top, step / warm))
            elif step < size - down:
                expected.append(top)
            else:
                expected.append(fall(step - (size - down), warm, down))
        last = fall(down, warm, down)
    ours = peers.levanter.lr_scheduler(total, top, low, warmup, decay, rewarmup, cycles, kind)
    agrees(ours, expected, absolute=True)


# --- Composer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "formula"),
    [
        (peers.composer.StepScheduler("10ep", 0.5), lambda t: 0.5 ** (t // 50)),
        (
            peers.composer.MultiStepScheduler(["0.5dur", "90ba"]),
            lambda t: 0.1 ** ((t >= 50) + (t >= 90)),
        ),
        (peers.composer.ConstantScheduler(0.3, "20ba"), lambda t: 0.3 if t < 20 else 1.0),
        (peers.composer.LinearScheduler(1.0, 0.2), lambda t: 1 - 0.8 * t / 100),
        (peers.composer.ExponentialScheduler(0.9), lambda t: 0.9 ** (t / 5)),
        (
            peers.composer.CosineAnnealingScheduler("0.5dur", 0.1),
            lambda t: 0.1 + 0.9 * half_cosine(min(t / 50, 1)),
        ),
        (peers.composer.PolynomialScheduler(2.0), lambda t: (1 - t / 100) ** 2),
        (
            peers.composer.CosineAnnealingWarmRestartsScheduler("5ep"),
            lambda t: half_cosine(t % 25 / 25),
        ),
        (
            peers.composer.MultiStepWithWarmupScheduler("2ep", ["5ba", "0.5dur"]),
            lambda t: t / 10 if t < 10 else 0.1 ** (1 + (t >= 50)),
        ),
        (
            peers.composer.LinearWithWarmupScheduler("2ep", 1.0, 0.1),
            lambda t: t / 10 if t < 10 else 1 - 0.9 * (t - 10) / 90,
        ),
        (
            peers.composer.CosineAnnealingWithWarmupScheduler("2ep", "12ep"),
            lambda t: t / 10 if t < 10 else half_cosine(min((t - 10) / 50, 1)),
        ),
    ],
)
def test_composer_over_a_run(ours, formula):
    plan = ours.resolve(steps=100, steps_per_epoch=5)
    agrees(plan.schedule, sweep(formula, 100))


def test_composers_scale_schedule_ratio_is_a_stretch():
    halved = schedules.stretch(peers.composer.MultiStepScheduler(["30ba", "60ba"]), 0.5)
    assert halved == peers.composer.MultiStepScheduler(["15ba", "30ba"])
