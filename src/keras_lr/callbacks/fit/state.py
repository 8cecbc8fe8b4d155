"""A `LearningRate` whose run was cut off goes on: its state as data, and a plan that has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from keras_lr.callbacks.record import RateEvent
from keras_lr.errors import InvalidInput
from keras_lr.rules import Rule
from keras_lr.rules.rule import serialize as serialize_rule
from keras_lr.rules.rule import state_from_json, state_to_json
from keras_lr.rules.states import RuleStates
from keras_lr.schedules import Horizon, Plan, deserialize, serialize

if TYPE_CHECKING:
    from keras_lr.callbacks.fit.run import Run
    from keras_lr.callbacks.learning_rate import LearningRate

_RATE = "schedule"


def get_state(callback: "LearningRate", run: "Run") -> dict[str, Any]:
    """Where a fit of a `LearningRate` stands, as JSON values and NumPy arrays."""
    states = run.reductions.states
    return {
        "plans": {name: [_plan_state(plan) for plan in plans] for name, plans in plans_of(run)},
        "done": run.control.place.done,
        "divisors": list(run.divisors),
        "rules": [
            {"config": serialize_rule(rule), "state": state_to_json(state), "factor": factor}
            for rule, state, factor in zip(states.rules, states.states, states.factors, strict=True)
        ],
        "carried": list(run.carried),
        "cut": [list(each) for each in run.cut],
        "reductions": run.reductions.get_state(),
        "detection": run.detection.get_state(),
        "epoch_began": run.epoch_began,
        "told": run.told,
        "events": [asdict(event) for event in callback.record.events],
        "fits": callback.record.fits,
    }


def plans_of(run: "Run") -> list[tuple[str, Sequence[Plan | None]]]:
    """Each schedule of a run by name, laid out, for each leaf."""
    return [(_RATE, run.plans), *run.settings.items(), ("groups", run.groups)]


class Resumed:
    """What a fit was that now goes on.

    Args:
        callback: The callback that goes on with it.
        state: What `get_state` gave.
        how: How to go on: `on_change`, `epoch` and `batch`.

    Attributes:
        states: Where the rules stand.
        carried: What each rule had multiplied the rate by before the fit.
        cut: The same of the in-graph rules, for each leaf.

    Raises:
        InvalidInput: The rules have changed, and an error is wanted then.
    """

    def __init__(
        self, callback: "LearningRate", state: Mapping[str, Any], how: Mapping[str, Any]
    ) -> None:
        self._state = state
        self._how = how
        self.same_rules = [_config(rule) for rule in callback.rules] == [
            each["config"] for each in state["rules"]
        ]
        if not self.same_rules and self._how["on_change"] == "error":
            raise InvalidInput(
                f"The rules have changed since the backup: they were {_rules(state['rules'])}, and "
                f"are {_rules([{'config': _config(rule)} for rule in callback.rules])}. Write them "
                'as they were; or BackupAndRestore(..., on_change="keep"): rules that are as they '
                "were go on where they stood, the others start anew, and what was cut stays cut."
            )
        self.states, self.carried = self._matched(callback.rules)
        self.cut = [list(each) for each in state["cut"]] if self.same_rules else []
        record = callback.record
        record.events[:] = [RateEvent(**event) for event in state["events"]]
        record.fits = state["fits"]

    def _matched(self, rules: tuple[Rule, ...]) -> tuple[RuleStates, tuple[float, ...]]:
        """The rules' states and what they had cut before the fit; anew for those that are new."""
        start = RuleStates.start(rules)
        states, factors = list(start.states), list(start.factors)
        carried = [1.0] * len(rules)
        left = list(zip(self._state["rules"], self._state["carried"], strict=True))
        for index, rule in enumerate(rules):
            found = next((each for each in left if each[0]["config"] == _config(rule)), None)
            if found is not None:
                left.remove(found)
                stored, carried[index] = found
                states[index] = state_from_json(rule, stored["state"])
                factors[index] = stored["factor"]
        return RuleStates(rules, tuple(states), tuple(factors)), tuple(carried)

    def lay_out(self, run: "Run") -> None:
        """Compare the schedules of the run with the saved ones, and put in those to go on with.

        Raises:
            InvalidInput: They have changed, and an error is wanted then, or the saved ones are
                wanted and couldn't be stored.
        """
        choice = self._how["on_change"]
        saved = self._state["plans"]
        changed = {
            name: plans
            for name, plans in plans_of(run)
            if [_told(plan) for plan in plans]
            != [each and each["text"] for each in saved.get(name, [])]
        }
        if not changed or choice == "reanchor":
            return
        if choice == "error":
            raise InvalidInput(
                f"{' '.join(self._difference(name, plans) for name, plans in changed.items())} "
                "Write it as it was; or say how to go on: BackupAndRestore(..., "
                'on_change="keep") with the saved one, "reanchor" with the new one as if it had '
                'been there from the start, "cooldown" holds what the saved one gives now and falls '
                "to 0 at the new end."
            )
        for name in changed:
            if name == "groups":
                continue  # they belong to the optimizer, as it is compiled now
            plans = [_read(name, each) for each in saved.get(name, [])]
            if name == _RATE and choice == "cooldown":
                plans = self._cooled(run, plans)
            if name == _RATE:
                run.plans = plans
            else:
                run.settings[name] = plans

    def _cooled(self, run: "Run", plans: Sequence[Plan]) -> list[Plan]:
        layout = run.layout
        ahead = layout.batches * (layout.epochs - self._how["epoch"]) - self._how["batch"]
        found = []
        for plan, accumulated in zip(plans, layout.accumulations, strict=True):
            now, left = self._state["done"] // accumulated, max(1, ahead // accumulated)
            horizon = Horizon(now + left, plan.horizon.steps_per_epoch, plan.horizon.batch_size)
            held = plan.schedule.hold(now) if now else plan.schedule
            found.append(held.cooldown(left, start=now).resolve(horizon))
        return found

    def divisors(self, run: "Run") -> list[float]:
        """What rates given by a schedule are divided by, to be factors of the base."""
        saved = self._state["divisors"]
        return list(saved) if len(saved) == len(run.control.bases) else list(run.control.bases)

    def place(self, run: "Run") -> None:
        """Before what watches the steps is placed, and the rules begin to look."""
        if self.same_rules:
            run.detection.set_state(self._state["detection"])
        run.reductions.set_state(self._state["reductions"])

    def begin_epoch(self, run: "Run") -> None:
        """After the first epoch has begun: where in it the run stands."""
        run.told = min(self._state["told"], len(run.control.assignments))
        if self._how["batch"]:
            run.epoch_began = self._state["epoch_began"]
        run.reductions.set_chunks(self._state["reductions"], inside=bool(self._how["batch"]))

    def _difference(self, name: str, plans: Sequence[Plan | None]) -> str:
        was = [each and each["text"] for each in self._state["plans"].get(name, [])]
        runs = [each["horizon"] for each in self._state["plans"].get(name, []) if each]
        over = f" over {runs[0][0]} updates" if runs else ""
        now = [_told(plan) for plan in plans]
        present = next((plan.horizon.steps for plan in plans if plan is not None), None)
        run = f" over {present} updates" if present else ""
        what = "The schedule" if name == _RATE else f"The schedule of {name}"
        return (
            f"{what} has changed since the backup: it was {_first(was)}{over}, and is "
            f"{_first(now)}{run} (its lengths in steps, as this fit's epochs and batches make them)."
        )


