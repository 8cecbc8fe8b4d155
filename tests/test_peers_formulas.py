"""Recipes of fastai, Megatron, DeepSpeed, torchtitan and fairseq against formulas in plain Python.

Each formula is written from the library's definition, one step at a time, with none of keras-lr.
"""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr import schedules
from keras_lr.errors import InvalidInput
from keras_lr.schedules import peers
from peer_checks import agrees, floats, half_cosine, line, stays, sweep

lengths = st.integers(1, 40)
warmups = st.integers(0, 20)
floors = st.one_of(st.just(0.0), st.floats(1e-4, 0.9))
peaks = st.floats(1e-4, 1.0)
swept = settings(max_examples=15, deadline=None)


# --- fastai -------------------------------------------------------------------------------------


@swept
@given(st.integers(1, 5), st.integers(1, 20), st.floats(0.02, 0.98), st.none() | peaks)
def test_fastai_one_cycle_and_flat_cosine(epochs, per_epoch, part, rate):
    total = epochs * per_epoch

    def formula(step, start, end):
        share = step / total
        if share < part:
            value = line(start, 1.0, 1 - half_cosine(share / part))
        else:
            value = line(end, 1.0, half_cosine((share - part) / (1 - part)))
        return value * (rate or 1.0)

    arguments = {"pct_start": part, "div_final": 1e4, "steps_per_epoch": per_epoch}
    cycle = peers.fastai.fit_one_cycle(epochs, rate, 20.0, **arguments)
    expected = sweep(lambda step: formula(step, 1 / 20, 1e-4), total + 1)
    agrees(cycle, expected, absolute=rate is not None)
    stays(cycle, total)
    flat = peers.fastai.fit_flat_cos(epochs, rate, **arguments)
    expected = sweep(lambda step: formula(step, 1.0, 1e-4), total + 1)
    agrees(flat, expected, absolute=rate is not None)
    stays(flat, total)


@swept
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 8), st.integers(1, 3))
def test_fastai_sgdr(cycles, epochs, per_epoch, mult):
    sizes = [epochs * per_epoch * mult**index for index in range(cycles)]
    expected = [half_cosine(step / size) for size in sizes for step in range(size)] + [0.0] * 6
    ours = peers.fastai.fit_sgdr(cycles, epochs, cycle_mult=mult, steps_per_epoch=per_epoch)
    agrees(ours, expected)


# --- Megatron, DeepSpeed, torchtitan, fairseq ---------------------------------------------------

WSD = {
    "linear": lambda p: 1 - p,
    "cosine": half_cosine,
    "exponential": lambda p: 2 * 0.5**p - 1,
    "minus_sqrt": lambda p: 1 - math.sqrt(p),
}


@swept
@given(
    peaks,
    floors,
    warmups,
    lengths,
    st.sampled_from(["constant", "linear", "cosine", "inverse-square-root", "WSD"]),
    st.sampled_from(sorted(WSD)),
    floors,
    st.integers(1, 40),
)
def test_megatron(top, low, warm, left, style, fall, start, last):
    total = warm + left
    last = min(last, left)
    bottom, first = low * top, start * top

    def formula(step):
        if warm and step <= warm:
            return line(first, top, step / warm)
        if style == "constant":
            return top
        if style == "inverse-square-root":
            return max(bottom, top * math.sqrt(max(warm, 1)) / math.sqrt(max(min(step, total), 1)))
        share = min((step - warm) / left, 1.0)
        if style == "WSD":
            begun = min(step, total) - (total - last)
            return line(bottom, top, WSD[fall](begun / last) if begun > 0 else 1.0)
        return line(bottom, top, 1 - share if style == "linear" else half_cosine(share))

    ours = peers.megatron.OptimizerParamScheduler(
        top, bottom, warm, total, style, first, last, fall
    )
    agrees(ours, sweep(formula, total + 6), absolute=True)
    stays(ours, total)


@swept
@given(peaks, floors, st.integers(0, 20), lengths, st.sampled_from(["log", "linear"]))
def test_deepspeed_warmups(top, low, warm, left, kind):
    ramp_steps = max(warm, 2)
    total = ramp_steps + left

    def ramp(step):
        return math.log(step + 1) / math.log(ramp_steps) if kind == "log" else step / ramp_steps

    def constant(step):
        return line(low * top, top, ramp(step) if step < ramp_steps else 1.0)

    def linear(step):
        share = ramp(step) if step < ramp_steps else max(0.0, (total - step) / left)
        return line(low * top, top, share)

    def cosine(step):
        if step < ramp_steps:
            return line(low, 1.0, ramp(step))
        return line(1e-4, 1.0, half_cosine((step - ramp_steps + 1) / left))

    ours = peers.deepspeed.WarmupLR(low * top, top, warm, kind)
    agrees(ours, sweep(constant, total), absolute=True)
    ours = peers.deepspeed.WarmupDecayLR(total, low * top, top, warm, kind)
    agrees(ours, sweep(linear, total + 6), absolute=True)
    ours = peers.deepspeed.WarmupCosineLR(total, low, warm, warmup_type=kind)
    agrees(ours, sweep(cosine, total))
    stays(ours, total - 1)


