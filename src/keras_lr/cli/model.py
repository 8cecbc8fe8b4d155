"""MODEL on the command line: a compiled `.keras` file, or a function that returns one."""

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_lr.cli.reference import call_reference, is_reference, load_reference
from keras_lr.errors import InvalidInput

_WAYS = "MODEL is a compiled .keras file or module:function, a function returning a compiled model."


def load_model(text: str) -> Any:
    """The compiled model that MODEL names.

    Args:
        text: A path that ends in `.keras`, or `module:function`.
    """
    if is_reference(text) and not Path(text).exists():
        return check_compiled(
            call_reference(load_reference(text, "MODEL"), text, "MODEL"), text, "returned"
        )
    return check_compiled(_from_file(text), text, "holds")


def model_builder(text: str) -> tuple[Any, Any]:
    """What `keras_lr.tune` takes (the function itself, or the model from the file), and a model."""
    if is_reference(text) and not Path(text).exists():
        function: Callable[..., Any] = load_reference(text, "MODEL")
        return function, check_compiled(call_reference(function, text, "MODEL"), text, "returned")
    model = load_model(text)
    return model, model


def check_compiled(model: Any, text: str, verb: str) -> Any:
    """Refuse what isn't a compiled Keras model."""
    import keras

    if not isinstance(model, keras.Model):
        raise InvalidInput(
            f"{text} {verb} a {type(model).__name__}, not a Keras model. {_WAYS} "
            f"Received: MODEL {text}"
        )
    if getattr(model, "optimizer", None) is None:
        where = "before you save it" if verb == "holds" else "before you return it"
        raise InvalidInput(
            "The model isn't compiled. Write model.compile(optimizer=keras.optimizers.SGD("
            f"momentum=0.9), loss=...) {where}. Received: MODEL {text}"
        )
    return model


def _from_file(text: str) -> Any:
    path = Path(text)
    if path.suffix == ".h5":
        raise InvalidInput(
            "An .h5 file isn't read here. Save the model with model.save('model.keras'). "
            f"Received: MODEL {text}"
        )
    if path.suffix != ".keras":
        module, separator, name = text.partition(":")
        hint = f" Write {Path(module).stem}:{name}." if separator and module.endswith(".py") else ""
        raise InvalidInput(f"{_WAYS}{hint} Received: MODEL {text}")
    if not path.is_file():
        raise InvalidInput(f"There is no file {text}. {_WAYS} Received: MODEL {text}")
    if not zipfile.is_zipfile(path):
        raise InvalidInput(
            "The file isn't a Keras model (a .keras file is a zip archive). "
            f"Save one with model.save('model.keras'). Received: MODEL {text}"
        )
    import keras

    try:
        with warnings.catch_warnings():
            # Of a model that was saved before its first fit: its optimizer has no state to load.
            skipping = "Skipping variable loading for optimizer"
            warnings.filterwarnings("ignore", message=skipping)
            return keras.saving.load_model(path, safe_mode=True)
    except Exception as error:
        message = " ".join(str(error).split())
        if "safe_mode" in message or "lambda" in message.lower():
            raise InvalidInput(
                "The file holds Python code (a Lambda layer or function), which isn't run from a "
                "file. Write a function that builds the model, and give it as module:function. "
                f"Received: MODEL {text}"
            ) from error
        raise InvalidInput(
            f"Keras can't load the model ({type(error).__name__}: {message[:200]}). A model with "
            "classes of your own is given as module:function. (--debug shows the traceback.) "
            f"Received: MODEL {text}"
        ) from error
