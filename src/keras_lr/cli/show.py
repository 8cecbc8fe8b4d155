"""`keras-lr show`: draw schedules in the terminal, explain them, compare them by theory."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from keras_lr.cli.options import Common, check_writable, positive
from keras_lr.cli.output import File, Output
from keras_lr.errors import InvalidInput


def show(
    *schedule: str,
    steps: int,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
    base_rate: float | None = None,
    at: Annotated[tuple[int, ...], Parameter(negative="")] = (),
    theory: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(name="--out")] = None,
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
        at: Explain which part gave what at this step; may be given again.
        theory: How the best rate moves from the first schedule to the others, or from a constant
            one to the only one, by convex theory.
        out: Write an HTML chart to this file too.
        common: Options of every command.
    """
    from keras_lr.schedules import parse
    from keras_lr.watch import terminal
    from keras_lr.watch.curves import schedule_curves

    if not schedule:
        raise InvalidInput("Name a schedule to draw, e.g.: keras-lr show cosine --steps 1000")
    if steps < 2:
        raise InvalidInput(f"--steps must be at least 2. Received: --steps {steps}")
    positive("--steps-per-epoch", steps_per_epoch)
    positive("--batch-size", batch_size)
    positive("--base-rate", base_rate)
    if any(step < 0 for step in at):
        raise InvalidInput(f"--at is a step, 0 or later. Received: --at {min(at)}")
    check_writable(out, "--out", ".html")
    parsed = [parse(text) for text in schedule]
    run = {"steps_per_epoch": steps_per_epoch, "batch_size": batch_size}
    settings: dict[str, Any] = {**run, "base_rate": base_rate}
    curves = schedule_curves(parsed, steps, **settings)
    blocks = [terminal.schedule_curve(parsed, steps, **settings), *map(_ends, curves)]
    if base_rate is not None and any(curve.plan.absolute for curve in curves):
        blocks.append("--base-rate doesn't count where a schedule gives rates itself.")
    explained = [[curve.plan.explain(step) for step in at] for curve in curves]
    for curve, found in zip(curves, explained, strict=True):
        if found:
            name = f"\n{curve.name}" if len(curves) > 1 else ""
            blocks += [name, *(_explained(each, base_rate) for each in found)]
    entries = [
        {
            "schedule": curve.name,
            "values_are": "rates" if curve.rates else "factors",
            "steps": curve.xs,
            "values": curve.ys,
            "marks": [{"step": mark.step, "label": mark.label} for mark in curve.marks],
            "explained": [_as_data(each.part) for each in found],
        }
        for curve, found in zip(curves, explained, strict=True)
    ]
    if theory:
        tuned, rows = _theory(curves)
        for entry, row in zip(entries, rows, strict=True):
            entry["theory"] = row
        blocks += ["", _theory_text(tuned, entries)]
    files = []
    if out is not None:
        files.append(File("chart", out, lambda: _write_chart(parsed, steps, settings, out)))
    data = {"command": "show", "run": {"steps": steps, **settings}, "schedules": entries}
    return Output({**data, "chart": out}, "\n".join(blocks), files=files)


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


def _as_data(part: Any) -> dict[str, Any]:
    parts = [_as_data(inner) for inner in part.parts]
    return {"schedule": part.text, "step": part.step, "value": part.value, "parts": parts}


def _theory(curves: list) -> tuple[str, list[dict[str, Any]]]:
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
    return tuned, [
        {
            "tuned_for": tuned,
            "bound": each.bound,
            "relative_bound": each.bound / first.bound,
            "rate_factor": each.base / first.base,
        }
        for each in found
    ]


def _theory_text(tuned: str, entries: list[dict[str, Any]]) -> str:
    lines = [f"By convex theory (Schaipp et al., 2025), with a rate tuned for {tuned}:"]
    for entry in entries[1:] or entries:
        found = entry["theory"]
        lines.append(f"  × {found['rate_factor']:.3g} for {entry['schedule']}")
        lines.append(
            f"    (the loss at its best rate is bounded by × {found['relative_bound']:.3g})"
        )
    return "\n".join(lines)


def _write_chart(parsed: list, steps: int, settings: dict, out: Path) -> None:
    from keras_lr.watch import figures
    from keras_lr.watch.report import page, write_atomically
    from keras_lr.watch.section import Chart, Section

    figure = figures.schedule_figure(parsed, steps, **settings)
    names = ", ".join(str(item) for item in parsed)
    title = "Schedule" if len(parsed) == 1 else "Schedules"
    write_atomically(out, page([Section(title, names, charts=[Chart(figure)])]))
