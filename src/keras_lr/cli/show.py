"""`keras-lr show`: draw schedules in the terminal, explain them, compare them by theory."""

import math
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from keras_lr.cli import documents
from keras_lr.cli.options import Common, Js, check_writable, positive, read_schedule
from keras_lr.cli.output import File, Output
from keras_lr.cli.units import read_moment, read_steps
from keras_lr.errors import InvalidInput


def show(
    *schedule: str,
    steps: Annotated[int, Parameter(converter=read_steps)],
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
    base_rate: float | None = None,
    at: Annotated[
        tuple[str, ...], Parameter(negative="", allow_leading_hyphen=True, show_default=False)
    ] = (),
    theory: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    out: Annotated[Path | None, Parameter(name="--out")] = None,
    js: Js = "inline",
    common: Common | None = None,
) -> Output:
    """Draw one or several schedules in the terminal.

    For example: keras-lr show "cosine | warmup(5%)" --steps 1000 --base-rate 0.1

    Args:
        schedule: Schedules in their text form, such as cosine or one_cycle.
        steps: Updates of the weights in the whole run.
        steps_per_epoch: Updates in one epoch; lengths such as '3 epochs' need it.
        batch_size: Samples in one update; lengths such as '10000 samples' need it.
        base_rate: The optimizer's learning rate; without it the factor is drawn.
        at: Explain which part gave what at this step, such as 250, 5%, '3 epochs'; may be given
            again.
        theory: What to multiply the best rate by when it was tuned for the first schedule, or for
            a constant rate where only one is named, by convex theory.
        out: Write an HTML chart to this file too; its folder is made when missing.
        js: How the page gets its chart library.
        common: Options of every command.
    """
    from keras_lr.schedules import Horizon, fit_report
    from keras_lr.watch.schedule_curves import schedule_curves

    if not schedule:
        raise InvalidInput("Name a schedule to draw, e.g.: keras-lr show cosine --steps 1000")
    if steps < 2:
        raise InvalidInput(f"--steps must be at least 2. Received: --steps {steps}")
    positive("--steps-per-epoch", steps_per_epoch)
    positive("--batch-size", batch_size)
    positive("--base-rate", base_rate)
    check_writable(out, "--out", ".html")
    parsed = [read_schedule(text) for text in schedule]
    run = Horizon(steps, steps_per_epoch, batch_size)
    settings: dict[str, Any] = {
        "steps_per_epoch": steps_per_epoch,
        "batch_size": batch_size,
        "base_rate": base_rate,
    }
    moments = [read_moment(text, run) for text in at]
    curves = schedule_curves(parsed, steps, **settings)
    explained = [[curve.plan.explain(step) for step in moments] for curve in curves]
    misfits = [fit_report(curve.plan, run) for curve in curves]
    entries: list[documents.ScheduleRow] = [
        {
            "schedule": curve.name,
            "values_are": "rates" if curve.rates else "factors",
            "steps": curve.xs.tolist(),
            "values": curve.ys.tolist(),
            "marks": [{"step": mark.step, "label": mark.label} for mark in curve.marks],
            "explained": [_as_data(each.part) for each in found],
            "warning": misfit,
        }
        for curve, found, misfit in zip(curves, explained, misfits, strict=True)
    ]
    tuned, moves = None, []
    if theory:
        tuned, moves = _theory(curves)
        for entry, moved in zip(entries, moves, strict=True):
            entry["theory"] = documents.Theory(tuned_for=tuned, **moved._asdict())

    def text() -> str:
        from keras_lr.watch.terminal import drawn

        blocks = [drawn(curves), *map(_ends, curves)]
        blocks += [f"Warning: {misfit}" for misfit in misfits if misfit]
        if base_rate is not None and any(curve.plan.absolute for curve in curves):
            blocks.append("--base-rate doesn't count where a schedule gives rates itself.")
        for curve, found in zip(curves, explained, strict=True):
            if found:
                name = f"\n{curve.name}" if len(curves) > 1 else ""
                blocks += [name, *(_explained(each, base_rate) for each in found)]
        if tuned is not None:
            rated = base_rate if curves[0].rates else None
            blocks += ["", _theory_text(tuned, [each.name for each in curves], moves, rated)]
        return "\n".join(blocks)

    files = []
    if out is not None:
        files.append(File("chart", out, lambda: _write_chart(parsed, steps, settings, out, js)))
    data: documents.Show = {
        "command": "show",
        "run": documents.ShownRun(steps=steps, **settings),
        "schedules": entries,
        "chart": out,
    }
    return Output(data, text, files=files, painted=True)


