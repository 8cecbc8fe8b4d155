"""What `BackupAndRestore` does in one `fit`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras

from keras_lr.callbacks.backup import attributes, matching, optimizers_beside, script, spoken
from keras_lr.callbacks.backup.data_order import DataOrder, warn_of_order
from keras_lr.callbacks.backup.restoring import VERSION, Restoring, lacking
from keras_lr.callbacks.backup.untouched import Untouched
from keras_lr.callbacks.warning import warn
from keras_lr.errors import BrokenFile, InvalidInput, KerasLRError
from keras_lr.rate import carried
from keras_lr.rate.between_steps import BetweenSteps
from keras_lr.rate.running import callbacks_of, epoch_iterator
from keras_lr.state import variables

if TYPE_CHECKING:
    from keras_lr.callbacks.backup.callback import BackupAndRestore

_LACKS = (KeyError, IndexError, TypeError, ValueError, AttributeError)


class BackupRun:
    """One `fit`, from the opening of the folder to its end.

    Args:
        callback: Whose it is.
        container: Keras's list of the fit's callbacks.
    """

    def __init__(self, callback: "BackupAndRestore", container: Any) -> None:
        self._callback = callback
        self._container = container
        self._others = list(container.callbacks)
        self._names = matching.names_of(self._others)
        self._restoring: Restoring | None = None
        self._started = False
        self._held: tuple[dict[str, Any], matching.ByIdentity[dict[str, Any]]] | None = None
        self._untouched: Untouched | None = None
        self._guard()

    def _guard(self) -> None:
        """Hear of it if a callback refuses to begin, which Keras tells nobody."""
        begin_all = self._container.on_train_begin

        def on_train_begin(logs: Any = None) -> None:
            vars(self._container).pop("on_train_begin", None)
            try:
                begin_all(logs)
            except BaseException as problem:
                self._refused()
                if self._restoring is not None and _is_ours(problem):
                    raise BrokenFile(
                        f"The newest backup in {self._callback._generations.folder} lacks what this "
                        f"keras-lr looks for ({type(problem).__name__}: {problem}). Delete it to go "
                        "on with the one before, or the folder to start anew."
                    ) from problem
                raise

        self._container.on_train_begin = on_train_begin

    # -- the hooks, before and behind those of all others ------------------------------------------

    def open(self, model: Any) -> None:
        """Claim the folder; put the model back before anyone looks at it."""
        callback = self._callback
        self._refuse_others()
        self._settings = {name: matching.settings_of(each) for each, name in self._names.items()}
        _build(model)
        # What comes later stands in the optimizer for the length of this fit only.
        self._optimizer = [] if model.optimizer is None else list(model.optimizer.variables)
        self._others_beside = optimizers_beside.beside(model)
        self._said = script.take(model)
        callback._generations.open(lambda: callbacks_of(model) is self._container.callbacks)
        state, problems = (None, []) if callback._finished else callback._generations.load(lacking)
        for problem in problems:
            warn(f"{problem} The backup before it is used.")
        if state is None:
            return
        self._untouched = Untouched(model, self._others_beside.values())
        self._restoring = Restoring(
            state, self._names, callback.params or {}, self._said, callback.on_change
        )
        self._restoring.open(model)
        if callback.verbose:
            print(f"\nBackupAndRestore: going on {self._restoring.where}.")

    def begin(self, model: Any) -> None:
        """Once training has begun for all others: put them back, and begin to follow."""
        self._attributes = attributes.Attributes(self._others)
        spoken.check(self._others, self._names)
        iterator = epoch_iterator(model)
        if iterator is None:
            raise InvalidInput("BackupAndRestore works in model.fit(callbacks=[...]) only.")
        self._data = DataOrder(iterator, self._step_done)
        self._between = BetweenSteps.of(model)
        self._between.join(self, self._abandoned)
        if self._restoring is not None:
            warn_of_order(iterator, inside=bool(self._restoring.batch))
            self._restoring.begin(model, self._data)
        self._untouched = None

    def clear_start(self) -> None:
        """Where this fit starts has been heard, and isn't where the next one does."""
        if self._restoring is not None:
            self._callback._model._initial_epoch = None

    def begin_epoch(self, model: Any, epoch: int) -> None:
        """Note the epoch; in the first, put back what others have changed or placed since."""
        self._epoch = epoch
        self._between.begin_epoch(int((self._callback.params or {}).get("steps") or 0))
        if self._started:
            return
        self._started = True
        if self._restoring is not None:
            self._restoring.begin_epoch(model, self._data, self._between)
            self._restoring = None
        if self._callback._every is not None:
            # Behind the rules that look at the same moment.
            self._between.look(self, self._callback._every, self._look)

    def end_epoch(self, model: Any, epoch: int) -> None:
        """Save if it is time."""
        self._held = None
        self._data.warn_of_lost()
        every = self._callback._every
        if every is None or self._between.due(every):
            self._save(model, epoch + 1, 0, *self._taken())

    def end(self, model: Any) -> None:
        """Give the folder free."""
        self.clear_start()
        self._between.leave(self)
        self._callback._generations.close(delete=self._callback.delete_checkpoint)
        self._callback._finished = True

    def _abandoned(self) -> None:
        self._callback._generations.close()

    def _refused(self) -> None:
        """Leave the model as it was before, and the folder free."""
        if self._restoring is not None:
            self._restoring.close_files()
        if self._untouched is not None:
            self._untouched.put_back()
            self._untouched = None
            for each in self._others:
                if getattr(each, "_hears_resume", False):
                    each.forget_state()
        self._callback._generations.close()

    # -- saving ---------------------------------------------------------------------------------

    def _step_done(self) -> None:
        """Take what the reading of the next batch, or its hooks, would change."""
        every = self._callback._every
        if every is None or not self._between.due(every):
            return
        flush = getattr(self._container, "_flush_futures", None)
        if flush is not None and getattr(self._container, "_async_train", False):
            flush()
        self._held = self._taken()

    def _taken(self) -> tuple[dict[str, Any], matching.ByIdentity[dict[str, Any]]]:
        return self._data.get_state(), self._attributes.take()

    def _look(self, logs: Mapping[str, Any]) -> None:
        if self._held is not None:
            # Other looks at this moment may have rolled training back, and the random state with it.
            then = self._data.random_state()
            self._save(self._callback.model, self._epoch, self._between.done, *self._held, then)
            self._held = None

    def _save(
        self,
        model: Any,
        epoch: int,
        batch: int,
        data: Mapping[str, Any],
        changed: Mapping[Any, dict[str, Any]],
        then: Mapping[str, Any] | None = None,
    ) -> None:
        params = self._callback.params or {}
        control = carried.control_of(model)
        state = {
            "version": VERSION,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "epoch": epoch,
            "batch": batch,
            "batches": params.get("steps"),
            "stopped": bool(model.stop_training),
            "total": self._between.total,
            "counted": self._between.counted,
            "model": variables.take(model.variables),
            "optimizer": variables.take(self._optimizer),
            "metrics": variables.take(model.metrics_variables),
            "beside": optimizers_beside.take(model, self._others_beside),
            "data": data,
            "then": then,
            "script": self._said,
            "settings": self._settings,
            "callbacks": {
                self._names[each]: spoken.state_of(each, self._names[each])
                for each in self._others
                if spoken.speaks(each)
            },
            "attributes": {self._names[each]: found for each, found in changed.items()},
            "control": None if control is None else carried.get_state(control, self._names),
        }
        self._callback._generations.save(state)

    def _refuse_others(self) -> None:
        for each in self._others:
            if isinstance(each, keras.callbacks.BackupAndRestore) or (
                isinstance(each, type(self._callback)) and each is not self._callback
            ):
                raise InvalidInput(
                    "Two callbacks would restore the run, and only one can. Leave one out. "
                    f"Received: {type(each).__module__}.{type(each).__name__}({each.backup_dir!r})."
                )


def _is_ours(problem: BaseException) -> bool:
    """Whether keras-lr itself raised it, and not on purpose."""
    frame = problem.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None or isinstance(problem, KerasLRError) or not isinstance(problem, _LACKS):
        return False
    return str(frame.tb_frame.f_globals.get("__name__")).startswith("keras_lr.")


def _build(model: Any) -> None:
    """Build what a backup is put back into, as JAX and torch do before training begins."""
    # A model that is only trained, such as a GAN of two others, isn't built itself.
    layers = list(model._flatten_layers(include_self=False)) or [model]
    if not all(layer.built for layer in layers) or not model.variables:
        raise InvalidInput(
            "BackupAndRestore needs the model's weights before the first step. Begin the model "
            "with keras.Input(shape), or call model.build(input_shape), before fit."
        )
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
