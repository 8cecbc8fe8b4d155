"""How every result shows itself: short as text, escaped as HTML, drawn by `.plot()`."""

from dataclasses import replace
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest

import watch_results as results
from keras_lr import replay, rules, schedules
from keras_lr.tuner.confirm import Candidate, Confirmation
from keras_lr.tuner.study import Study
from keras_lr.watch import Arm, Comparison, Run, diagnose
from keras_lr.watch.notebook import as_html
from keras_lr.watch.notebook.sketch import Series, sketch

EVIL = "<script>alert(1)</script>"


def study(metric="val_loss"):
    """The tests' study as a `Study`, which shows itself."""
    given = results.study(metric=metric)
    told = ("trials", "objective", "direction", "space", "engine", "plan", "seconds")
    return Study(**{name: getattr(given, name) for name in told})


def confirmation(metric="val_loss"):
    trials = study().trials[:2]
    found = tuple(
        Candidate(t.number, {**t.params, "layer": metric}, t.value, (0.3, 0.4)) for t in trials
    )
    return Confirmation(metric, "minimize", (1, 2), found)


def comparison(metric):
    arms = (Arm(EVIL, 0.1, EVIL, (0.1, 0.2, 0.3)), Arm("b", 0.1, "", (0.2, 0.3, 0.4)))
    return Comparison(metric, arms, higher_is_better=False)


SHOWN = {
    "finding": lambda text: replace(results.finding(), reason=text),
    "refusal": lambda text: replace(results.finding(refused=True), reason=text),
    "schedule": lambda text: schedules.parse("cosine | warmup(5%)"),
    "plan": lambda text: schedules.parse("cosine").resolve(steps=100),
    "run": lambda text: replace(results.run(), name=text, schedule=text),
    "study": study,
    "confirmation": confirmation,
    "comparison": comparison,
    "replay": lambda text: replay(
        rules.Plateau(text, patience=1, mode="min"), {text: [1.0, 0.5, 0.5, 0.5]}
    ),
    "diagnosis": lambda text: diagnose(Run({"loss": [1.0, 2.0, float("nan")]}, name=text)),
}
shown = pytest.mark.parametrize("name", SHOWN)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.words.append(data)


@shown
def test_a_result_is_told_in_a_few_words(name):
    result = SHOWN[name]("val_loss")
    # The representation of a schedule is the Python that makes it.
    assert len(repr(result)) < 300
    assert "array(" not in repr(result)
    assert len(str(result)) < 1500


def test_a_terminal_obeys_no_name_in_a_run():
    run = Run({"\x1b[2Jval_loss": [2.0, 1.0]}, name="\u202e\x07")
    assert not set("\x1b\u202e\x07") & set(f"{run}{run!r}")


@shown
def test_a_result_shows_itself_in_a_notebook_and_text_from_outside_does_nothing(name):
    result = SHOWN[name](EVIL)
    found = result._repr_html_()
    assert found == as_html(result)
    tags = Tags(found)
    assert EVIL not in found
    assert "script" not in tags.seen
    assert tags.open == []
    if name not in ("schedule", "plan"):
        assert EVIL in "".join(tags.words), "shown as text"
    assert ("svg" in tags.seen) == (name not in ("confirmation", "comparison", "diagnosis"))


@shown
def test_a_result_plots_itself(name):
    result = SHOWN[name]("val_loss")
    options = {"steps": 100} if name == "schedule" else {}
    figure = result.plot(**options)
    assert isinstance(figure, go.Figure)
    assert figure.data


def test_a_schedule_that_fits_no_example_says_why():
    found = as_html(schedules.parse("cosine | warmup(2000 steps) | cooldown(2000 steps)"))
    assert "takes 2000 steps, but only 1000 are there" in found
    assert "<svg" not in found


def test_a_sketch_puts_points_where_they_belong():
    text = sketch([Series([1, 10, 100], [1.0, 2.0, 3.0], "dots")], x="x", y="<y>", x_log=True)
    places = [part.split("'")[:4] for part in text.split("<circle cx='")[1:]]
    xs = [float(part[0]) for part in places]
    ys = [float(part[2]) for part in places]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
    assert ys[0] > ys[2], "up is more"
    assert "&lt;y&gt;" in text
    assert sketch([Series([1.0], [None])], x="x", y="y") == ""
