"""Draw the figures of the documentation (needs Debian's chromium).

`python docs/figures/make.py` draws those of the article's page;
`python docs/figures/make.py keras-lr-demo/report.html` takes the README's picture of the report that
`make demo` wrote.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from keras_lr import schedules
from keras_lr.watch.figures import schedule_figure

EPOCH = 1875  # 60,000 samples in batches of 32

HERE = Path(__file__).parent

FIGURES = {
    "decay": schedule_figure(
        {
            "1 / (1 + decay · updates): Keras 2's code": schedules.TimeDecay(1e-4),
            "1 / (1 + decay · epochs): the words": schedules.TimeDecay(1e-4, per="epoch"),
            "0.01 − 1e-4 · epoch: the words, literally": schedules.Linear(length="100 epochs"),
        },
        steps=30 * EPOCH,
        steps_per_epoch=EPOCH,
        base_rate=0.01,
    ),
    "drop": schedule_figure(
        {
            "halved every 10 epochs: the words": schedules.StepDecay(0.5, every="10 epochs"),
            "halved after 30 and 60: the code": schedules.Piecewise(
                ["31 epochs", "61 epochs"], [1.0, 0.5, 0.25]
            ),
        },
        steps=100 * EPOCH,
        steps_per_epoch=EPOCH,
        base_rate=1e-3,
    ),
}


def draw(figure: Any, path: Path, width: int = 900, height: int = 380) -> None:
    """A plotly figure as a PNG, by a headless browser."""
    last = max(trace.x[-1] for trace in figure.data)
    figure.update_layout(
        **{"width": width, "height": height, "title": None, "shapes": [], "annotations": []},
        **{"paper_bgcolor": "white", "plot_bgcolor": "white", "margin": {"t": 50}},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis2={"visible": False},
        xaxis={
            "title": "epoch",
            "tickvals": list(range(0, int(last) + 1, EPOCH * (10 if last > 60 * EPOCH else 5))),
            "ticktext": [str(n) for n in range(0, 101, 10 if last > 60 * EPOCH else 5)],
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "figure.html"
        body = figure.to_html(
            include_plotlyjs=True, full_html=False, config={"displayModeBar": False}
        )
        page.write_text(f"<!doctype html><body style='margin:0'>{body}")
        shoot(page, path, width, height)


def shoot(page: Path, path: Path, width: int, height: int) -> None:
    """A picture of the top of a page."""
    subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--hide-scrollbars"),
            *(f"--screenshot={path}", f"--window-size={width},{height}"),
            *("--virtual-time-budget=8000", page.resolve().as_uri()),
        ],
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        shoot(Path(sys.argv[1]), HERE / "report.png", 900, 1500)
    else:
        for name, made in FIGURES.items():
            draw(made, HERE / f"{name}.png")
