import json
import math

import keras
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.rules import Plateau, replay
from keras_lr.state.rate_event import RateEvent
from keras_lr.state.run_lines import encode, encode_event, read_runs
from keras_lr.watch import Curve, Run

BEGIN = {
    "version": 1,
    "name": "digits",
    "epoch": 0,
    "step": 0,
    "epochs": 4,
    "steps_per_epoch": 10,
    "schedule": "cosine",
    "settings": {"optimizer": "SGD", "batch_size": 32},
}
CUT = RateEvent(10, 0, "plateau", 0.5, 0.05, "no gain", fit=0, member="")


def lines(*more):
    return [encode("run", **BEGIN), *more]


def epoch(number, **values):
    return encode("epoch", epoch=number, step=10 * (number + 1), values=values)


def step(at, **values):
    return encode("step", step=at, values=values)


@pytest.fixture
def record(tmp_path):
    def write(*text, end="\n", name="run.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(text) + end)
        return path

    return write


class TestRecord:
    def test_everything_in_it(self, record):
        path = record(
            *lines(
                step(5, learning_rate=0.1, update_ratio=1e-3),
                step(10, learning_rate=0.1),
                epoch(0, loss=1.0, val_loss=2.0),
                encode_event(CUT),
                epoch(1, loss=math.nan),
                epoch(2, loss=math.inf, val_loss=1.0),
                encode("end", step=30, epoch=3),
            )
        )
        run = Run.of(path)
        assert run.name == "digits"
        assert run.history["loss"][0] == 1.0
        assert math.isnan(run.history["loss"][1])
        assert run.history["loss"][2] == math.inf
        assert run.logged("val_loss") == [(0, 2.0), (2, 1.0)]
        assert [at for at, _ in run.logged("loss")] == [0, 1, 2]
        assert run.steps["learning_rate"] == Curve([5, 10], [0.1, 0.1])
        assert run.steps["update_ratio"] == Curve([5], [1e-3])
        assert run.events == (CUT,)
        assert (run.epochs, run.epochs_planned, run.steps_per_epoch) == (3, 4, 10)
        assert run.settings == {"optimizer": "SGD", "batch_size": 32}
        assert run.schedule == "cosine"
        assert run.done

    def test_a_killed_run_is_what_it_wrote(self, record):
        run = Run.read(record(*lines(epoch(0, loss=1.0), '{"kind": "epoch", "ep'), end=""))
        assert (run.history, run.done) == ({"loss": [1.0]}, False)

    def test_a_first_line_that_was_cut_off_is_left_out(self, record):
        assert Run.read(record(lines()[0][:60], *lines(epoch(0, loss=1.0)))).epochs == 1
        with pytest.raises(InvalidInput, match="line 2"):  # nobody knows of which run it is
            Run.read(record(lines()[0][:60], epoch(0, loss=1.0)))

    def test_a_resumed_run_goes_on_where_it_begins(self, record):
        path = record(
            *lines(
                epoch(0, loss=1.0),
                epoch(1, loss=0.9),
                step(10, learning_rate=0.1),
                step(20, learning_rate=0.2),
                epoch(2, loss=0.7),
                step(30, learning_rate=0.2),
                encode_event(CUT),
                encode_event(RateEvent(20, 1, "plateau", 0.5, 0.025, "lost in the crash")),
                '{"kind": "epo',
                encode("run", version=1, epoch=1, step=10, epochs=6),
                epoch(1, loss=0.8),
                step(20, learning_rate=0.3),
            )
        )
        run = Run.read(path)
        assert run.history == {"loss": [1.0, 0.8]}
        assert run.steps["learning_rate"] == Curve([10, 20], [0.1, 0.3])
        assert [e.step for e in run.events] == [10]
        assert (run.epochs_planned, run.schedule, run.done) == (6, "cosine", False)

    def test_of_several_runs_the_last(self, record):
        path = record(*lines(epoch(0, loss=1.0), *lines(epoch(0, loss=3.0))))
        assert len(read_runs(path)) == 2
        assert Run.read(path).history == {"loss": [3.0]}

    def test_a_run_that_began_later_knows_its_epochs(self, record):
        begun = encode("run", **{**BEGIN, "epoch": 5, "step": 50})
        run = Run.read(record(begun, epoch(5, loss=1.0), epoch(6, loss=0.5)))
        assert run.logged("loss") == [(5, 1.0), (6, 0.5)]

    def test_two_that_are_written_at_once_do_not_mix(self, record):
        first, second, more = {"run": "a"}, {"run": "b"}, {"step": 10, "epoch": 0}
        path = record(
            encode("run", **BEGIN, **first),
            encode("epoch", **first, **more, values={"loss": 1.0}),
            encode("run", **BEGIN, **second),
            encode("epoch", **second, **more, values={"loss": 3.0}),
            encode("epoch", **first, epoch=1, step=20, values={"loss": 0.5}),
            encode_event(CUT, **first),
            encode("end", **first, **more),
        )
        one, two = read_runs(path)
        assert [values["loss"] for values in one.epochs.values()] == [1.0, 0.5]
        assert (len(one.events), one.end is None) == (1, False)
        assert ([*two.epochs], two.events, two.end) == ([0], [], None)
        with path.open("a") as file:  # the first goes on from a backup, after the second
            file.write(encode("run", **{**BEGIN, "epoch": 1, "step": 10}, **first) + "\n")
        assert Run.read(path).history == {"loss": [1.0]}

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ([""], "empty"),
            (["no json"], "is no run record"),
            ([step(1, loss=1.0)], "is no run record"),
            (lines(), "no values yet"),
            (
                [encode("run", **{**BEGIN, "version": 9})],
                r"version 9.*reads 1. Write: pip install --upgrade keras-lr$",
            ),
            ([encode("run", **{**BEGIN, "settings": [1]})], r"line 1.*settings is \[1\]"),
            ([encode("run", **{**BEGIN, "epoch": "inf"})], "line 1"),
            ([encode("run", **{**BEGIN, "epoch": -7})], "line 1.*epoch is -7, and counts from 0"),
            ([encode("run", **{**BEGIN, "steps_per_epoch": -3})], "steps_per_epoch is -3"),
            (['{"kind": "run", "version": 1, "epoch": 0, "step": 0, "epochs": NaN}'], "is nan"),
            (lines(epoch(-1, loss=1.0)), "line 2.*epoch is -1"),
            (lines(step(20, loss=1.0), step(10, loss=2.0)), "line 3.*step 10 comes after 20"),
            (lines(encode("epoch", epoch=0, values=[1])), r"line 2.*values is \[1\]"),
            (lines(encode("epoch", epoch=0)), "line 2"),
            (lines(encode("epoch", epoch=0, values={"loss": "x"})), "line 2"),
        ],
    )
    def test_refusals(self, record, text, told):
        with pytest.raises(InvalidInput, match=told):
            Run.read(record(*text))

    def test_lines_of_later_kinds_are_passed_over(self, record):
        assert Run.read(record(*lines(encode("picture"), epoch(0, loss=1.0)))).epochs == 1

    def test_rules_replay_it(self, record):
        path = record(*lines(*[epoch(at, loss=1.0) for at in range(4)], step(5, loss=2.0)))
        assert [cut.epoch for cut in replay(Plateau("loss", patience=2), path).cuts] == [2]
        with pytest.raises(InvalidInput, match="no values yet"):
            replay(Plateau("loss"), record(*lines()))


