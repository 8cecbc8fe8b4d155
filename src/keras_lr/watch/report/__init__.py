"""The report: results as one HTML file."""

from keras_lr.watch.report.report import report, sections_of, write_atomically

__all__ = ["report", "sections_of", "write_atomically"]
