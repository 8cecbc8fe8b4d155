"""Schedules, rules and detectors against each other: the table of docs/reducers.md.

python -m benchmarks.reducers                 # the whole table
python -m benchmarks.reducers --keep FOLDER   # and finished runs are kept: a stop loses little
python -m benchmarks.reducers --quick         # that everything runs; its figures say nothing
python -m benchmarks.reducers --json FILE     # the measures for machines too
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.reducers.lanes import Budget
from benchmarks.reducers.measures import Cell, Row, gains_clearly, row
from benchmarks.reducers.policies import policies
from benchmarks.reducers.study import study
from benchmarks.reducers.table import table
from benchmarks.reducers.tasks import OPTIMIZERS, REPORTED, TUNED_ON

QUICK = Budget(steps=192, epoch=48, rates=3, seeds=2)


def main(arguments: list[str] | None = None) -> dict[str, list[Row]]:
    """Run it all and print a table for the tasks of the thresholds, and one for the others."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two short cells")
    parser.add_argument("--keep", type=Path, help="a folder for finished runs")
    parser.add_argument("--json", type=Path, help="a file for the measures")
    options = parser.parse_args(arguments)
    budget = QUICK if options.quick else Budget()
    found = {}
    for title, makers in (
        ("the tasks that thresholds were chosen on", TUNED_ON),
        ("the other tasks", REPORTED),
    ):
        tasks = [make() for make in (makers[:1] if options.quick else makers)]
        cells = study(
            tasks,
            policies(budget.steps),
            budget,
            optimizers=OPTIMIZERS[1:2] if options.quick else OPTIMIZERS,
            keep=options.keep,
        )
        found[title] = [row(cells, name) for name in next(iter(cells.values()))]
        print(f"\n{title}: {_counted(cells)}\n\n{table(found[title])}\n", flush=True)
    if options.json:
        rows = {title: [asdict(row) for row in part] for title, part in found.items()}
        options.json.write_text(json.dumps(rows, indent=1))
    return found


def _counted(cells: Mapping[str, Cell]) -> str:
    random = np.random.default_rng(0)
    clear = [name for name, cell in cells.items() if gains_clearly(cell, random)]
    return (
        f"{len(cells)} cells; the recovery is over the {len(clear)} in which a cooldown gains "
        f"clearly ({'; '.join(clear)})"
    )


if __name__ == "__main__":
    main()
