"""The numbers that the documentation quotes; each a ratio within one run.

`make bench` runs all of them; `python -m benchmarks overhead` (or `schedules`, `tune`, `find`,
`reducers`) one.
"""

import keras_lr  # noqa: F401  before keras: it chooses the installed backend
