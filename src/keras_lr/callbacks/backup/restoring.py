"""A saved state put back into a `fit`, part by part as its callbacks come to work."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_lr.callbacks.backup import (
    attributes,
    csv_rows,
    matching,
    optimizers_beside,
    script,
    spoken,
)
from keras_lr.callbacks.backup.data_order import DataOrder
from keras_lr.callbacks.warning import warn
from keras_lr.errors import InvalidInput
from keras_lr.rate import carried
from keras_lr.rate.between_steps import BetweenSteps
from keras_lr.rate.running import epoch_iterator
from keras_lr.state import variables

VERSION = 2
"""Of the layout of a saved state."""

_PARTS = {
    "keras": str,
    "backend": str,
    "epoch": int,
    "batch": int,
    "batches": int | None,
    "stopped": bool,
    "total": int,
    "counted": int,
    "model": list,
    "optimizer": list,
    "metrics": list,
    "beside": Mapping,
    "data": Mapping,
    "then": Mapping | None,
    "script": Mapping,
    "settings": Mapping,
    "callbacks": Mapping,
    "attributes": Mapping,
    "control": Mapping | None,
}
_WITHIN = {
    "data": ("begun", "first", "read", "now", "dataset"),
    "script": ("batch_size", "optimizer", "updates"),
    "control": ("bases", "assigned", "factors", "offsets", "followed", "moments", "assignments"),
}


def lacking(state: Any) -> str:
    """What a state that was read lacks, in words; nothing if it is whole, or another version's."""
    if not isinstance(state, Mapping) or state.get("version") != VERSION:
        return ""
    lost = [name for name, kind in _PARTS.items() if not isinstance(state.get(name, ...), kind)]
    for name, parts in _WITHIN.items():
        if name not in lost and state[name] is not None:
            lost += [f"{name}.{part}" for part in parts if part not in state[name]]
    for name in ("model", "optimizer", "metrics"):
        if name not in lost and not all(
            isinstance(each, Mapping) and {"path", "value"} <= set(each) for each in state[name]
        ):
            lost.append(name)
    return ", ".join(lost)


