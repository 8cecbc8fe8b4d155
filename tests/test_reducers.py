"""The benchmark of reducers: measures with known answers, and lanes that train as Keras does."""

import dataclasses
import json

import keras
import numpy as np
import pytest

pytest.importorskip("jax", reason="the benchmark trains its lanes in JAX")
if keras.backend.backend() != "jax":
    pytest.skip("the benchmark's lanes are held against Keras on JAX", allow_module_level=True)

from benchmarks.reducers import lanes, measures, policies
from benchmarks.reducers.__main__ import main
from benchmarks.reducers.lanes import Budget, Cut, Runs
from benchmarks.reducers.policies import FLAT, SAFE, Policy
from benchmarks.reducers.tasks import OPTIMIZERS, Task, crossentropy, dense

from keras_lr import rules, schedules

BUDGET = Budget(steps=40, epoch=10, rates=2, seeds=2)


@pytest.fixture(scope="module")
def task():
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 6)).astype("float32")
    y = (x @ random.normal(size=(6, 3))).argmax(1).astype("int32")
    sizes = ((6, 8), (8, 3))
    highest = {"sgd": 0.5, "momentum": 0.2, "adam": 0.1}
    return Task("toy", (x[:160], y[:160]), (x[160:], y[160:]), sizes, crossentropy, dense, highest)


