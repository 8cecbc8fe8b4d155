"""A process without keras_lr, where warnings raise, and what it finds in saved models."""

import atexit
import functools
import json
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import numpy as np


def predict_elsewhere(path, x):
    """What a saved model answers in a process that can't import keras_lr, where warnings raise."""
    answer = _asked(path=str(Path(path).resolve()), x=np.asarray(x).tolist())
    return np.array(answer["y"], "float32")


def optimizer_elsewhere(path):
    """The variables of a saved model's optimizer, as that process loads them, by path."""
    return _asked(path=str(Path(path).resolve()))["optimizer"]


def _asked(**given):
    process, errors = _process()
    process.stdin.write(json.dumps(given) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    told = _emptied(errors)
    assert answer, told
    answer = json.loads(answer)
    assert "failed" not in answer, answer["failed"]
    assert "Warning" not in told, told
    return answer


def _emptied(file):
    """What is in a file, which is empty then: what one model was told is no other's business."""
    file.seek(0)
    told = file.read()
    file.seek(0)  # for the process that writes, too: it has the same file
    file.truncate()
    return told


@functools.cache
def _process():
    """One for all models of this process, since it takes seconds to start; and what it says."""
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the process is
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )

    def end():
        process.stdin.close()
        process.wait()
        process.stdout.close()
        errors.close()

    atexit.register(end)
    return process, errors


def main():
    """The process: a line for each model."""
    sys.modules["keras_lr"] = None
    warnings.simplefilter("error")
    # Keras on JAX or torch, with NumPy 2: theirs, and about any array.
    warnings.filterwarnings("ignore", message="__array__ implementation")
    import keras

    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        given = json.loads(line)
        try:
            model = keras.saving.load_model(given["path"])
            if "x" in given:
                x = np.array(given["x"], "float32")
                found = {"y": model.predict(x, verbose=0).tolist()}
            else:
                variables = model.optimizer.variables
                found = {"optimizer": {v.path: v.numpy().tolist() for v in variables}}
        except Exception:
            found = {"failed": traceback.format_exc()}
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
