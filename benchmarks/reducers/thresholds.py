"""What the rules' default thresholds were chosen by: the measures on two tasks, for a grid of each.

    python -m benchmarks.reducers.thresholds             # every rule
    python -m benchmarks.reducers.thresholds distance    # or some of: plateau, slope, distance, alignment

Each setting is judged times a cooldown: among those within `FORGIVING` of the best robustness those
within `RECOVERING` of the best recovery, and of them the one with the fewest false drops. The other
tasks aren't looked at here.
"""

import argparse
from itertools import product
from pathlib import Path
from typing import Any

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


def chosen(rows: list[Row]) -> str:
    """The name of the setting that the defaults take."""
    near = min(row.robustness.value for row in rows) + FORGIVING
    rows = [row for row in rows if row.robustness.value <= near]
    recovered = [row.recovery.value if row.recovery else 0.0 for row in rows]
    high = max(recovered) - RECOVERING
    rows = [row for row, value in zip(rows, recovered, strict=True) if value >= high]
    return min(rows, key=lambda row: row.false_drops or 0.0).policy


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
        rows = [row(cells, p.name) for p in policies]
        best = chosen([found for found in rows[len(compared) :] if " × " in found.policy])
        print(f"\n{rule}, chosen {best}\n\n{table(rows)}", flush=True)


if __name__ == "__main__":
    main()
