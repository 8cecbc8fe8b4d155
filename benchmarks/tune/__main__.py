"""Run the sides in turn, and print the tables."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict

import numpy as np

from benchmarks.tune.nets import NETS
from benchmarks.tune.sides import SIDES, Budget

GOALS = {
    "keras-tuner": {"dense": 20, "conv": 6, "transformer": 2, "lstm": 2},
    "optuna, racing": {"dense": 20, "conv": 8, "transformer": 3, "lstm": 3},
}
LIMIT = 1.15
QUICK = {"trials": 6, "epochs": 5, "samples": 320, "held_out": 96}


def in_a_process(side, net, budget):
    """Run one side in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.tune", "--side", side, "--net", net]
    command += ["--budget", json.dumps(asdict(budget))]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def first_at(result, value):
    """Seconds until a trial was as good as `value`; `None` if none was."""
    found = [
        seconds
        for seconds, reached in zip(result["ended"], result["values"], strict=True)
        if reached is not None and reached <= value * (1 + 1e-6)
    ]
    return min(found, default=None)


def compare(net, budget, *, others):
    """The rows of one net; goals are for the whole budget."""
    goals = {side: nets[net] if budget == Budget() else None for side, nets in GOALS.items()}
    print(
        f"\n{net}: {budget.trials} trials × {budget.epochs} epochs of {budget.samples}", flush=True
    )
    # First and last, so that a machine that is busy for a while favours neither side.
    runs = [in_a_process("ours", net, budget)]
    theirs = in_a_process("keras-tuner", net, budget) if others else None
    race = in_a_process("ours, racing", net, budget)
    fits = in_a_process("optuna, racing", net, budget)
    runs.append(in_a_process("ours", net, budget))
    seconds = float(np.mean([run["seconds"] for run in runs]))
    bound = float(np.mean([run["limit"] for run in runs]))
    cpu = float(np.mean([run["cpu"] for run in runs]))
    both = " and ".join(f"{run['seconds']:.1f}" for run in runs)
    print(f"  ours {both} s ({cpu:.0f} s of CPU): {runs[1]['plan']}")
    told = f"bare steps {bound:.1f} s ({runs[1]['step'] * 1e6:.0f} µs a step)"
    _row(told, seconds / bound, LIMIT if budget == Budget() else None, most=True)
    if theirs is not None:
        same = _same_best(runs[1]["values"], theirs["values"])
        told = f"keras-tuner {theirs['seconds']:.1f} s ({theirs['cpu']:.0f} s of CPU), {same}"
        _row(told, theirs["seconds"] / seconds, goals["keras-tuner"])
    best = min(value for value in fits["values"] if value is not None)
    wanted, got = first_at(fits, best), first_at(race, best)
    mine = min(value for value in race["values"] if value is not None)
    told = f"optuna, racing: {best:.4f} after {wanted:.1f} s ({fits['seconds']:.1f} s in all)"
    goal = goals["optuna, racing"]
    if got is None:
        print(f"  {told}; ours, racing: {mine:.4f} after {race['seconds']:.1f} s, not as good")
        _row("  whole races", fits["seconds"] / race["seconds"], goal)
    else:
        _row(f"{told}; ours after {got:.1f} s, {mine:.4f} in the end", wanted / got, goal)


def _same_best(ours, theirs):
    ours, theirs = np.array(ours, float), np.array(theirs, float)
    mine, other = int(np.nanargmin(ours)), int(np.nanargmin(theirs))
    if mine == other and np.isclose(ours[mine], theirs[other], rtol=1e-3):
        return f"the same best trial ({mine}: {ours[mine]:.4f})"
    return f"best trial {other} ({theirs[other]:.4f}) and ours {mine} ({ours[mine]:.4f})"


def _row(told, ratio, goal, *, most=False):
    verdict = ""
    if goal is not None:
        met = ratio <= goal if most else ratio >= goal
        verdict = f" (goal {'≤' if most else '≥'} {goal}: {'met' if met else 'MISSED'})"
    print(f"  {told}: {ratio:.2f}×{verdict}", flush=True)


def growth(budgets):
    """How time and memory grow with the trials and the data (the dense net)."""
    print("\ndense, growth: seconds, and memory beside the imports", flush=True)
    for budget in budgets:
        found = in_a_process("ours", "dense", budget)
        each = found["seconds"] / budget.trials
        lanes = min(16, budget.trials) * found["lane_mib"]
        print(
            f"  {budget.trials:4d} trials × {budget.samples:6d} samples: {found['seconds']:6.1f} s "
            f"({each * 1e3:6.1f} ms a trial), {found['mib']:6.0f} MiB more than before "
            f"(data {found['data_mib']:.0f}, lanes of a wave {lanes:.0f})",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=NETS, action="append")
    parser.add_argument("--quick", action="store_true", help="a few short trials: that all runs")
    parser.add_argument("--no-growth", action="store_true")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--budget", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        import keras  # noqa: F401  the clock starts after the imports

        found = SIDES[arguments.side](arguments.net[0], Budget(**arguments.budget))
        found["values"] = [
            None if v is None or not np.isfinite(v) else float(v) for v in found["values"]
        ]
        print(json.dumps(found))
        return
    others = bool(importlib.util.find_spec("keras_tuner") and importlib.util.find_spec("six"))
    if not others:
        print('keras-tuner is missing; its rows are left out. pip install "keras-lr[bench]"')
    budget = Budget(**QUICK) if arguments.quick else Budget()
    for net in arguments.net or NETS:
        compare(net, budget, others=others)
    if arguments.no_growth:
        return
    counts = (2, 4) if arguments.quick else (8, 32, 128, 512)
    sizes = (budget.samples, 4 * budget.samples)
    base = budget.held_out
    growth(
        [Budget(count, budget.epochs, sizes[0], base) for count in counts]
        + [Budget(counts[1], budget.epochs, size, base) for size in sizes[1:]]
    )


if __name__ == "__main__":
    main()
