"""Read a schedule from its text form. The text is data: nothing in it is ever executed.

pipeline  = (transform "|")* product ("|" transform)*
            Leading transforms apply first, the one that is nearest to the product before the
            others; then those that follow, from left to right.
product   = atom ("*" atom)*
atom      = NAME ["(" [argument ("," argument)*] ")"] | NUMBER | "(" pipeline ")"
argument  = [NAME "="] value             members of a join are pipelines
value     = NUMBER | NUMBER ("%" | "epochs" | "steps" | "samples") | WORD | "[" value ("," value)* "]"
            The words true, false and none are Python's.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NoReturn

from keras_lr.errors import InvalidInput, nearest
from keras_lr.schedules.depth import MOST_DEEP
from keras_lr.schedules.registry import SCHEDULES
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.transforms.cooldown import warmup_stable_decay
from keras_lr.schedules.transforms.stretch import stretch

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_UNIT = re.compile(r"\s*(%|epochs?\b|steps?\b|samples?\b)")
_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"\d+-[A-Za-z]\w*|[A-Za-z_][\w-]*")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")

_FUNCTIONS: dict[str, Callable[..., Schedule]] = {
    "warmup_stable_decay": warmup_stable_decay,
    "stretch": stretch,
}
_UNREADABLE = ("function", "keras")
_WORDS = {"none": None, "true": True, "false": False}


def parse(text: str) -> Schedule:
    """The schedule that `text` describes.

    Args:
        text: Such as "cosine()", "linear(end=0.01) | cooldown(20%, shape=1-sqrt)",
            "warmup(5%) | cosine()", "join(linear(0, 1, length=100), cosine())",
            "cosine() * step_decay(0.5, every=10 epochs)". Names are the classes' in snake case,
            and arguments theirs; `()` may be left out.

    Raises:
        InvalidInput: It can't be read; the message points at the character.

    >>> from keras_lr.schedules import Cosine
    >>> parse("warmup(5%) | cosine(end=0.01)") == Cosine(end=0.01).warmup("5%")
    True
    """
    if not isinstance(text, str):
        raise InvalidInput(f'parse takes a text such as "cosine()". Received: {text!r}.')
    reader = _Reader(re.sub(r"\s", " ", text))
    schedule = reader.pipeline(0)
    if reader.peek():
        reader.fail("Here the schedule should end, or go on with | or *.")
    return schedule


@dataclass
class _Transform:
    """A call of warmup, cooldown, ... that waits for its schedule."""

    name: str
    start: int
    build: Callable[[Schedule], Schedule]


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    # --- characters --------------------------------------------------------------------------

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        position = self.position if position is None else position
        raise InvalidInput(f"{message}\n  {self.text}\n  {' ' * position}^")

    def peek(self) -> str:
        self.position = _SPACE.match(self.text, self.position).end()  # type: ignore[union-attr]
        return self.text[self.position : self.position + 1]

    def accept(self, character: str) -> bool:
        if self.peek() != character:
            return False
        self.position += 1
        return True

    def expect(self, character: str, what: str) -> None:
        if not self.accept(character):
            self.fail(f"Expected {character!r} {what}.")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.peek()
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    # --- grammar -----------------------------------------------------------------------------

    def pipeline(self, depth: int) -> Schedule:
        if depth > MOST_DEEP:
            self.fail(f"This is nested more than {MOST_DEEP} deep.")
        waiting: list[_Transform] = []
        schedule: Schedule | None = None
        while True:
            self.peek()
            start = self.position
            item = self.product(depth)
            if isinstance(item, _Transform):
                if schedule is None:
                    waiting.append(item)
                else:
                    schedule = self.apply(item, schedule)
            elif schedule is not None:
                self.fail(
                    "After | comes a transform, such as warmup(5%). For one schedule after another "
                    "write join(..., ...), for a product use *.",
                    start,
                )
            else:
                schedule = item
                while waiting:
                    schedule = self.apply(waiting.pop(), schedule)
            if not self.accept("|"):
                break
        if schedule is None:
            first = waiting[0]
            self.fail(
                f"{first.name} needs a schedule: write e.g. {_example(first.name)}.",
                first.start,
            )
        return schedule

    def product(self, depth: int) -> Schedule | _Transform:
        self.peek()
        start = self.position
        item = self.atom(depth)
        if self.peek() != "*":
            return item
        members = [item]
        starts = [start]
        while self.accept("*"):
            self.peek()
            starts.append(self.position)
            members.append(self.atom(depth))
        for member, position in zip(members, starts, strict=True):
            if isinstance(member, _Transform):
                self.fail(
                    f"{member.name} is a transform and can't be multiplied: put its schedule and it "
                    f"into brackets, ({_example(member.name)}).",
                    position,
                )
        return self.guard(start, lambda: SCHEDULES["product"](members))  # type: ignore[call-arg]

    def atom(self, depth: int) -> Schedule | _Transform:
        character = self.peek()
        start = self.position
        if self.accept("("):
            schedule = self.pipeline(depth + 1)
            self.expect(")", "to close the bracket")
            return schedule
        found = self.match(_NAME)
        if found:
            return self.call(found[0], start, depth)
        if self.match(_NUMBER):
            self.position = start
            value = self.number()
            if isinstance(value, str):
                self.fail(
                    f"{value!r} is a length; here a schedule or a factor should stand.", start
                )
            return self.guard(start, lambda: Constant(value))
        what = f"not {character!r}" if character else "but the text ends"
        return self.fail(f"Expected a schedule, such as cosine(), {what}.", start)

    def call(self, name: str, start: int, depth: int) -> Schedule | _Transform:
        target: Any = SCHEDULES.get(name) or _FUNCTIONS.get(name)
        if name in _UNREADABLE:
            self.fail(
                "A plain callable or one of Keras's schedules can't be written as text; in Python, "
                "pass the object itself.",
                start,
            )
        if target is None:
            known = [*SCHEDULES, *_FUNCTIONS]
            self.fail(
                f"Unknown schedule {name!r}. "
                f"{nearest(name, [n for n in known if n not in _UNREADABLE])}",
                start,
            )
        parameters = inspect.signature(target).parameters
        names = [n for n in parameters if n != "schedule"]
        collects = "schedules" in names
        members, arguments = self.arguments(name, target, names, depth)
        if collects:
            return self.guard(start, lambda: target(schedules=members, **arguments))
        for missing in names:
            if missing not in arguments and parameters[missing].default is inspect.Parameter.empty:
                self.fail(f"{name} needs {missing}: {_usage(target)}.", start)
        if "schedule" in parameters:
            return _Transform(name, start, lambda schedule: target(schedule=schedule, **arguments))
        return self.guard(start, lambda: target(**arguments))

    def arguments(
        self, name: str, target: Any, names: list[str], depth: int
    ) -> tuple[list[Schedule], dict[str, Any]]:
        members: list[Schedule] = []
        arguments: dict[str, Any] = {}
        if not self.accept("("):
            return members, arguments
        free = [n for n in names if _positional(target, n)]
        named = False
        while not self.accept(")"):
            self.peek()
            start = self.position
            keyword = self.keyword()
            if keyword is not None:
                if keyword not in names or keyword == "schedules":
                    known = [n for n in names if n != "schedules"]
                    self.fail(
                        f"{name} has no argument {keyword!r}. {nearest(keyword, known)}", start
                    )
                if keyword in arguments:
                    self.fail(f"{name} got {keyword!r} twice.", start)
                named = True
                arguments[keyword] = self.value(depth)
            elif "schedules" in names:
                members.append(self.pipeline(depth + 1))
            elif named:
                self.fail("After an argument with a name, the others need theirs too.", start)
            elif len(arguments) >= len(free):
                self.fail(
                    f"{name} takes no more arguments without a name: {_usage(target)}.", start
                )
            else:
                arguments[free[len(arguments)]] = self.value(depth)
            if not self.accept(","):
                self.expect(")", f"to close {name}(, or a comma")
                break
        return members, arguments

    def keyword(self) -> str | None:
        start = self.position
        found = self.match(_NAME)
        if found and self.accept("="):
            return found[0]
        self.position = start
        return None

    def value(self, depth: int) -> Any:
        self.peek()
        start = self.position
        if self.accept("["):
            if depth > MOST_DEEP:
                self.fail(f"This is nested more than {MOST_DEEP} deep.", start)
            members: list[Any] = []
            while not self.accept("]"):
                members.append(self.value(depth + 1))
                if not self.accept(","):
                    self.expect("]", "to close the list, or a comma")
                    break
            return tuple(members)
        found = self.match(_QUOTED)
        if found:
            return found[1] if found[1] is not None else found[2]
        found = self.match(_WORD)
        if found:
            if self.peek() == "(":
                self.fail(
                    "A schedule can't stand here. A transform follows its schedule: "
                    "cosine() | warmup(5%).",
                    start,
                )
            return _WORDS.get(found[0].lower(), found[0])
        if self.match(_NUMBER):
            self.position = start
            return self.number()
        character = self.peek()
        what = f"not {character!r}" if character else "but the text ends"
        return self.fail(f"Expected a value (0.1, 5%, 3 epochs, a word or a list), {what}.", start)

    def number(self) -> int | float | str:
        start = self.position
        digits = self.match(_NUMBER)[0]  # type: ignore[index]
        unit = self.match(_UNIT)
        if unit:
            return f"{digits}{unit[1]}" if unit[1] == "%" else f"{digits} {unit[1]}"
        try:
            return int(digits) if digits.lstrip("+-").isdigit() else float(digits)
        except ValueError:
            return self.fail("This number is too long.", start)

    # --- building ----------------------------------------------------------------------------

    def apply(self, transform: _Transform, schedule: Schedule) -> Schedule:
        return self.guard(transform.start, lambda: transform.build(schedule))

    def guard(self, start: int, build: Callable[[], Schedule]) -> Schedule:
        """Build, and let the message of bad input point at the call."""
        try:
            return build()
        except InvalidInput as error:
            if "\n" in str(error):
                raise
            self.fail(str(error), start)


def _positional(target: Any, name: str) -> bool:
    kind = inspect.signature(target).parameters[name].kind
    return kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


def _example(transform: str) -> str:
    """A schedule with the transform, e.g. "cosine() | clip(0.1, high=0.9)"."""
    if transform in SCHEDULES:
        return SCHEDULES[transform].example or f"cosine() | {transform}(...)"
    return f"cosine(length=100) | {transform}(2)"


def _usage(target: Any) -> str:
    """How a call is written, e.g. "piecewise(boundaries, values)"."""
    if isinstance(target, type):
        names = [item.name for item in fields(target) if item.name != "schedule"]
        return f"{target.name}({', '.join(names)})"  # type: ignore[attr-defined]
    return f"{target.__name__}({', '.join(inspect.signature(target).parameters)})"
