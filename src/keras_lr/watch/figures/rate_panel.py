"""The panel of the rate, below that of the loss and on the same horizontal axis."""

from typing import Any

from keras_lr.watch.figures.run_lines import value_axis


def add_rate_panel(figure: Any) -> None:
    """Give the traces of `yaxis="y2"` a panel of their own below the others.

    Args:
        figure: A plotly figure with such traces; without one it stays as it is.
    """
    rates = [v for trace in figure.data if trace.yaxis == "y2" for v in trace.y]
    if not rates:
        return
    figure.update_layout(
        yaxis={"domain": [0.42, 1.0]},
        yaxis2={
            "domain": [0.0, 0.33],
            "anchor": "x",
            "title": {"text": "learning rate", "standoff": 8},
            "automargin": True,
            **value_axis(rates),
        },
        xaxis={"anchor": "y2"},
        showlegend=True,
    )
