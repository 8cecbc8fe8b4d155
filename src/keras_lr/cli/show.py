"""`keras-lr show`: draw schedules in the terminal."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from keras_lr.cli.options import Common, check_writable
from keras_lr.cli.output import File, Output
from keras_lr.errors import InvalidInput


def show(
    *schedule: str,
    steps: int,
    steps_per_epoch: float | None = None,
    base_rate: float | None = None,
    out: Annotated[Path | None, Parameter(name="--out")] = None,
    common: Common | None = None,
) -> Output:
    """Draw one or several schedules in the terminal.

    For example: keras-lr show "cosine.warmup('5%')" --steps 1000 --base-rate 0.1

    Args:
        schedule: Schedules in their text form, such as cosine or one_cycle.
        steps: Updates of the weights in the whole run.
        steps_per_epoch: Updates in one epoch; lengths such as '3 epochs' need it.
        base_rate: The optimizer's learning rate; without it the factor is drawn.
        out: Write an HTML chart to this file too.
        common: Options of every command.
    """
    from keras_lr.schedules import parse
    from keras_lr.watch import terminal
    from keras_lr.watch.figures.schedule import schedule_values

    if not schedule:
        raise InvalidInput("Name a schedule to draw, e.g.: keras-lr show cosine --steps 1000")
    if steps < 2:
        raise InvalidInput(f"--steps must be at least 2. Received: --steps {steps}")
    if steps_per_epoch is not None and not steps_per_epoch > 0:
        raise InvalidInput(
            f"--steps-per-epoch must be positive. Received: --steps-per-epoch {steps_per_epoch:g}"
        )
    if base_rate is not None and not 0 < base_rate < float("inf"):
        raise InvalidInput(
            f"--base-rate must be a positive number. Received: --base-rate {base_rate:g}"
        )
    check_writable(out, "--out", ".html")
    parsed = [parse(text) for text in schedule]
    settings: dict[str, Any] = {"steps_per_epoch": steps_per_epoch, "base_rate": base_rate}
    curves = []
    for item in parsed:
        xs, ys, absolute = schedule_values(item, steps, **settings)
        curves.append(
            {
                "schedule": str(item),
                "values_are": "rates" if absolute or base_rate is not None else "factors",
                "steps": xs,
                "values": ys,
            }
        )
    drawing = terminal.schedule_curve(parsed, steps, **settings)
    lines = [drawing, *(_ends(entry) for entry in curves)]
    files = []
    if out is not None:
        files.append(File("chart", out, lambda: _write_chart(parsed, steps, settings, out)))
    data = {"command": "show", "run": {"steps": steps, **settings}, "schedules": curves}
    return Output({**data, "chart": out}, "\n".join(lines), files=files)


def _ends(entry: dict) -> str:
    from keras_lr.watch.style import number

    values = entry["values"]
    return (
        f"{entry['schedule']}: starts at {number(float(values[0]))}, "
        f"peaks at {number(float(values.max()))}, ends at {number(float(values[-1]))}"
    )


def _write_chart(parsed: list, steps: int, settings: dict, out: Path) -> None:
    from keras_lr.watch import figures
    from keras_lr.watch.report import page, write_atomically
    from keras_lr.watch.section import Chart, Section

    figure = figures.schedule_figure(parsed, steps, **settings)
    names = ", ".join(str(item) for item in parsed)
    title = "Schedule" if len(parsed) == 1 else "Schedules"
    write_atomically(out, page([Section(title, names, charts=[Chart(figure)])]))
