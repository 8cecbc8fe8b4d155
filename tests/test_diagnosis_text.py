"""A diagnosis in words: short, said once, and as wide as the terminal."""

import pytest

from diagnosis_all import CASES, NAMES
from diagnosis_cases import E
from keras_lr.watch import diagnose


def test_too_short_is_said_once():
    told = " ".join(str(diagnose({"loss": [2.0, 1.0, 0.6, 0.5]})).split())
    assert told.startswith("Training: too short to judge (4 epochs; most problems take up to 12)")
    assert told.count("a longer run, of 5 to 20 epochs") == 1
    assert "oscillating" not in told  # of 13 names none says more
    assert told.count("LearningRateMonitor") == 1
    assert told.count("validation_data") == 1
    assert told.index("a longer run") < told.index("validation_data")
    assert "1 problem looked for, none found." in told


def test_what_was_not_found_is_one_line():
    found = diagnose(CASES["oscillating"].ill["without a rate"])
    assert f"{len(found.not_found)} other problems looked for, none found." in str(found)
    names = {name for table in found.section().tables for row in table.rows for name in row}
    assert set(found.not_found) <= names
    assert set(found.not_found) <= set(found.as_data()["not_found"])
    assert not set(found.not_found) & set(str(found).split("\n"))


@pytest.mark.parametrize("columns", [40, 79, 100, 300])
def test_lines_fit_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in NAMES:
        found = diagnose(next(iter(CASES[name].ill.values())))
        lines = str(found).splitlines()
        code = {f"      {line}" for each in found.found for line in each.code.splitlines()}
        assert code <= set(lines)
        for line in set(lines) - code:
            words = [word for word in line.split() if len(word) > columns // 2]
            assert len(line) <= min(columns, 100) or words or "LearningRateMonitor(" in line
        needs = " ".join(each.needs for each in found.not_judged)
        whole = "LearningRateMonitor(record='run.jsonl', groups='layer')"
        assert whole not in needs or any(whole in line for line in lines)


def test_without_a_terminal(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda *_: (_ for _ in ()).throw(OSError()))
    assert len(max(str(diagnose({"loss": 2.3 - 0.02 * E})).splitlines(), key=len)) <= 79
