"""A run while it goes on: in the terminal, in a notebook, and as a page that renews itself."""

from keras_lr.watch.live.callback import Live

__all__ = ["Live"]
