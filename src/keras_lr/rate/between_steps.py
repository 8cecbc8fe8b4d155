"""Between the training steps of a `fit`, in the thread that trains.

Keras calls batch hooks in another thread, some time later, unless a callback asks it to wait for
each step. To look at a run every so many steps, and perhaps to change it, needs neither: here a
function stands before the model's training function for the length of a `fit`, and lets others look
before a step begins. A look waits for the step before it; between looks nothing waits.
"""

import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from keras_lr.rate.running import called_by_fit, is_fitting

_STATE = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


@dataclass(eq=False)
class Look:
    """Somebody who looks, until it is dropped.

    Args:
        user: Whose it is.
        every: Batches from one look to the next, over epochs.
        function: Called with the logs of the last step (running means over the epoch).
    """

    user: object
    every: int
    function: Callable[[Mapping[str, Any]], None]


@dataclass(eq=False)
class Switch:
    """What the compiled step does in some executions only, until its user leaves.

    Args:
        user: Whose it is.
        wanted: Called before each execution with the batches that it takes; says whether in this.
        turn: Called when that changes; gives the optimizer's variables that have to hold 1 or 0.
        on: How it stands; `None` before the first execution.
    """

    user: object
    wanted: Callable[[int], bool]
    turn: Callable[[bool], list[Any]]
    on: bool | None = None


