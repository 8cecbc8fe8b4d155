"""`python -m benchmarks.ray_plan`: measure, and print the figures and the plan."""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import benchmarks.ray_plan as about
from benchmarks.ray_plan.measure import measure_cluster, measure_optuna, two_nodes
from benchmarks.ray_plan.plan import Calls, Costs, Sweep, lay_out, saturated

FILLED = 100, 10_000
"""Trials in the study, for the samplers: theirs is what grows with them."""

STORED = 500
"""Trials in the study, for the storages."""


def main() -> None:
    """Measure, and print the figures and the plan."""
    given = _arguments()
    with two_nodes() as ray:
        costs = measure_cluster(ray)
    _tell_costs(costs)
    print("\n| sampler, in memory | trials in the study | ask |\n|---|---|---|")
    samplers: dict[str, float] = {}
    for name in ("tpe", "random"):
        found = [measure_optuna(None, name, n, epochs=1)["ask"].processor for n in FILLED]
        for filled, ask in zip(FILLED, found, strict=True):
            print(f"| {name} | {filled:,} | {ask * 1e3:.2f} ms |", flush=True)
        samplers[name] = sum(found) / len(found)  # it grows in proportion: the mean of a study
    print(
        "\n| storage | call | processor | statements | commits | taken for |\n" + "|---" * 6 + "|"
    )
    storages: dict[str, Calls] = {}
    for name, storage in _storages(given.storage):
        with tempfile.TemporaryDirectory() as folder:
            place = storage(Path(folder)) if callable(storage) else storage
            calls = measure_optuna(place, "random", STORED, epochs=given.epochs)
        # SQLite is in this process: its statements go nowhere.
        trip = 0.0 if callable(storage) else given.trip_ms * 1e-3
        taken = {what: call.seconds(trip, given.commit_ms * 1e-3) for what, call in calls.items()}
        storages[name] = Calls(**taken)
        for what, call in calls.items():
            print(
                f"| {name} | {what} | {call.processor * 1e3:.2f} ms | {call.statements:.0f} | "
                f"{call.commits:.0f} | {taken[what] * 1e3:.1f} ms |",
                flush=True,
            )
    for step in given.step_us:
        _tell_plan(given, step * 1e-6, costs, samplers, storages)


def _tell_costs(costs: Costs) -> None:
    print("| Ray, two nodes on this machine | |\n|---|---|")
    print(f"| first task of a worker (process, imports, compilation) | {costs.start:.1f} s |")
    print(f"| another task of the same worker | {costs.task * 1e3:.0f} ms |")
    print(f"| of it the driver | {costs.send * 1e3:.1f} ms |")
    print(f"| a report of 64 lanes, there and back | {costs.trip * 1e3:.1f} ms |")
    print(f"| of it the driver, when many arrive | {costs.report * 1e3:.2f} ms |")
    print(f"| a report, bytes a lane | {costs.message:.0f} |")
    print(f"| into the object store | {costs.put / 1e9:.1f} GB/s |")
    print(f"| from node to node (here: one machine) | {costs.transfer / 1e9:.1f} GB/s |")


def _tell_plan(
    given: argparse.Namespace,
    step: float,
    costs: Costs,
    samplers: dict[str, float],
    storages: dict[str, Calls],
) -> None:
    sweep = replace(
        Sweep(),
        trials=given.trials,
        gpus=given.gpus,
        nodes=-(-given.gpus // 8),
        epochs=given.epochs,
        step=step,
    )
    combined = {
        f"{storage}, {sampler}": replace(calls, ask=calls.ask + ask)
        for storage, calls in storages.items()
        for sampler, ask in samplers.items()
    }
    print(f"\n{sweep}\n")
    looked = replace(sweep, looks=sweep.epochs - 1)  # no more than that, and nothing is ended by it
    print("| storage, sampler | wall clock | asking | driver beside | training's share | cost |")
    print("|---|---|---|---|---|---|")
    for name, calls in combined.items():
        for pruned, each in (("", sweep), (", a pruner after each epoch", looked)):
            plan = lay_out(each, costs, calls)
            print(
                f"| {name}{pruned} | {plan.wall / 60:.1f} min | {plan.asking / 60:.1f} min | "
                f"{plan.driver / 60:.1f} min | {plan.efficiency:.0%} | {plan.cost:.0f} |"
            )
    print("\n| enough for so many GPUs | " + " | ".join(combined) + " |")
    print("|---" * (1 + len(combined)) + "|")
    columns = [saturated(sweep, costs, calls) for calls in combined.values()]
    for part in columns[0]:
        print(f"| {part} | " + " | ".join(f"{column[part]:,.0f}" for column in columns) + " |")


def _storages(urls: list[str]) -> list[tuple[str, Any]]:
    known = [
        ("memory", lambda folder: None),
        ("journal", lambda folder: str(folder / "study.journal")),
        ("SQLite", lambda folder: str(folder / "study.db")),
    ]
    return [*known, *((url.partition(":")[0].partition("+")[0], url) for url in urls)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(about.__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--gpus", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument(
        "--step-us", type=float, nargs="+", default=[2e3, 50e3], help="a step of 64 lanes, in µs"
    )
    parser.add_argument("--trip-ms", type=float, default=0.3, help="a statement's, to the database")
    parser.add_argument("--commit-ms", type=float, default=1.0, help="a commit of a database")
    parser.add_argument("--storage", nargs="*", default=[], help="URLs of empty databases")
    return parser.parse_args()


if __name__ == "__main__":
    main()