def _first(texts: Sequence[str | None]) -> str:
    return next((text for text in texts if text), "none")


def _config(rule: Rule) -> dict[str, Any]:
    return serialize_rule(rule)


def _rules(rules: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for each in rules:
        settings = {key: value for key, value in each["config"].items() if key != "name"}
        told.append(
            f"{each['config']['name']}({', '.join(f'{k}={v!r}' for k, v in settings.items())})"
        )
    return ", ".join(told) or "none"


def _told(plan: Plan | None) -> str | None:
    return None if plan is None else str(plan)


def _plan_state(plan: Plan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    try:
        config = serialize(plan.schedule)
    except InvalidInput:
        config = None  # a function, which can't be stored; only "keep" and "cooldown" need it
    horizon = plan.horizon
    return {
        "text": str(plan),
        "config": config,
        "horizon": [horizon.steps, horizon.steps_per_epoch, horizon.batch_size],
    }


def _read(name: str, stored: Mapping[str, Any] | None) -> Plan:
    if stored is None or stored["config"] is None:
        text = "none" if stored is None else stored["text"]
        raise InvalidInput(
            f"The saved {name} is code, which isn't stored: {text}. Give fit the one that it had; "
            'or write BackupAndRestore(..., on_change="reanchor").'
        )
    return Plan(deserialize(stored["config"]), Horizon(*stored["horizon"]))
