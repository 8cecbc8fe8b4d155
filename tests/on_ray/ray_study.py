"""The study of the tests of this folder; as a script, the driver that is killed."""

import sys
from pathlib import Path

from engine_models import build, images
from keras_lr import LogUniform, tune
from keras_lr.engines.ray import RayOptions

SPACE = {"learning_rate": LogUniform(1e-3, 0.3), "momentum": [0.0, 0.5]}


def study(*, engine, trials=8, storage=None, epochs=2, **options):
    """Small trials of two groups a wave."""
    x, y = images(64)
    return tune(
        build,
        x[:48],
        y[:48],
        space=SPACE,
        epochs=epochs,
        trials=trials,
        batch_size=16,
        validation_data=(x[48:], y[48:]),
        engine=engine,
        storage=storage,
        verbose=0,
        **options,
    )


def options(path):
    """Two trials a task, a wave of four, in workers that find the modules of the tests."""
    return RayOptions(lanes=2, wave=4, runtime_env={"env_vars": {"PYTHONPATH": path}})


if __name__ == "__main__":
    import ray

    address, storage, path = sys.argv[1:]
    ray.init(address=address, log_to_driver=False, logging_level="warning")
    # So many that it is killed before they are done.
    study(engine=options(path), trials=400, storage=Path(storage))
