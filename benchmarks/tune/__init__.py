"""Tuning measured: 64 trials by the compiled engine, and by what else one would use.

`make bench-tune` prints the tables of docs/benchmarks.md; `python -m benchmarks.tune --quick` shows
in a minute or two that everything runs.
"""
