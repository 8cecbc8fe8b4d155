import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import keras
import numpy as np
import pytest

import keras_lr
import watch_results as results
from keras_lr.errors import InvalidInput
from keras_lr.watch import report
from keras_lr.watch import terminal as term
from keras_lr.watch.report import write_atomically
from keras_lr.watch.report.page import page
from keras_lr.watch.report.section import Chart, Section

EVIL = "<script>alert(1)</script>"


class Reader(HTMLParser):
    """Elements and the text outside scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.charts, self._inside = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = (tag, dict(attrs)) if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside is None:
            self.words.append(data)
        elif "data-chart" in self._inside[1]:
            self.charts.append(json.loads(data))

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def read(path):
    return Reader(path.read_text(encoding="utf-8"))


def everything():
    return [
        results.comparison(),
        results.study(),
        results.run(),
        results.finding(),
        results.finding(refused=True),
        keras_lr.schedules.parse("cosine | warmup(5%)"),
    ]


def test_one_file_holds_everything(tmp_path):
    path = report(everything(), tmp_path / "sub" / "report.html")
    found = read(path)
    outside = [
        a
        for t, a in found.tags
        for k in ("src", "href")
        if not a.get(k, "data:").startswith(("data:", "#"))
    ]
    assert outside == []
    assert path.read_text(encoding="utf-8").count("plotly.js v") == 1
    assert len(found.charts) == 9
    assert os.listdir(path.parent) == ["report.html"]


def test_the_answer_comes_first_and_is_the_comparisons(tmp_path):
    found = read(report(everything(), tmp_path / "r.html", js="cdn"))
    answer = "Use 0.12 with momentum 0.9, one-cycle test accuracy 98.0 ± 0.3 %"
    assert answer in found.text
    assert found.text.index(answer) < found.text.index("seeds each")
    assert "No learning rate can be advised" in found.text
    assert "keras_lr.set_learning_rate(model, 0.21)" in found.text


def test_a_study_alone_says_what_to_use(tmp_path):
    study = results.study()
    text = read(report(study, tmp_path / "r.html", js="cdn")).text
    rate = f"{study.best.params['learning_rate']:.3g}"
    assert f"Use {rate} with momentum" in text
    assert " ".join(study.code().split()) in text
    assert "edge of the range" not in text
    assert (
        "edge of the range"
        in read(report(results.study(edge=True), tmp_path / "e.html", js="cdn")).text
    )


def test_user_text_does_nothing(tmp_path):
    study = results.study(metric=EVIL, edge=True)
    path = report(study, tmp_path / "r.html", js="cdn")
    text = path.read_text(encoding="utf-8")
    assert EVIL not in text
    assert EVIL in read(path).text  # shown as text
    scripts = [a for t, a in read(path).tags if t == "script"]
    assert sum("data-chart" not in a for a in scripts) == 2  # the library and the page's own
    figure = results.run().plot().update_layout(annotations=[{"text": f"</script>{EVIL}"}])
    own = page([Section("Their own figure", "", charts=[Chart(figure)])], js="cdn")
    assert EVIL not in own
    assert Reader(own).charts[0]["layout"]["annotations"][0]["text"] == f"</script>{EVIL}"


def test_control_characters_and_those_that_turn_words_around_are_written_out(tmp_path):
    name = "ev\x1b[31mil\u202e.json"
    run = keras_lr.watch.Run({f"{name} loss": [2.0, 1.0]}, name=name)
    path = report(run, tmp_path / "r.html", js="cdn")
    text = path.read_text(encoding="utf-8") + run._repr_html_() + term.table([name], [[name]])
    assert not set("\x1b\u202e") & set(text)
    assert r"ev\x1b[31mil\u202e.json" in text
    ((trace, *_),) = [chart["data"] for chart in read(path).charts]
    assert trace["name"] == r"ev\x1b[31mil\u202e.json loss"
    assert not set("\x1b\u202e") & set(trace["hovertemplate"])


def test_cdn_is_small_and_checked(tmp_path):
    path = report(results.finding(), tmp_path / "r.html", js="cdn")
    assert path.stat().st_size < 200_000
    script = next(a for t, a in read(path).tags if t == "script" and "src" in a)
    assert script["src"].startswith("https://cdn.plot.ly/plotly-")
    assert re.fullmatch(r"sha256-[\w+/]{43}=", script["integrity"])


def test_a_keras_history_is_drawn(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 3), "float32")
    history = model.fit(
        x, x[:, :1], epochs=2, verbose=0, callbacks=[keras_lr.LearningRate("cosine")]
    )
    found = read(keras_lr.report(history, tmp_path / "r.html", js="cdn"))
    assert "in 2 epochs. Lowest" in found.text
    names = [trace["name"] for trace in found.charts[0]["data"]]
    assert names == ["loss", "learning rate"]


def test_a_failed_write_leaves_the_old_report(tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InvalidInput, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["r.html"]
    monkeypatch.undo()
    assert write_atomically(path, "of \udcff.csv").read_text() == "of ?.csv"


def test_bad_input_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="cdn"):
        report(results.finding(), tmp_path / "r.html", js="local")
    with pytest.raises(InvalidInput, match="Received: int"):
        report(3, tmp_path / "r.html")
    with pytest.raises(InvalidInput, match="without any metric"):
        report({}, tmp_path / "r.html")
    with pytest.raises(InvalidInput, match="There is no file"):
        report("nothing.jsonl", tmp_path / "r.html")
    with pytest.raises(InvalidInput, match="empty list"):
        report([], tmp_path / "r.html")
    for path in (tmp_path, "/dev/null/r.html", "r" * 300, "\ud800.html"):
        with pytest.raises(InvalidInput, match="can't be written"):
            report(results.finding(), path)
    for path in ("", None, 5, b"r.html", "a\0b.html"):
        with pytest.raises(InvalidInput, match="path of the HTML file to write"):
            report(results.finding(), path)
        with pytest.raises(InvalidInput, match="path of the HTML file to write"):
            write_atomically(path, "")
    assert os.listdir(tmp_path) == []


def test_a_page_without_charts_needs_no_library():
    text = page([Section("Title", "Answer & more")])
    assert "plotly.js v" not in text
    assert "<script src" not in text
    assert len(text) < 30_000


def test_plotly_is_imported_only_to_draw():
    code = (
        "import sys, keras_lr.watch, keras_lr.watch.figures, keras_lr.watch.terminal, keras_lr.cli;"
        "print([m for m in ('plotly', 'keras', 'optuna', 'uniplot') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_terminal_draws_schedules_findings_and_tables():
    drawing = term.schedule_curve(["linear", "cosine"], 100, base_rate=0.2)
    assert "learning rate" in drawing
    assert "0.2" in drawing
    assert "linear()" in drawing
    assert "use 0.21" in term.finding_curve(results.finding())
    assert "3 of 16 diverged" in term.finding_curve(results.finding())
    assert term.finding_curve(results.finding(refused=True)) == "every rate diverged"
    study = results.study()
    lines = term.trials_table(study, count=4).splitlines()
    assert len(lines) == 5
    assert lines[1].split()[0] == str(study.best.number)
    table = term.comparison_table(results.comparison())
    assert "compared with tuned" in table
    assert "3.8 points worse" in table
    assert "not distinguishable" in table