@swept
@given(peaks, st.floats(0.01, 1.0), lengths, st.none() | lengths, floats(0, 3), warmups)
def test_deepspeed_one_cycle(top, part, up, down, decay, every):
    low, fall = part * top, down or up

    def formula(step):
        if step < up:
            return line(low, top, step / up)
        if step < up + fall:
            return line(low, top, (up + fall - step) / fall)
        return low / (1 + decay * (step - up - fall + 1) / every) if every else low

    ours = peers.deepspeed.OneCycle(low, top, decay, up, down, every)
    agrees(ours, sweep(formula, up + fall + 20), absolute=True)


@swept
@given(
    st.integers(0, 30),
    lengths,
    st.none() | floats(0.0, 1.0),
    st.sampled_from(["linear", "sqrt", "cosine"]),
    floors,
)
def test_torchtitan(warm, left, ratio, kind, low):
    total = warm + left
    decay = left if ratio is None else min(round(total * ratio), left)
    falls = {"linear": WSD["linear"], "sqrt": WSD["minus_sqrt"], "cosine": half_cosine}

    def formula(step):
        if step < warm:
            return (step + 1) / warm
        if step < total + 1 - decay or not decay:
            return 1.0
        return line(low, 1.0, falls[kind]((step + 1 - (total + 1 - decay)) / decay))

    ours = peers.torchtitan.build_lr_schedulers(total, warm, ratio, kind, low)
    agrees(ours, sweep(formula, total + 1 if decay else total + 6))
    stays(ours, total)


@swept
@given(warmups, warmups, lengths, floors, st.floats(0.001, 1.0))
def test_fairseq(warm, hold, decay, start, end):
    def formula(step):
        if step < warm:
            return line(start, 1.0, step / warm)
        if step < warm + hold:
            return 1.0
        return math.exp(math.log(end) * min((step - warm - hold) / decay, 1.0))

    total = warm + hold + decay
    ours = peers.fairseq.tri_stage(warm, hold, decay, None, start, end)
    agrees(ours, sweep(formula, total + 6))

    def inverse(step):
        if step < warm:
            return line(1e-7, 5e-4, step / warm)
        return 5e-4 * math.sqrt(warm / step)

    if warm:
        ours = peers.fairseq.inverse_sqrt(warm, 1e-7, lr=5e-4)
        agrees(ours, sweep(inverse, 60), absolute=True)


def test_fairseq_phases_as_parts():
    by_parts = peers.fairseq.tri_stage(phase_ratio=(0.1, 0.4, 0.5), max_update=105)
    assert by_parts == peers.fairseq.tri_stage(10, 42, 52)


# --- all of them --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: peers.fastai.fit_one_cycle(1, pct_start=1.0, steps_per_epoch=9), "above 0 and"),
        (
            lambda: peers.megatron.OptimizerParamScheduler(0.1, 0.0, 1, 9, "wsd"),
            "Valid names: WSD, constant",
        ),
        (
            lambda: peers.megatron.OptimizerParamScheduler(0.1, 0.0, 1, 9, "WSD"),
            "needs wsd_decay_steps",
        ),
        (lambda: peers.megatron.OptimizerParamScheduler(0.1, 0.0, 9, 9, "linear"), "counts all"),
        (lambda: peers.deepspeed.WarmupLR(warmup_type="cosine"), "'log' or 'linear'"),
        (lambda: peers.torchtitan.build_lr_schedulers(9, 1, None, "exp"), "'sqrt' or 'cosine'"),
        (lambda: peers.big_vision.create_learning_rate_schedule(9, decay_type="cos"), "cosine"),
        (lambda: peers.tf_models.LinearWarmup("cosine(length=9)", 2, 0.0), "take rates"),
        (lambda: peers.tf_models.PowerAndLinearDecay(0.1, 15, -0.5), "whole number of steps"),
        (
            lambda: peers.tf_addons.ExponentialCyclicalLearningRate(0.1, 1, 9, "steps"),
            "'iterations' or 'cycle'",
        ),
        (lambda: peers.levanter.lr_scheduler(100, lr_schedule="cosin"), "Did you mean 'cosine'"),
        (lambda: peers.levanter.lr_scheduler(10, warmup=8, decay=8), "must fit into a cycle"),
        (lambda: peers.composer.StepScheduler("10 epochs"), "is written 10ba"),
        (
            lambda: peers.composer.LinearWithWarmupScheduler("2ep", t_max="100ba"),
            "both are in one unit",
        ),
    ],
)
def test_bad_input_says_what_to_write(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


def test_recipes_print_as_text():
    ours = peers.megatron.OptimizerParamScheduler(3e-4, 3e-5, 10, 100, "cosine")
    assert str(ours) == "cosine(end=0.1, length=90) | warmup(10) | rate(0.0003)"
    assert schedules.parse(str(ours)) == ours