class Restoring:
    """What was saved, on its way back.

    Args:
        state: The saved state.
        names: The callbacks of the fit, and their names.
        params: What Keras tells callbacks of the fit.
        said: What the script says of the run (`script.take`).
        on_change: What the user wants if the plan has changed.

    Attributes:
        batch: Batches of the epoch that are done.

    Raises:
        InvalidInput: The state is of another version, or an epoch of other batches.
    """

    def __init__(
        self,
        state: Mapping[str, Any],
        names: Mapping[Any, str],
        params: Mapping[str, Any],
        said: Mapping[str, Any],
        on_change: str,
    ) -> None:
        if not isinstance(state, Mapping) or state.get("version") != VERSION:
            raise InvalidInput(
                "The backup was written by another version of keras-lr. Finish the run with that "
                "version, or delete the backup's folder to start anew."
            )
        self._state = state
        self._names = names
        self._owners, self._anew = matching.owners_of(names, state["settings"])
        self._said = said
        self._on_change = on_change
        self._epochs = int(params.get("epochs") or 1)
        self._batches = params.get("steps")
        self.batch = self._place()
        self._csv: matching.ByIdentity[bool] = matching.ByIdentity()
        self._others: Mapping[str, Any] = {}

    @property
    def where(self) -> str:
        """Where the run goes on, in words."""
        epoch = self._state["epoch"] + 1
        return f"in epoch {epoch} after {self.batch} batches" if self.batch else f"at epoch {epoch}"

    @property
    def _recut(self) -> bool:
        """Whether an epoch now has another number of batches."""
        before = self._state["batches"]
        return bool(before and self._batches and before != self._batches)

    def _place(self) -> int:
        saved, before, now = self._state["batch"], self._state["batches"], self._batches
        if self._on_change == "error":
            self._refuse_other_batches()
        if not saved or not self._recut or not now:
            return saved
        return min(now - 1, round(saved / before * now))

    def _refuse_other_batches(self) -> None:
        saved, before = self._state["batch"], self._state["batches"]
        one, other = self._state["script"]["batch_size"], self._said["batch_size"]
        if self._recut:
            place = f"after {saved} of an epoch's" if saved else "of a run whose epochs had"
            what = f"{place} {before} batches, and now an epoch has {self._batches}"
        elif one and other and one != other:
            what = f"of a run with batches of {one:g} samples, and now they have {other:g}"
        else:
            return
        raise InvalidInput(
            f"The backup was made {what}. Give fit the data and batch_size that it had; or write "
            'BackupAndRestore(..., on_change="keep"), "reanchor" or "cooldown" to go on at the same '
            "share of the epoch."
        )

    def open(self, model: Any) -> None:
        """Before anyone's training begins: the model, where it starts, and who speaks for itself.

        Raises:
            InvalidInput: The backup is of another model or optimizer.
        """
        state = self._state
        # What is placed in the optimizer later is none of its own.
        self._build_metrics(model)
        self._optimizer = [] if model.optimizer is None else list(model.optimizer.variables)
        self._others = optimizers_beside.beside(model)
        self._check(model)
        self._assign(model)
        # Nothing is left to do for a run that was stopped and then cut off.
        model._initial_epoch = self._epochs if state["stopped"] else state["epoch"]
        if state["backend"] != keras.backend.backend():
            warn(
                f"The backup was made on {state['backend']}, and goes on on "
                f"{keras.backend.backend()}: from here on its numbers differ in their last digits, "
                "and its order of the data and its dropout are others."
            )
        saved = {**state["attributes"], **state["callbacks"]}
        lost = sorted(set(saved) - set(self._owners) - self._anew)
        lost = [name for name in lost if saved[name]]
        if lost:
            warn(
                f"The backup has the state of {', '.join(lost)}, which this fit doesn't have; it is "
                "left out."
            )
        resume = {
            "on_change": self._on_change,
            "epoch": state["epoch"],
            "batch": self.batch,
            "recut": self._recut,
        }
        for name, callback in self._owners.items():
            if spoken.speaks(callback) and name in state["callbacks"]:
                spoken.set_state(callback, state["callbacks"][name], resume)
            elif isinstance(callback, keras.callbacks.CSVLogger) and name in state["attributes"]:
                self._csv[callback] = callback.append
                csv_rows.prepare_csv(callback, state["attributes"][name].get(attributes.CSV))

    def close_files(self) -> None:
        """Leave the loggers as they were given."""
        for callback, append in self._csv.items():
            callback.append = append

    def begin(self, model: Any, data: DataOrder) -> None:
        """After everyone's training has begun: what that has reset."""
        self.close_files()
        self._put_back_attributes()
        control = carried.control_of(model)
        if control is not None and self._fits(control):
            anew = None
            if self._recut and self._on_change == "reanchor":
                anew = self._state["epoch"] * self._batches + self.batch
            carried.set_state(control, self._state["control"], self._owners, batches=anew)
        data.set_random_state(self._state["data"]["now"])

    def begin_epoch(self, model: Any, data: DataOrder, between: BetweenSteps) -> None:
        """After the first epoch has begun for all: what that has placed or, in mid-epoch, changed."""
        state = self._state
        control = carried.control_of(model)
        if self.batch:
            self._assign(model)
            variables.match(model.metrics_variables, state["metrics"]).assign()
            self._put_back_attributes()
            if control is not None and self._fits(control) and not self._recut:
                carried.set_state(control, state["control"], self._owners)
            between.done = self.batch
            between.counted = state["counted"] if not self._recut else self.batch
        between.total = state["total"]
        if control is not None and self._fits(control):
            carried.set_placed(control, state["control"])
        if self.batch or not self._recut:
            data.replay(state["data"], self.batch)
        if self.batch and not self._recut and state["then"] is not None:
            # Between the reading of a batch and its step, a rollback may have changed it.
            between.before_next(lambda: data.set_random_state(state["then"]))

    def _check(self, model: Any) -> None:
        state = self._state
        variables.check("model", variables.match(model.variables, state["model"]))
        found = variables.match(self._optimizer, state["optimizer"])
        variables.check("optimizer", found)
        if (found.rate_added or found.rate_dropped) and self._on_change == "error":
            was, now = (
                ("a schedule", "a number") if found.rate_added else ("a number", "a schedule")
            )
            raise InvalidInput(
                f"The backup's optimizer was compiled with {was} as its rate, and this one with "
                f"{now}. Compile it as it was; or write BackupAndRestore(..., "
                'on_change="reanchor") to go on with its moments and the new rate.'
            )
        optimizers_beside.prepare(model, self._others, state["beside"])
        changed = script.differences(
            state["script"], self._said, rate=not (found.rate_added or found.rate_dropped)
        )
        if changed and self._on_change == "error":
            raise InvalidInput(
                f"The optimizer has changed since the backup: {'; '.join(changed)}. Compile it as it "
                'was; or write BackupAndRestore(..., on_change="keep") to go on with the saved rate, '
                "and with its other settings as they are now."
            )

    def _assign(self, model: Any) -> None:
        variables.match(model.variables, self._state["model"]).assign()
        variables.match(self._optimizer, self._state["optimizer"]).assign()
        optimizers_beside.assign(self._others, self._state["beside"])

    def _put_back_attributes(self) -> None:
        for name, found in self._state["attributes"].items():
            if name in self._owners and not spoken.speaks(self._owners[name]):
                attributes.put_back(self._owners[name], found)

    def _fits(self, control: Any) -> bool:
        saved = self._state["control"]
        return saved is not None and len(saved["bases"]) == len(control.bases)

    def _build_metrics(self, model: Any) -> None:
        # TensorFlow builds them in the first step.
        if len(model.metrics_variables) < len(self._state["metrics"]):
            iterator = epoch_iterator(model)
            model._symbolic_build(iterator=iterator)
            iterator.reset()
