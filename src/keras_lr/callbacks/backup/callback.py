"""`BackupAndRestore`: a run that was cut off goes on as if it hadn't been."""

import os
from pathlib import Path
from typing import Any, Literal

import keras

from keras_lr.callbacks.backup.run import BackupRun
from keras_lr.errors import InvalidInput, nearest
from keras_lr.rate.running import list_setting_model
from keras_lr.state.generations import Generations

OnChange = Literal["error", "keep", "reanchor", "cooldown"]
_CHOICES = ("error", "keep", "reanchor", "cooldown")


class BackupAndRestore(keras.callbacks.Callback):
    """Save all of a run as it goes, and go on from there when it is started again.

    A superset of `keras.callbacks.BackupAndRestore`: with the same arguments it saves at the same
    moments, and a script that is started again with the same data, model and callbacks gives the
    same rates, cuts, losses and weights as one that was never cut off. Saved are the weights, the
    optimizer, the metrics, the epoch and the batch, the history so far, the state of every callback
    in the list (wherever this one stands in it), and all random state. A restored epoch goes on at
    its next batch, in the same order.

    A state is one file, written whole or not at all and checked when read. The last two are kept: if
    the newer one is damaged, the one before is used, with a warning. Nothing in them is executed.

    Args:
        backup_dir: A folder for this run alone. Other files in it are left alone.
        save_freq: `"epoch"`, or a number of batches, counted over epochs.
        double_checkpoint: Keep the last two states; `False` keeps one.
        delete_checkpoint: Delete the states when training has finished.
        on_change: What to do when the schedule, the rules, the batches or the optimizer's settings
            have changed since the backup. `"error"` says what changed and trains nothing. `"keep"`
            goes on with the saved schedule. `"reanchor"` lays the new one over the whole new run, and enters it at
            the epoch and batch that the run has reached. `"cooldown"` holds what the saved
            one gives now, and cools down linearly to 0 at the end of the new run.
        verbose: 1 prints where a run goes on.

    Raises:
        InvalidInput: The arguments can't work; the backup is of another model or optimizer; the
            plan has changed and `on_change` is `"error"`; another run uses the folder. No training
            was started.
        BrokenFile: There are states, and none can be read.

    Example:

    ```python
    model.fit(x, y, epochs=30, callbacks=[
        keras_lr.LearningRate("cosine | warmup(5%)", rules=[rules.Divergence()]),
        keras_lr.callbacks.BackupAndRestore("backup", save_freq=500),
    ])
    ```

    Source: `keras.callbacks.BackupAndRestore`, Keras 3.
    """

    async_safe = True

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Literal["epoch"] | int = "epoch",
        double_checkpoint: bool = True,
        delete_checkpoint: bool = True,
        *,
        on_change: OnChange = "error",
        verbose: int = 0,
    ) -> None:
        super().__init__()
        whole = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not whole:
            raise InvalidInput(
                'save_freq must be "epoch" or a number of batches, at least 1. '
                f"Received: save_freq={save_freq!r}."
            )
        if on_change not in _CHOICES:
            raise InvalidInput(
                f"on_change says what to do when the plan has changed. {nearest(on_change, _CHOICES)} "
                f"Received: on_change={on_change!r}."
            )
        self.backup_dir = backup_dir
        self.save_freq = save_freq
        self._every = save_freq if isinstance(save_freq, int) else None
        self.double_checkpoint = bool(double_checkpoint)
        self.delete_checkpoint = bool(delete_checkpoint)
        self.on_change = on_change
        self.verbose = verbose
        self._generations = Generations(_folder(backup_dir), keep=2 if double_checkpoint else 1)
        self._finished = False
        self._run: BackupRun | None = None

    def set_model(self, model: Any) -> None:
        """Take the first and the last place among the callbacks, whatever the order in the list.

        What is restored must be there before another callback looks; and what another callback does
        at an epoch's end must be done before it is saved.
        """
        super().set_model(model)
        container = list_setting_model()
        self._run = None
        if container is not None and any(each is self for each in container.callbacks):
            run = self._run = BackupRun(self, container)
            container.callbacks = [_Opening(run), *container.callbacks, _Closing(run)]
            for each in (container.callbacks[0], container.callbacks[-1]):
                each.set_model(model)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Refuse to be where nothing would be saved."""
        if self._run is None:
            raise InvalidInput(
                "BackupAndRestore must be in the list given to fit itself: "
                "model.fit(callbacks=[..., BackupAndRestore(folder)])."
            )


def _folder(backup_dir: Any) -> Path:
    """The folder of the backups.

    Raises:
        InvalidInput: It is a file, or no path of this machine's.
    """
    text = os.fspath(backup_dir) if isinstance(backup_dir, str | os.PathLike) else None
    if not isinstance(text, str) or not text:
        raise InvalidInput(
            f"backup_dir must be the path of a folder. Received: {backup_dir!r}. Write e.g. "
            'BackupAndRestore("backup").'
        )
    if "://" in text:
        raise InvalidInput(
            "backup_dir must be a folder of this machine (or mounted on it), where a file can "
            f"be replaced in one go. Received: backup_dir={text!r}."
        )
    folder = Path(text).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(
            f"backup_dir must be a folder, and there is a file. Received: backup_dir={text!r}."
        )
    return folder


class _Opening(keras.callbacks.Callback):
    """Stands before all other callbacks."""

    async_safe = True

    def __init__(self, run: BackupRun) -> None:
        super().__init__()
        self._run = run

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._run.open(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._run.clear_start()


class _Closing(keras.callbacks.Callback):
    """Stands behind all other callbacks."""

    async_safe = True

    def __init__(self, run: BackupRun) -> None:
        super().__init__()
        self._run = run

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._run.begin(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._run.begin_epoch(self.model, epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._run.end_epoch(self.model, epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._run.end(self.model)
