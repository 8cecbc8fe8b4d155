"""Results in notebooks: HTML without a script."""

from keras_lr.watch.notebook.results import as_html, piece

__all__ = ["as_html", "piece"]
