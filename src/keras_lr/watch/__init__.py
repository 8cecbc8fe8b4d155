"""Watching: figures, curves in the terminal, and the report in one HTML file.

Results are plain dataclasses; drawing them is this layer's work. Plotly is imported when the first
figure is drawn.
"""

from keras_lr.watch.comparison import Arm, Comparison
from keras_lr.watch.diagnosis import Diagnosis, diagnose
from keras_lr.watch.report import report
from keras_lr.watch.run import Curve, Run

__all__ = ["Arm", "Comparison", "Curve", "Diagnosis", "Run", "diagnose", "report"]
