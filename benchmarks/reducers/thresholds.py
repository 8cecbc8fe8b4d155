"""What the rules' default thresholds were chosen by: the measures on two tasks, for a grid of each.

    python -m benchmarks.reducers.thresholds             # every rule
    python -m benchmarks.reducers.thresholds distance    # or some of: plateau, slope, distance, alignment

Each setting is judged alone and times a cooldown, by the mean of both: among those within `FORGIVING`
of the best robustness those within `RECOVERING` of the best recovery, and of them the one with the
fewest false drops. The other tasks aren't looked at here.
"""

import argparse
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reducers.lanes import Budget
from benchmarks.reducers.measures import Row, row
from benchmarks.reducers.policies import COOLED, FLAT, SAFE, Policy, baselines
from benchmarks.reducers.study import study
from benchmarks.reducers.table import table
from benchmarks.reducers.tasks import TUNED_ON
from keras_lr import rules

FORGIVING = 0.002
RECOVERING = 0.02


def grid(rule: str) -> dict[str, tuple[tuple[Any, ...], Any]]:
    """Settings of a rule: name to (rules, detector)."""
    found: dict[str, tuple[tuple[Any, ...], Any]] = {}
    if rule == "distance":
        for slope, growth, first in product((0.2, 0.4, 0.6), (1.5, 2.0), (38, 100, 200)):
            found[f"slope {slope}, growth {growth}, first {first}"] = (
                (),
                rules.Oscillation("distance", slope=slope, growth=growth, first=first),
            )
    elif rule == "alignment":
        for chunk, chunks, width in product((20, 40), (10, 20), (1.0, 2.0)):
            found[f"chunk {chunk}, chunks {chunks}, width {width}"] = (
                (),
                rules.Oscillation("alignment", chunk=chunk, chunks=chunks, width=width),
            )
    elif rule == "plateau":
        for patience, least, smoothing in product((2, 5), (1e-3, 1e-2), (0.0, 0.5, 0.8)):
            plateau = rules.Plateau("loss", patience=patience, min_delta=least, smoothing=smoothing)
            found[f"patience {patience}, min_delta {least}, smoothing {smoothing}"] = (
                (plateau,),
                None,
            )
    else:
        for every, window in product((8, 16, 24), (20, 40)):
            slope = rules.Slope("loss", every=every, window=window)
            found[f"every {every}, window {window}"] = ((slope,), None)
    return found


def chosen(rows: Mapping[str, Row], names: Iterable[str]) -> str:
    """The name of the setting that the defaults take."""
    judged = {}
    for name in names:
        both = [rows[name], rows[f"{name} × WSD"]]
        recovered = np.mean([row.recovery.value if row.recovery else 0.0 for row in both])
        false = np.mean([row.false_drops or 0.0 for row in both])
        judged[name] = np.mean([row.robustness.value for row in both]), recovered, false
    near = min(found[0] for found in judged.values()) + FORGIVING
    judged = {name: found for name, found in judged.items() if found[0] <= near}
    high = max(found[1] for found in judged.values()) - RECOVERING
    judged = {name: found for name, found in judged.items() if found[1] >= high}
    return min(judged, key=lambda name: judged[name][2])


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each rule."""
    known = ("plateau", "slope", "distance", "alignment")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("rules", nargs="*", choices=[*known, []], default=known)
    parser.add_argument("--keep", type=Path, help="a folder for finished runs")
    options = parser.parse_args(arguments)
    tasks = [make() for make in TUNED_ON]
    compared = [p for p in baselines() if p.name in ("constant", "cosine", "WSD, 20 %")]
    compared.append(Policy("Divergence", FLAT, (SAFE,)))
    compared.append(Policy("Divergence × WSD", COOLED, (SAFE,)))
    for rule in options.rules:
        policies = list(compared)
        for name, (others, detector) in grid(rule).items():
            policies.append(Policy(name, FLAT, (*others, SAFE), detector))
            policies.append(Policy(f"{name} × WSD", COOLED, (*others, SAFE), detector))
        cells = study(tasks, policies, Budget(), keep=options.keep)
        rows = {p.name: row(cells, p.name) for p in policies}
        best = chosen(rows, grid(rule))
        print(f"\n{rule}, chosen: {best}\n\n{table(rows.values())}", flush=True)


if __name__ == "__main__":
    main()
