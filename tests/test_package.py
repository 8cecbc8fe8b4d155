"""The package itself: light to import, the backend chosen, every public name there."""

import os
import subprocess
import sys

import pytest

import keras_lr
from keras_lr import backend


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_import_is_light():
    heavy = "keras jax tensorflow torch optuna plotly cyclopts rich numpy"
    code = f"import sys, keras_lr; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert python(code).stdout.strip() == "[]"


@pytest.mark.parametrize("name", keras_lr.__all__)
def test_every_public_name_is_there(name):
    assert getattr(keras_lr, name) is not None
    assert name in dir(keras_lr)


def test_nothing_public_is_left_out():
    assert sorted(keras_lr.__all__) == sorted([*keras_lr._PUBLIC, *keras_lr._MODULES])


def test_unknown_names():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keras_lr.nothing


def test_the_installed_backend_is_chosen_and_named(tmp_path):
    first = backend.installed()[0]
    code = "import keras_lr, keras; print(keras.backend.backend())"
    result = python(code, KERAS_BACKEND="", KERAS_HOME=str(tmp_path))
    assert result.stdout.strip() == first
    assert f"KERAS_BACKEND is not set; using {first}." in result.stderr


def test_a_chosen_backend_is_left_alone(tmp_path):
    chosen = os.environ["KERAS_BACKEND"]
    result = python("import keras_lr", KERAS_BACKEND=chosen, KERAS_HOME=str(tmp_path))
    assert result.stderr == ""


def test_a_configured_backend_is_respected(tmp_path, monkeypatch):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert backend._configured() == "torch"
    (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')  # Keras writes that itself
    assert backend._configured() is None


def test_a_backend_that_is_not_installed(tmp_path):
    missing = [name for name in backend.MODULES if name not in backend.installed()]
    if not missing:
        pytest.skip("all backends are installed here")
    code = (
        "import keras_lr\n"
        "try: keras_lr.callbacks\n"
        "except keras_lr.errors.InvalidInput as error: print(error)"
    )
    out = python(code, KERAS_BACKEND=missing[0]).stdout
    assert f'pip install "keras-lr[{missing[0]}]"' in out