class TestOtherSources:
    def test_a_history_knows_its_plan(self):
        history = keras.callbacks.History()
        history.history, history.epoch = {"loss": [1.0, 0.5]}, [3, 4]
        history.params = {"epochs": 9, "steps": 7}
        run = Run.of(history)
        assert (run.epochs_planned, run.steps_per_epoch, run.first_epoch) == (9, 7, 3)
        assert run.logged("loss") == [(3, 1.0), (4, 0.5)]
        optimizer = keras.optimizers.SGD(gradient_accumulation_steps=4)
        history.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
        history.model.compile(optimizer, "mse")
        assert Run.of(history).steps_per_epoch == 7 / 4, "in updates"

    def test_a_run_is_itself(self):
        run = Run({"loss": [1.0]})
        assert Run.of(run) is run

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("epoch,loss\n0,1\n1,abc\n", "line 3: loss must be a number. Received: 'abc'"),
            ("epoch,loss\n0.5,1\n0.6,2\n", "whole number, .* rows='step'. Received: 0.5"),
        ],
    )
    def test_a_bad_cell_is_told_and_its_column_not_left_out(self, tmp_path, text, told):
        (tmp_path / "log.csv").write_text(text)
        with pytest.raises(InvalidInput, match=told):
            Run.read(tmp_path / "log.csv")

    def test_columns_without_numbers_are_left_out(self):
        assert Run.of({"loss": [1.0], "words": ["a"], "none": [None]}).history == {"loss": [1.0]}

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_a_saved_history(self, tmp_path, wrapped):
        path = tmp_path / "history.json"
        history = {"loss": [1.0, None, math.nan], "val_loss": [1.0, 2.0, 3.0]}
        path.write_text(json.dumps({"history": history} if wrapped else history))
        run = Run.of(path)
        assert run.history["val_loss"] == [1.0, 2.0, 3.0]
        assert [at for at, _ in run.logged("loss")] == [0, 2]
        assert run.name == "history.json"

    def test_a_history_that_pandas_saved_has_its_epochs_as_keys(self, tmp_path):
        path = tmp_path / "history.json"
        path.write_text('{"loss": {"0": 2.0, "2": 0.5, "1": null}, "val_loss": {"0": 3.0}}')
        assert Run.of(path).logged("loss") == [(0, 2.0), (2, 0.5)]
        assert Run.of({"loss": {0: 2.0, 1: 1.0}}).history == {"loss": [2.0, 1.0]}

    def test_a_csv_that_went_on_after_a_crash(self, record):
        rows = ["epoch,loss,val_loss", "0,1.0,2.0", "1,0.9,NA", "2,0.8,1.5", "1,0.7,1.0"]
        run = Run.of(record(*rows, name="log.csv"), name="mine")
        assert run.history["loss"] == [1.0, 0.7]
        assert (run.logged("val_loss"), run.name) == ([(0, 2.0), (1, 1.0)], "mine")

    def test_a_long_csv_is_read_once_and_a_wrong_number_is_told(self, record):
        rows = [f"{at},0.5" for at in range(20_000)]  # a pass over all of them for each would last
        assert Run.of(record("epoch,loss", *rows, name="log.csv")).epochs == 20_000
        with pytest.raises(InvalidInput, match="epochs from 0 to 500000000"):
            Run.of(record("epoch,loss", "0,0.5", "500000000,0.5", name="log.csv"))

    def test_a_csv_whose_epochs_begin_at_1(self, record):
        rows = ["epoch,loss", "1,1.0", "2,0.5"]
        assert Run.of(record(*rows, name="log.csv")).logged("loss") == [(0, 1.0), (1, 0.5)]

    @pytest.mark.parametrize("cut", ["2,0.35,0.", "2,0.3", "2"])
    def test_a_line_that_is_not_whole_is_left_out(self, record, cut):
        rows = ["epoch,loss,val_loss", "0,1.0,2.0", "1,0.5,1.0", cut]
        with pytest.warns(UserWarning, match=r"no end.*left out: '2"):
            run = Run.of(record(*rows, end="", name="log.csv"))
        assert run.history == {"loss": [1.0, 0.5], "val_loss": [2.0, 1.0]}

    @pytest.mark.parametrize("row", ["0;0,5;1", '0;1;",5"'])
    def test_decimal_commas_are_named(self, record, row):
        with pytest.raises(InvalidInput, match="decimal commas"):
            Run.of(record("epoch;loss;val_loss", row, name="log.csv"))

    def test_a_csv_of_updates(self, record):
        run = Run.read(record("step,loss", "10,1.0", "20,0.5", name="log.csv"))
        assert run.steps == {"loss": Curve([10, 20], [1.0, 0.5])}
        assert run.epochs == 0

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({}, "what fit returned"),
            (3, "what fit returned"),
            ({"loss": ["a"]}, "a number for each epoch"),
            ("nothing.csv", "no file or folder"),
        ],
    )
    def test_refusals(self, given, told):
        with pytest.raises(InvalidInput, match=told):
            Run.of(given)

    @pytest.mark.parametrize(
        "text",
        [
            "{", "[]", '{"a": 1}', '{"history": {}}',
            '{"loss": {"a": 1.0}}', '{"loss": {"-1": 1.0}}', '{"loss": {"1000000000": 1.0}}',
            f'{{"loss": [1, 1{"0" * 400}]}}', "[" * 50_000,
        ],
        ids=range(9),
    )  # fmt: skip
    def test_json_that_is_no_history(self, tmp_path, text):
        path = tmp_path / "history.json"
        path.write_text(text)
        with pytest.raises(InvalidInput, match=r"history\.json"):
            Run.read(path)
