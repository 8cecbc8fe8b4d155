"""The whole job on real data: find, tune, train, compare, report.

`keras-lr demo` runs it; `run` is the same from Python. It needs scikit-learn (the extra `demo`)
for its 1,797 real handwritten digits, which scikit-learn carries with it.
"""

from keras_lr.demo.steps import DemoResult, run

__all__ = ["DemoResult", "run"]
