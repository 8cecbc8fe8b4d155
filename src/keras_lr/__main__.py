"""`python -m keras_lr` is the command `keras-lr`."""

import sys

from keras_lr.cli import main

if __name__ == "__main__":
    sys.exit(main())
