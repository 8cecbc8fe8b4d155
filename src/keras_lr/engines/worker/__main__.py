"""`python -m keras_lr.engines.worker FOLDER`: the process that trains; its parent starts it."""

import sys
from pathlib import Path

from keras_lr.engines.worker.serve import serve

if __name__ == "__main__":
    serve(Path(sys.argv[1]))