class BetweenSteps:
    """What happens between the training steps of one model.

    `BetweenSteps.of(model)` finds the model's, or makes it; everyone in a `fit` shares it. It goes
    when the last who used it has left, or when another training of the model begins.

    Attributes:
        done: Batches that this epoch has done.
        counted: The last of them, over which `logs` are means.
        total: Batches that the run has done.
        logs: What the last step returned: running means over the epoch, as tensors.
        fresh: Whether somebody said that an epoch begins, and no step was done since.
        expected: Whether an epoch has begun whose count has not: the numbers are the last one's.
    """

    def __init__(self, model: Any) -> None:
        self._model = weakref.ref(model)
        self._own = vars(model).get("make_train_function")  # one that the user put on the instance
        self._looks: list[Look] = []
        self._switches: list[Switch] = []
        self._users: dict[object, Callable[[], None]] = {}
        self._next: list[Callable[[], None]] = []
        self.done = self.counted = self.total = 0
        self.fresh = self.expected = False
        self._batches = self._last = 0
        self.logs: Mapping[str, Any] = {}
        model.make_train_function = self._make_train_function

    @classmethod
    def of(cls, model: Any) -> "BetweenSteps":
        """The model's, or a new one."""
        found = getattr(vars(model).get("make_train_function"), "__self__", None)
        return found if isinstance(found, cls) else cls(model)

    def join(self, user: object, abandoned: Callable[[], None]) -> None:
        """Use it until `leave`.

        Args:
            user: Who; any hashable object.
            abandoned: Called instead when another training of the model begins first, because this
                fit raised (Keras tells no callback of that).
        """
        self._users[user] = abandoned
        self._wrap()

    def leave(self, user: object) -> None:
        """Undo `join`; whoever is last leaves Keras's own functions on the model."""
        self._users.pop(user, None)
        self._looks = [look for look in self._looks if look.user is not user]
        self._switches = [switch for switch in self._switches if switch.user is not user]
        if not self._users:
            self._next.clear()
            self._remove()

    def look(self, user: object, every: int, function: Callable[[Mapping[str, Any]], None]) -> Look:
        """Call `function` whenever another `every` batches are done.

        Under `steps_per_execution` it is called after the execution in which they were. After an
        epoch's last step there is no step to stand before: `on_epoch_end` is the place to look.
        """
        look = Look(user, every, function)
        self._looks.append(look)
        return look

    def turn_on(
        self, user: object, wanted: Callable[[int], bool], turn: Callable[[bool], list[Any]]
    ) -> None:
        """Let the compiled step do something in some executions only; see `Switch`."""
        self._switches.append(Switch(user, wanted, turn))

    def before_next(self, function: Callable[[], None]) -> None:
        """Call `function` once, right before the next step begins."""
        self._next.append(function)

    def drop(self, look: Look) -> None:
        """End a look."""
        if look in self._looks:
            self._looks.remove(look)

    def due(self, every: int) -> bool:
        """Whether the last step was one after which to look."""
        return self.total // every > (self.total - self._last) // every

    def begin_epoch(self, batches: int = 0) -> None:
        """Count batches from 0 again, up to `batches` (0: unknown).

        An execution of several steps is shorter at the end of an epoch that they don't divide.
        """
        self._batches = batches
        self.fresh, self.expected = True, False
        self._last = 0
        self.done = self.counted = 0
        self.logs = {}

    def expect_epoch(self, batches: int = 0) -> None:
        """Begin the epoch's count (see `begin_epoch`) if nobody has by the time the next step begins.

        So callbacks that are listed later find what the epoch before has left.
        """
        self.expected = not self.fresh
        self.before_next(lambda: None if self.fresh else self.begin_epoch(batches))

    def restart_means(self) -> None:
        """Say that the metrics were reset inside the epoch."""
        self.counted, self.logs = 0, {}

    def _count(self, steps: int) -> None:
        self.fresh = False
        self._last = self._coming(steps)
        self.done += self._last
        self.counted += self._last
        self.total += self._last

    def _coming(self, steps: int) -> int:
        """Batches that an execution of so many steps takes now."""
        left = self._batches - self.done
        return min(steps, left) if self._batches and left > 0 else steps

    def rebuild(self) -> None:
        """Make Keras trace the training step anew."""
        self._model().make_train_function(force=True)  # type: ignore[union-attr]

    def _make_train_function(self, force: bool = False) -> Any:
        model: Any = self._model()
        # train_on_batch comes here too, perhaps from a callback of the running fit.
        if not force and (called_by_fit(model) or not is_fitting(model)):
            self._abandon()
            force = True
        # Not a bound method kept: nothing here keeps the model alive.
        build = self._own or type(model).make_train_function.__get__(model)
        with _as_a_new_function(model):
            result = build(force=force)
        if self._users:
            self._wrap()
        return result

    def _abandon(self) -> None:
        for user, abandoned in list(self._users.items()):
            abandoned()
            self.leave(user)
        self._remove()

    def _wrap(self) -> None:
        model = self._model()
        if model is None or model.train_function is None:
            return
        if getattr(model.train_function, "between", None) is not self:
            model.train_function = self._standing_before(model.train_function)

    def _remove(self) -> None:
        model = self._model()
        if model is None or vars(model).get("make_train_function") != self._make_train_function:
            return
        del model.make_train_function
        if self._own is not None:
            model.make_train_function = self._own
        function = model.train_function
        if getattr(function, "between", None) is self:
            model.train_function = function.inner

    def _standing_before(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        import keras

        on_jax = keras.backend.backend() == "jax"

        def train_function(*args: Any) -> Any:
            model: Any = self._model()
            if not called_by_fit(model):
                return inner(*args)  # train_on_batch, by a callback
            while self._next:
                self._next.pop(0)()
            if self.logs:
                args = self._let_look(model, args, on_jax)
            if self._switches:
                args = self._switch(model, args, on_jax)
            # A look that rolled training back may have had the step traced anew.
            now = getattr(model.train_function, "inner", inner)
            result = now(*args)
            self.logs = result[0] if on_jax else result
            self._count(int(getattr(model, "steps_per_execution", 1)))
            return result

        train_function.between = self  # type: ignore[attr-defined]
        train_function.inner = inner  # type: ignore[attr-defined]
        return train_function

    def _let_look(self, model: Any, args: tuple[Any, ...], on_jax: bool) -> tuple[Any, ...]:
        due = [look for look in self._looks if self.due(look.every)]
        if not due:
            return args
        if on_jax:
            # What is in hand is the training state; the variables get it if anyone asks for them.
            model._jax_state = dict(zip(_STATE, args[0], strict=True))
            model._jax_state_synced = False
        for look in due:
            look.function(self.logs)
        if on_jax and model._jax_state_synced:
            state = model._get_jax_state(purge_model_variables=True, **dict.fromkeys(_STATE, True))
            model._jax_state_synced = False
            return (state, *args[1:])
        return args

    def _switch(self, model: Any, args: tuple[Any, ...], on_jax: bool) -> tuple[Any, ...]:
        """Turn the switches for the execution that comes; nothing waits for the device."""
        steps = self._coming(int(getattr(model, "steps_per_execution", 1)))
        for switch in self._switches:
            on = switch.wanted(steps)
            if on is switch.on:
                continue
            switch.on = on
            variables = switch.turn(on)
            if on_jax:
                args = _holding(model, args, variables, int(on))
            else:
                for variable in variables:
                    variable.assign(int(on))
        return args


def _holding(
    model: Any, args: tuple[Any, ...], variables: list[Any], value: int
) -> tuple[Any, ...]:
    """The arguments of a step on JAX, with another value in some of the optimizer's variables."""
    trainable, others, optimizer, metrics = args[0]
    places = {id(each): at for at, each in enumerate(model.optimizer.variables)}
    held = list(optimizer)
    for variable in variables:
        at = places[id(variable)]
        held[at] = held[at] * 0 + value  # made of the old one: it lies where that did
    return ((trainable, others, held, metrics), *args[1:])


@contextlib.contextmanager
def _as_a_new_function(model: Any) -> Iterator[None]:
    """Let what Keras compiles be traced, also where its last trace is still in use.

    JAX finds the trace of an equal function again, and a bound method equals the last one. A look
    stands inside a call of that.
    """
    own, step = vars(model).get("train_step"), model.train_step
    vars(model)["train_step"] = lambda *args, **kwargs: step(*args, **kwargs)
    try:
        yield
    finally:
        if own is None:
            del vars(model)["train_step"]
        else:
            vars(model)["train_step"] = own
