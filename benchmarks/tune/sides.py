"""What is compared, each a function of the net, its data and the budget that returns what was found.

Every side runs in a process of its own and starts cold: its compilations count, imports don't.
"""

import resource
import tempfile
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.tune.nets import build, data, points

BATCH = 32
MOMENTA = [0.0, 0.5, 0.9, 0.95]
RATES = (1e-4, 1.0)


@dataclass(frozen=True)
class Budget:
    """How much is trained: every trial has `epochs` of `samples`."""

    trials: int = 64
    epochs: int = 5
    samples: int = 4000
    held_out: int = 1000


def ours(net, budget, *, race=False):
    """`keras_lr.tune` on the given points, or searching by TPE with Hyperband."""
    import optuna

    import keras_lr

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.InMemoryStorage()
    more = {"pruner": "hyperband"} if race else {}
    if not race:
        study = optuna.create_study(storage=storage, study_name="bench")
        for point in points(budget.trials):
            study.enqueue_trial(point)
    train, held_out = data(net, budget.samples, budget.held_out)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, clock, cpu = time.perf_counter(), time.time(), time.process_time()
    found = keras_lr.tune(
        lambda: build(net),
        *train,
        validation_data=held_out,
        space={"learning_rate": keras_lr.LogUniform(*RATES), "momentum": MOMENTA},
        epochs=budget.epochs,
        batch_size=BATCH,
        trials=budget.trials,
        engine="compiled",
        storage=storage,
        study_name="bench",
        verbose=0,
        **more,
    )
    seconds = time.perf_counter() - started
    cpu = time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if not race:
        assert [trial.params for trial in found.trials] == points(budget.trials)
    return {
        "seconds": seconds,
        "cpu": cpu,
        "values": [trial.value for trial in found.trials],
        "ended": _ended(found.optuna, clock),
        "plan": found.plan,
        "mib": (after - before) / 1024,
        "data_mib": sum(a.nbytes for a in (*train, *held_out)) / 2**20,
        **({} if race else limit(net, budget)),
    }


def ours_racing(net, budget):
    """`keras_lr.tune(pruner="hyperband")`."""
    return ours(net, budget, race=True)


def limit(net, budget):
    """Seconds of the bare compiled steps of all trials, one after another: nothing around them.

    The training step and the evaluation step are jitted alone and called on data that lies on the
    device; the median of several pieces counts.
    """
    import jax
    import keras

    from keras_lr.engines import internals
    from keras_lr.engines.compiled import Program

    (x, y), (x_val, _) = data(net, budget.samples, budget.held_out)
    keras.utils.set_random_seed(0)
    model = build(net)
    iterator = internals.epoch_iterator(x, y, batch_size=BATCH)
    internals.build(model, iterator)
    program = Program(model)
    batch = jax.device_put(next(internals.one_epoch(iterator)))
    rates, settings = jax.device_put((np.full(1, 0.01, "float32"), {}))
    train = jax.jit(program.train_step, donate_argnums=0)
    test = jax.jit(program.test_step, donate_argnums=0)

    def seconds(step):
        state = step(jax.device_put(program.state()))
        pieces = []
        for _ in range(7):
            started = time.perf_counter()
            for _ in range(40):
                state = step(state)
            jax.block_until_ready(state)
            pieces.append((time.perf_counter() - started) / 40)
        return float(np.median(pieces))

    step = seconds(lambda state: train(state, batch, rates, settings)[0])
    look = seconds(lambda state: test(state, batch)[0])
    lane = sum(array.nbytes for array in jax.tree.leaves(program.state()))
    epochs = budget.trials * budget.epochs
    total = epochs * (-(-len(x) // BATCH) * step + -(-len(x_val) // BATCH) * look)
    return {"limit": total, "step": step, "lane_mib": lane / 2**20}


def keras_tuner(net, budget):
    """keras-tuner's RandomSearch, with the given points for its draws."""
    import keras
    import keras_tuner as library

    train, held_out = data(net, budget.samples, budget.held_out)
    values = []

    class Points(library.oracles.RandomSearchOracle):
        """Draws the given points; everything else is RandomSearch's."""

        def populate_space(self, trial_id):
            wanted = points(budget.trials)
            if int(trial_id) >= len(wanted):
                return {"status": library.engine.trial.TrialStatus.STOPPED, "values": None}
            status = library.engine.trial.TrialStatus.RUNNING
            return {"status": status, "values": wanted[int(trial_id)]}

    class Net(library.HyperModel):
        def build(self, hp):
            rate = hp.Float("learning_rate", *RATES, sampling="log")
            momentum = hp.Choice("momentum", MOMENTA)
            keras.utils.set_random_seed(0)
            return build(net, rate, momentum)

        def fit(self, hp, model, *args, **kwargs):
            history = super().fit(hp, model, *args, **kwargs)
            values.append(history.history["val_loss"][-1])
            return history

    with tempfile.TemporaryDirectory() as folder:
        tuner = library.Tuner(
            oracle=Points(objective=library.Objective("val_loss", "min"), max_trials=budget.trials),
            hypermodel=Net(),
            directory=folder,
        )
        started, cpu = time.perf_counter(), time.process_time()
        tuner.search(
            *train,
            validation_data=held_out,
            epochs=budget.epochs,
            batch_size=BATCH,
            verbose=0,
        )
        seconds = time.perf_counter() - started
        cpu = time.process_time() - cpu
    return {"seconds": seconds, "cpu": cpu, "values": values}


def optuna_racing(net, budget):
    """Optuna's TPE and Hyperband as its users write them: one `fit` a trial, pruned by epochs."""
    import keras
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    train, held_out = data(net, budget.samples, budget.held_out)

    def objective(trial):
        rate = trial.suggest_float("learning_rate", *RATES, log=True)
        momentum = trial.suggest_categorical("momentum", MOMENTA)
        keras.utils.set_random_seed(0)
        model = build(net, rate, momentum)

        class Pruning(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if not np.isfinite(logs["val_loss"]):
                    raise optuna.TrialPruned
                trial.report(logs["val_loss"], epoch)
                if epoch + 1 < budget.epochs and trial.should_prune():
                    raise optuna.TrialPruned

        history = model.fit(
            *train,
            validation_data=held_out,
            epochs=budget.epochs,
            batch_size=BATCH,
            verbose=0,
            callbacks=[Pruning()],
        )
        return history.history["val_loss"][-1]

    started, clock = time.perf_counter(), time.time()
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.HyperbandPruner(max_resource=budget.epochs),
    )
    study.optimize(objective, n_trials=budget.trials)
    complete = optuna.trial.TrialState.COMPLETE
    return {
        "seconds": time.perf_counter() - started,
        "values": [t.value if t.state == complete else None for t in study.trials],
        "ended": _ended(study, clock),
    }


def _ended(study, clock):
    """Seconds after the start at which each trial was told."""
    return [trial.datetime_complete.timestamp() - clock for trial in study.get_trials()]


SIDES = {
    "ours": ours,
    "ours, racing": ours_racing,
    "keras-tuner": keras_tuner,
    "optuna, racing": optuna_racing,
}
