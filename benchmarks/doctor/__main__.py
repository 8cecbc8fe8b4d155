"""Alarms of `diagnose` on healthy runs, and its hits on runs that were made ill.

    python -m benchmarks.doctor [--seeds 3] [--verbose]

Fourteen problems: digits (a linear net, one and three hidden layers; with three labels in ten wrong),
breast cancer, diabetes, each by SGD with momentum and by Adam. Healthy: seven schedules, each at the
best of nine rates by the validation loss, and at half of that. Ill: see `runs.ILLS`.
"""

import argparse
from collections import Counter

import keras_lr
from benchmarks.doctor.problems import PROBLEMS
from benchmarks.doctor.runs import GOOD, ILLS, good_runs, ill_runs


def main() -> None:
    """Train, judge, and print two tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args()
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    runs, alarms, named = Counter(), Counter(), {name: Counter() for name in GOOD}
    for problem in PROBLEMS:
        for name, run in good_runs(problem, seeds):
            found = keras_lr.diagnose(run)
            runs[name] += 1
            alarms[name] += found.ill
            named[name].update(s.name for s in found.found if s.severity != "note")
            if asked.verbose and found.ill:
                print(f"ALARM {problem.name}, {name}\n{found}\n", flush=True)
    print("| healthy runs with | runs | with an alarm | of |\n|---|---|---|---|")
    for name in GOOD:
        print(f"| {name} | {runs[name]} | {alarms[name]} | {_counts(named[name])} |")
    print(f"| all | {runs.total()} | {alarms.total()} | |\n")
    cases, hits, called = Counter(), Counter(), {ill.name: Counter() for ill in ILLS}
    for problem in PROBLEMS:
        for ill, run in ill_runs(problem, seeds):
            found = keras_lr.diagnose(run)
            hit = any(name in found for name in ill.expected)
            cases[ill.name] += 1
            hits[ill.name] += hit
            called[ill.name].update(
                [s.name for s in found.found if s.severity != "note"] or ["nothing"]
            )
            if asked.verbose and not hit:
                print(f"MISS {problem.name}, {ill.name}\n{found}\n", flush=True)
    print("| made ill by | runs | found | called |\n|---|---|---|---|")
    for ill in ILLS:
        name = ill.name
        print(f"| {name} | {cases[name]} | {hits[name]} | {_counts(called[name])} |")
    print(f"| all | {cases.total()} | {hits.total()} | |")


def _counts(counter: Counter) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())


if __name__ == "__main__":
    main()
