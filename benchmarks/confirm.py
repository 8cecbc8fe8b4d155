"""What a confirmation costs: one engine for all seeds, an engine a seed, and plain fits.

`python -m benchmarks.confirm` (JAX, scikit-learn): 3 trials × 5 seeds × 10 epochs of the demo's
digits, all three ways in one process, one after the other.
"""

import time
from dataclasses import replace


def main() -> None:
    import keras_lr
    from keras_lr.demo.digits import load_digits
    from keras_lr.demo.model import build_model
    from keras_lr.engines.compiled.engine import CompiledEngine
    from keras_lr.engines.fit import FitEngine
    from keras_lr.tuner.confirm import pick_seeds, train_again
    from keras_lr.tuner.progress import Progress
    from keras_lr.tuner.trial import ranked_trials

    split = load_digits()
    study = keras_lr.tune(
        build_model,
        *split.train,
        validation_data=split.validation,
        epochs=10,
        trials=16,
        space={"learning_rate": keras_lr.LogUniform(1e-2, 2.0), "momentum": [0.0, 0.9]},
        verbose=0,
    )
    best = ranked_trials(study.trials, study.direction)[:3]
    specs = {trial.number: study._space.spec(trial.params) for trial in best}

    class Anew(CompiledEngine):
        """One that begins anew with each seed."""

        def reseed(self, seed):
            self.__init__(replace(self.job, seed=seed))

    ways = {
        "one compiled engine, given each seed": CompiledEngine,
        "a compiled engine a seed": Anew,
        "model.fit": FitEngine,
    }
    for name, engine in ways.items():
        started = time.perf_counter()
        with Progress(0, len(specs), 0, study.objective, quiet=True) as progress:
            train_again(
                specs,
                study._job,
                pick_seeds(5, study._job.seed),
                study.objective,
                engine=engine,
                known={},
                note=lambda: None,
                progress=progress,
            )
        print(f"{name:40s} {time.perf_counter() - started:6.1f} s")


if __name__ == "__main__":
    main()
