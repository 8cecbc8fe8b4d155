"""Draw the figures of the documentation.

`python docs/figures/make.py` draws those of the pages;
`python docs/figures/make.py keras-lr-demo/report.html` takes the README's picture of the report that
`make demo` wrote (needs Debian's chromium, and Pillow).
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from svg import BLUE, GREEN, INK, ORANGE, RED, Chart, Line, drawn, single, svg

import keras_lr
from keras_lr import rules, schedules

HERE = Path(__file__).parent
EPOCH = 1875  # updates: 60,000 samples in batches of 32


def over(schedule: schedules.Schedule, epochs: int, base: float) -> tuple[np.ndarray, np.ndarray]:
    """A schedule's rates over a run, at points close enough to draw."""
    plan = schedule.resolve(steps=epochs * EPOCH, steps_per_epoch=EPOCH)
    steps = np.arange(0, epochs * EPOCH, EPOCH // 5)
    return steps / EPOCH, base * plan(steps)


def ticks(values: list[float], words: str = "{:g}") -> list[tuple[float, str]]:
    """Positions, each with its number."""
    return [(value, words.format(value)) for value in values]


def decay() -> str:
    """The article's decay in its three readings."""
    epoch = schedules.TimeDecay(1e-4, per="epoch")
    lines = [
        Line(*over(schedules.TimeDecay(1e-4), 30, 0.01), "per update: Keras 2's code", BLUE, 0.3),
        Line(*over(epoch, 30, 0.01), "per epoch: the words", ORANGE, 0.55),
        Line(
            *over(schedules.Linear(length="100 epochs"), 30, 0.01), "subtracted", GREEN, 0.55, -20
        ),
    ]
    chart = Chart(
        lines,
        "rate",
        "epoch",
        ticks([0, 10, 20, 30]),
        ticks([0, 0.005, 0.01]),
        top=0.011,
    )
    return single(
        chart, "The rate over thirty epochs: per update it falls to 15 %, per epoch hardly"
    )


def drop() -> str:
    """Halving every ten epochs, and what the article's code does."""
    coded = schedules.Piecewise(["31 epochs", "61 epochs"], [1.0, 0.5, 0.25])
    halved = schedules.StepDecay(0.5, every="10 epochs")
    lines = [
        Line(*over(coded, 100, 1e-3), "after epochs 30 and 60: the code", ORANGE, 0.35),
        Line(*over(halved, 100, 1e-3), "every ten epochs: the words", BLUE, 0.42, 10),
    ]
    chart = Chart(
        lines, "rate", "epoch", ticks([0, 30, 60, 90]), ticks([0, 5e-4, 1e-3]), top=1.1e-3
    )
    return single(
        chart, "Halved every ten epochs the rate ends at 1/512, by the article's code at 1/4"
    )


def idea() -> str:
    """base × schedule × reduction = rate, over one run."""
    epochs = np.arange(30)
    losses = np.exp(-np.interp(epochs, [0, 8, 12, 18, 30], [0.0, 2.0, 2.0, 3.0, 3.0]))
    cuts = keras_lr.replay(rules.Plateau("loss", patience=4), {"loss": losses.tolist()}).cuts
    x, shape = over(schedules.Cosine().warmup("10%"), 30, 1.0)
    reduction = np.prod([np.where(x >= cut.epoch + 1, 0.5, 1.0) for cut in cuts], axis=0)
    rate = 0.1 * shape * reduction
    wide, high = 220.0, 80.0
    parts = [
        (
            Chart(
                [Line(x, 0.1 * np.ones_like(x), "", INK)],
                "base: the optimizer's own rate",
                top=0.12,
            ),
            0,
        ),
        (Chart([Line(x, shape, "", BLUE)], "× schedule: of the step alone", top=1.2), 1),
        (Chart([Line(x, reduction, "", ORANGE)], "× reduction: of what was seen", top=1.2), 2),
    ]
    made: list[str] = []
    for chart, row in parts:
        made += drawn(chart, 10, 40 + row * (high + 55), wide, high)
    dashed = Line(x, 0.1 * shape, "without the cuts", BLUE, 0.42, 6, dashed=True)
    told = Chart(
        [dashed, Line(x, rate, "", RED)],
        "= the rate that reaches the weights",
        "epoch",
        ticks([0, 10, 20, 30]),
        ticks([0, 0.05, 0.1]),
        top=0.12,
        marks=[(cut.epoch + 1, "cut") for cut in cuts],
    )
    made += drawn(told, 310, 40, 310, 3 * high + 110)
    return svg(made, 640, 440, "Base times schedule times reduction gives the rate at each step")


FIGURES = {"decay": decay, "drop": drop, "idea": idea}


def shoot(page: Path, path: Path, width: int, height: int) -> None:
    """A picture of the top of a page, in few colours: a third of the size."""
    from PIL import Image

    subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--hide-scrollbars"),
            *(f"--screenshot={path}", f"--window-size={width},{height}"),
            *("--virtual-time-budget=8000", page.resolve().as_uri()),
        ],
        check=True,
        capture_output=True,
    )
    picture = Image.open(path).convert("RGB").quantize(96, kmeans=4, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        shoot(Path(sys.argv[1]), HERE / "report.png", 900, 1300)
    else:
        for name, figure in FIGURES.items():
            (HERE / f"{name}.svg").write_text(figure(), encoding="utf-8")
