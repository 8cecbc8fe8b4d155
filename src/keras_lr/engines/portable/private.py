"""What of Keras's private modules travelling needs, all in one place (as `engines.internals`)."""

from typing import Any


def registered(name: str) -> Any:
    """What is registered with Keras under a name; `None` if nothing is."""
    import keras

    return keras.saving.get_registered_object(name)


def registered_name(thing: Any) -> str:
    """The name that Keras writes for a class or function."""
    import keras

    return keras.saving.get_registered_name(thing)


def is_builtin_function(name: str) -> bool:
    """Whether Keras reads the bare name as a function of its own, such as `relu`."""
    from keras.src import api_export
    from keras.src.saving.serialization_lib import BUILTIN_MODULES

    return any(
        api_export.get_symbol_from_name(f"keras.{module}.{name}") is not None
        for module in BUILTIN_MODULES
    )


def compile_arguments(model: Any) -> dict[str, Any]:
    """What the model was compiled with, as it was given."""
    return getattr(getattr(model, "_compile_config", None), "config", {})


def forget_tensorflow() -> None:
    """Let Keras take TensorFlow for absent, where it runs on another backend.

    Reading a config asks whether TensorFlow is there, which imports it: seconds, and hundreds of
    megabytes. Whoever imports it himself still can.
    """
    from keras.src.utils.module_utils import tensorflow

    tensorflow._available = False


def take_steps_over(model: Any, train: Any, test: Any) -> None:
    """Let `fit` call these in the place of a model's steps, for each batch.

    Args:
        model: A compiled model; it can't be trained any more.
        train: Called with what a compiled training step is called with.
        test: Likewise, for validation.
    """
    model.steps_per_execution = 1
    model.make_train_function = model.make_test_function = lambda force=False: None
    model.train_function, model.test_function = train, test
    model.get_metrics_result = dict  # nothing was measured