def _ends(curve: Any) -> str:
    from keras_lr.watch.style import number

    values = curve.ys
    return (
        f"{curve.name}: starts at {number(float(values[0]))}, "
        f"peaks at {number(float(values.max()))}, ends at {number(float(values[-1]))}"
    )


def _explained(explanation: Any, base_rate: float | None) -> str:
    from keras_lr.watch.style import number

    head, *rest = str(explanation).splitlines()
    if base_rate is not None and not explanation.absolute:
        head += f", a rate of {number(base_rate * explanation.value)}"
    return "\n".join([head, *rest])


def _as_data(part: Any) -> documents.ExplainedPart:
    parts = [_as_data(inner) for inner in part.parts]
    return {"schedule": part.text, "step": part.step, "value": part.value, "parts": parts}


class _Moved(NamedTuple):
    """How a schedule's best rate moves from another's, and its bound from that one's."""

    bound: float
    relative_bound: float
    rate_factor: float


def _theory(curves: list) -> tuple[str, list[_Moved]]:
    """What the rate was tuned for, and for each schedule the bound and how the best rate moves."""
    from keras_lr.schedules import Constant
    from keras_lr.schedules.theory import bound

    rates = [curve.name for curve in curves if curve.plan.absolute]
    if rates and len(rates) < len(curves):
        raise InvalidInput(
            "--theory compares factors with factors, or rates with rates. Leave the `| rate(...)` "
            f"out. Received: rates from {rates[0]}, factors from the others."
        )
    found = [bound(curve.plan) for curve in curves]
    if len(curves) > 1:
        tuned, first = curves[0].name, found[0]
    else:
        tuned, first = "a constant rate", bound(Constant(), curves[0].plan.horizon.steps)
    if first.base == 0:
        raise InvalidInput(
            f"The bound says nothing of {tuned}: it ends with rates of almost 0 after high ones. "
            "Name another schedule first, or let it end at 0."
        )
    return tuned, [
        _Moved(each.bound, each.bound / first.bound, each.base / first.base) for each in found
    ]


def _theory_text(tuned: str, names: list[str], moves: list[_Moved], base_rate: float | None) -> str:
    from keras_lr.watch.style import number

    lines = [f"By convex theory (Schaipp et al., 2025), if the rate was tuned for {tuned}:"]
    told = list(zip(names, moves, strict=True))
    for name, moved in told[1:] or told:
        factor = moved.rate_factor
        rates = f" ({number(base_rate)} -> {number(factor * base_rate)})" if base_rate else ""
        lines.append(f"  multiply it by {number(factor)} for {name}{rates};")
        lines.append(f"    its bound on the last loss {_bound_words(moved.relative_bound)}")
    lines.append("Bounds are compared with each schedule at its own best rate.")
    return "\n".join(lines)


def _bound_words(relative: float) -> str:
    """How a bound compares.

    >>> _bound_words(1.05), _bound_words(0.964), _bound_words(1.0), _bound_words(3.2)
    ('is 5 % higher', 'is 3.6 % lower', 'is the same', 'is 3.2 times as high')
    """
    change = 100 * (relative - 1)
    if not math.isfinite(relative):
        return "says nothing: it ends with rates of almost 0 after high ones"
    if abs(change) < 0.05:
        return "is the same"
    if relative >= 2:
        return f"is {relative:.3g} times as high"
    return f"is {abs(change):.2g} % {'higher' if change > 0 else 'lower'}"


def _write_chart(parsed: list, steps: int, settings: dict, out: Path, js: Any) -> None:
    from keras_lr.watch import figures
    from keras_lr.watch.report import write_atomically
    from keras_lr.watch.report.page import page
    from keras_lr.watch.report.section import Chart, Section

    figure = figures.schedule_figure(parsed, steps, **settings)
    names = ", ".join(str(item) for item in parsed)
    title = "Schedule" if len(parsed) == 1 else "Schedules"
    write_atomically(out, page([Section(title, names, charts=[Chart(figure)])], js=js))
