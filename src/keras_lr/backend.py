"""Choose Keras's backend where the user chose none.

Keras reads `KERAS_BACKEND` when it is first imported; with the variable unset it wants TensorFlow,
and fails where that isn't installed. So `import keras_lr` sets the variable to the first installed
backend (JAX, TensorFlow, torch) and says so on stderr, once. It leaves alone a variable that is
set, a Keras that is already imported, and a backend that `~/.keras/keras.json` names on purpose
(Keras writes "tensorflow" there by itself, so that name alone is no choice).
"""

import importlib.util
import json
import os
import sys
from pathlib import Path

from keras_lr.errors import InvalidInput

MODULES = {"jax": "jax", "tensorflow": "tensorflow", "torch": "torch"}


def installed() -> list[str]:
    """The backends that are installed, in order of preference."""
    return [name for name, module in MODULES.items() if importlib.util.find_spec(module)]


def choose() -> None:
    """Set `KERAS_BACKEND` if nobody did, and print the choice."""
    if os.environ.get("KERAS_BACKEND") or "keras" in sys.modules:
        return
    present = installed()
    configured = _configured()
    name = configured if configured in present else (present[0] if present else None)
    if name is None:
        return  # `require()` says what to install, when a backend is first needed.
    os.environ["KERAS_BACKEND"] = name
    if _is_command():
        return  # a command that needs a backend names it, and the others need none
    print(f"keras-lr: KERAS_BACKEND is not set; using {name}.", file=sys.stderr)


def require() -> str:
    """The name of the backend in use; an error with the command to install one if there is none."""
    if "keras" not in sys.modules:
        name = os.environ.get("KERAS_BACKEND")
        if not name:
            raise InvalidInput(
                "No Keras backend is installed. "
                'Install one with: pip install "keras-lr[jax]" (or [tensorflow], [torch]).'
            )
        if name in MODULES and not importlib.util.find_spec(MODULES[name]):
            raise InvalidInput(
                f"KERAS_BACKEND={name}, but {name} isn't installed. "
                f'Install it with: pip install "keras-lr[{name}]", or unset KERAS_BACKEND.'
            )
    import keras

    return keras.backend.backend()


def _is_command() -> bool:
    """Whether this process is the command `keras-lr`, or `python -m` is about to run it."""
    program = sys.argv[0] if sys.argv else ""
    return program == "-m" or Path(program).stem == "keras-lr"


def _configured() -> str | None:
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        name = json.loads((Path(home) / "keras.json").read_text())["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if name == "tensorflow" else name
