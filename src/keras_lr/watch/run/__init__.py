"""Runs: what a training left behind, as data."""

from keras_lr.watch.run.run import Curve, Run, gaps

__all__ = ["Curve", "Run", "gaps"]
