"""What the rules' default thresholds were chosen by: the measures on two tasks, for a grid of each.

    python -m benchmarks.reducers.thresholds             # every rule
    python -m benchmarks.reducers.thresholds distance    # or some of: plateau, slope, distance, alignment

Chosen is what forgives a wrong rate most when it is multiplied with a cooldown, among those that
keep at least `KEEPS` of the cooldown's own gain. The other tasks aren't looked at here.
"""

import argparse
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.reducers.lanes import Budget
from benchmarks.reducers.measures import row
from benchmarks.reducers.policies import COOLED, FLAT, SAFE, Policy, baselines
from benchmarks.reducers.study import study
from benchmarks.reducers.table import table
from benchmarks.reducers.tasks import TUNED_ON
from keras_lr import rules

KEEPS = 0.9


def grid(rule: str) -> dict[str, tuple[tuple[Any, ...], Any]]:
    """Settings of a rule: name to (rules, detector)."""
    found: dict[str, tuple[tuple[Any, ...], Any]] = {}
    if rule == "distance":
        for slope, growth, first in product((0.4, 0.6, 0.8), (1.5, 2.0), (38, 100)):
            found[f"slope {slope}, growth {growth}, first {first}"] = (
                (),
                rules.Oscillation("distance", slope=slope, growth=growth, first=first),
            )
    elif rule == "alignment":
        for chunk, chunks, width in product((10, 20), (10, 20), (1.0, 2.0, 3.0)):
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
        print(f"\n{rule}\n\n{table([row(cells, p.name) for p in policies])}", flush=True)


if __name__ == "__main__":
    main()