def solo(task, optimizer, rate, seed, schedule, steps):
    """The validation losses of one run in `fit`, an epoch being a pass over its batches."""
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(3),
        ]
    )
    made = {
        "sgd": lambda: keras.optimizers.SGD(rate),
        "momentum": lambda: keras.optimizers.SGD(rate, momentum=0.9),
        "adam": lambda: keras.optimizers.Adam(rate),
    }
    model.compile(
        made[optimizer.name](), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    for layer, pair in zip(model.layers, task.initial(seed), strict=True):
        layer.set_weights([np.asarray(part) for part in pair])
    order = lanes.batches(len(task.train[0]), steps, seed).reshape(-1)
    x, y = (part[order] for part in task.train)
    per_epoch = BUDGET.epoch * lanes.BATCH
    rates = schedule.resolve(steps=steps)
    losses = [model.evaluate(*task.validation, batch_size=40, verbose=0)]

    class Rate(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            step = epoch * BUDGET.epoch + batch
            self.model.optimizer.learning_rate = rate * float(rates(step))

    for epoch in range(steps // BUDGET.epoch):
        part = slice(epoch * per_epoch, (epoch + 1) * per_epoch)
        model.fit(x[part], y[part], shuffle=False, verbose=0, callbacks=[Rate()])
        losses.append(model.evaluate(*task.validation, batch_size=40, verbose=0))
    return np.array(losses)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
@pytest.mark.parametrize("schedule", [FLAT, schedules.Cosine()], ids=["constant", "cosine"])
@pytest.mark.deep(after=2)
def test_a_lane_trains_as_keras_does(task, optimizer, schedule):
    runs = lanes.run(task, optimizer, Policy("tried", schedule), BUDGET)
    rate = float(runs.rates[1])
    found = solo(task, optimizer, rate, 1, schedule, BUDGET.steps)
    assert found[-1] < found[0] - 0.01
    np.testing.assert_allclose(runs.validation[1, 1], found, atol=1e-4, rtol=1e-4)


def test_rules_cut_on_the_host_and_detectors_inside(task):
    at_once = rules.Plateau("loss", patience=1, min_delta=10.0)  # nothing is an improvement
    runs = lanes.run(task, OPTIMIZERS[0], Policy("plateau", FLAT, (at_once,)), BUDGET)
    assert {cut.step for cut in runs.cuts} == {20, 30, 40}
    assert {cut.factor for cut in runs.cuts} == {0.5}
    steps = [cut.step for cut in runs.cuts if (cut.seed, cut.lane) == (0, 0)]
    assert steps == [20, 30, 40]
    # A distance that grows less than as the updates to the power 1.99 is oscillation.
    detector = rules.Oscillation("distance", slope=1.99, first=4, growth=2)
    runs = lanes.run(task, OPTIMIZERS[0], Policy("distance", FLAT, (), detector), BUDGET)
    assert runs.cuts
    assert {cut.step for cut in runs.cuts} <= set(range(8, 41))
    again = lanes.run(task, OPTIMIZERS[0], Policy("constant", FLAT), BUDGET)
    cut = {(c.seed, c.lane) for c in runs.cuts}
    for seed, lane in np.ndindex(2, 2):
        same = np.array_equal(runs.validation[seed, lane], again.validation[seed, lane])
        assert same == ((seed, lane) not in cut)


def test_no_detector_cuts_in_a_cooldown(task):
    detector = rules.Oscillation("distance", slope=1.99, first=4, growth=2)
    alone = Policy("distance", FLAT, (), detector)
    cooled = Policy("cooled", FLAT.cooldown("50%"), (), detector)
    budget = dataclasses.replace(BUDGET, steps=80)
    steps = [
        {cut.step for cut in lanes.run(task, OPTIMIZERS[0], policy, budget).cuts}
        for policy in (alone, cooled)
    ]
    assert max(steps[0]) > 40
    assert steps[1]
    assert max(steps[1]) <= 40


def test_where_the_final_fall_begins():
    def begins(text):
        return policies.final_fall(schedules.parse(text), 100)

    assert begins("constant") == 100
    assert begins("constant | cooldown(20%)") in (79, 80)
    assert begins("linear") == 0
    assert begins("cosine | warmup(10%)") in (9, 10)


def test_a_rollback_brings_a_lane_back(task):
    wild = dataclasses.replace(task, highest={"sgd": 1e6})
    policy = Policy("safe", FLAT, (SAFE,))
    bare = lanes.run(wild, OPTIMIZERS[0], Policy("bare", FLAT), BUDGET)
    safe = lanes.run(wild, OPTIMIZERS[0], policy, BUDGET)
    assert not np.isfinite(bare.validation[:, 1, -1]).all()
    assert {cut.cause for cut in safe.cuts} == {"divergence"}
    steps = [cut.step for cut in safe.cuts if (cut.seed, cut.lane) == (0, 1)]
    assert steps == [10, 20, 30]  # and then it is given up
    # Each epoch began again from the first weights, since no later ones were good.
    assert (safe.training[0, 1] == safe.training[0, 1, 0]).all()


def synthetic(ends, curve=None, cuts=(), rates=3, seeds=4, epochs=20):
    """Runs whose loss falls from 1 to `ends[rate]` along `curve`, alike for every seed."""
    curve = np.linspace(1, 0, epochs + 1) if curve is None else curve
    losses = np.array(ends)[:, None] + (1 - np.array(ends))[:, None] * curve
    losses = np.broadcast_to(losses, (seeds, rates, epochs + 1)) + np.zeros((seeds, 1, 1))
    losses[..., 0] = 1.0
    return Runs(np.geomspace(0.1, 10, rates), losses, losses, tuple(cuts), epoch=10)


@pytest.fixture
def cell():
    return {
        "constant": synthetic([0.5, 0.4, 0.9]),
        "cosine": synthetic([0.6, 0.3, 0.5]),
        "WSD, 20 %": synthetic([0.5, 0.2, 0.6]),
        "half": synthetic([0.5, 0.3, 0.9]),
        "lost": synthetic([0.5, 0.3, np.nan]),
    }


def test_recovery_is_1_for_the_cooldown_and_0_for_the_constant(cell):
    rows = {name: measures.row({"a": cell}, name) for name in cell}
    assert rows["WSD, 20 %"].recovery == measures.Interval(1.0, 1.0, 1.0)
    assert rows["constant"].recovery == measures.Interval(0.0, 0.0, 0.0)
    assert rows["half"].recovery.value == pytest.approx(0.5)
    assert rows["half"].worst == pytest.approx(0.5)


def test_robustness_counts_a_lost_run_with_the_first_loss(cell):
    rows = {name: measures.row({"a": cell}, name) for name in cell}
    assert rows["WSD, 20 %"].robustness.value == 0
    # (0 + 0.1 + 0.4) / 3 rates over a progress of 1 - 0.2
    lost = (0 + 0.1 + (1 - 0.6)) / 3 / 0.8
    assert rows["half"].robustness.value == pytest.approx((0.1 + 0.3) / 3 / 0.8)
    assert rows["lost"].robustness.value == pytest.approx(lost)
    assert rows["lost"].diverged == pytest.approx(1 / 3)
    assert rows["half"].diverged == 0


def test_time_to_target(cell):
    rows = {name: measures.row({"a": cell}, name) for name in cell}
    assert (rows["constant"].time.value, rows["constant"].reached) == (1.0, 0.0)
    # From 1 to 0.2 in a straight line, 1.02 × 0.3 is there after 0.8675: at the 18th look of 20.
    assert (rows["WSD, 20 %"].time.value, rows["WSD, 20 %"].reached) == (0.9, 1.0)


def test_a_rule_that_cuts_at_once_makes_false_drops_only(cell):
    at_once = [Cut(seed, lane, 10, 0.5, "eager") for seed in range(4) for lane in range(3)]
    later = [Cut(seed, 0, 20, 0.5, "eager") for seed in range(4)]  # no first cuts
    cell["eager"] = synthetic([0.5, 0.3, 0.9], cuts=at_once + later)
    cell["constant"] = synthetic([0.5, 0.4, 0.9], 0.7 ** np.arange(21))
    assert measures.first_cuts(cell, "eager") == (8, 8)  # the third rate is above the best one
    row = measures.row({"a": cell}, "eager")
    assert (row.false_drops, row.judged, row.cuts) == (1.0, 8, 16 / 12)
    assert measures.row({"a": cell}, "half").false_drops is None


def test_a_cut_once_the_loss_is_flat_is_none(cell):
    flat = np.maximum(np.linspace(1, -1, 21), 0)
    cell["constant"] = synthetic([0.5, 0.4, 0.9], flat)
    patient = [Cut(0, 0, 150, 0.5, "patient"), Cut(1, 1, 150, 0.5, "patient")]
    cell["patient"] = synthetic([0.5, 0.3, 0.9], cuts=patient)
    assert measures.first_cuts(cell, "patient") == (0, 2)
    late = [Cut(0, 0, 190, 0.5, "late")]  # too late to be judged
    cell["late"] = synthetic([0.5, 0.3, 0.9], cuts=late)
    assert measures.first_cuts(cell, "late") == (0, 0)


def test_intervals_hold_the_mean_and_widen_with_the_seeds(cell):
    random = np.random.default_rng(0)

    def noisy(runs):
        off = 0.03 * random.normal(size=(4, 3, 1))
        return dataclasses.replace(runs, validation=runs.validation + off)

    cells = {str(i): {name: noisy(runs) for name, runs in cell.items()} for i in range(3)}
    found = measures.row(cells, "half").recovery
    assert found.low < found.value < found.high
    assert found.low > 0
    assert measures.row(cells, "WSD, 20 %").recovery == measures.Interval(1.0, 1.0, 1.0)


def test_tuned_is_the_best_variant():
    worse, better = synthetic([0.5, 0.4, 0.9]), synthetic([0.9, 0.3, 0.9])
    assert measures.one_of([worse, better]) is better


def test_keras_plateau_has_kerass_defaults():
    theirs = keras.callbacks.ReduceLROnPlateau()
    ours = policies.keras_plateau()
    assert (ours.monitor, ours.factor, ours.patience) == (
        theirs.monitor,
        theirs.factor,
        theirs.patience,
    )
    assert (ours.min_delta, ours.threshold) == (theirs.min_delta, "absolute")


@pytest.mark.deep
def test_the_command_runs_and_keeps_what_it_found(tmp_path, capsys):
    pytest.importorskip("sklearn", reason="its tasks are made of scikit-learn's digits")
    first = main(["--quick", "--keep", str(tmp_path), "--json", str(tmp_path / "rows.json")])
    kept = sorted(tmp_path.glob("*.npz"))
    assert len(kept) == 2 * len(policies.policies(192))
    written = {path: path.stat().st_mtime_ns for path in kept}
    json.loads((tmp_path / "rows.json").read_text(), parse_constant=pytest.fail)  # no NaN
    again = main(["--quick", "--keep", str(tmp_path)])
    assert {path: path.stat().st_mtime_ns for path in kept} == written
    assert str(again) == str(first)
    told = capsys.readouterr().out
    for name in ("constant", "Keras's plateau, tuned", "Plateau on loss × WSD"):
        assert told.count(f"| {name} | ") == 4  # two tables, twice
