"""replay of TensorBoard logs, without TensorFlow: Keras's own, other writers', broken ones."""

import subprocess
import sys

import pytest

from keras_lr.errors import InvalidInput, MissingExtra
from keras_lr.rules import Plateau, replay

LOSSES = [1.0, 0.5, 0.5, 0.5, 0.5, 0.5]
PLATEAU = Plateau("loss", patience=2)


def epochs(result):
    return [cut.epoch for cut in result.cuts]


def event_writer(folder):
    """Writes scalars as torch, tensorboardX (numbers) or Keras, TensorFlow (tensors) do."""
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))

    def add(tag, step, value, *, tensor=True):
        number = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])
        summary = scalar_pb(tag, value) if tensor else number
        writer.add_event(event_pb2.Event(step=step, wall_time=float(step), summary=summary))

    writer.add = add
    return writer


class TestTensorBoard:
    @pytest.fixture
    def keras_log(self, tmp_path):
        """The folders and tags of `keras.callbacks.TensorBoard(update_freq=1)`."""
        train, validation = event_writer(tmp_path / "train"), event_writer(tmp_path / "validation")
        for epoch, loss in enumerate(LOSSES):
            train.add("epoch_loss", epoch, loss)
            train.add("epoch_learning_rate", epoch, 0.1)
            validation.add("epoch_loss", epoch, 1.0)
            validation.add("evaluation_loss_vs_iterations", 50 * (epoch + 1), 1.0)
        for step in range(60):
            train.add("batch_loss", step, 2.0)
        train.close()
        validation.close()
        return tmp_path

    def test_keras_own(self, keras_log):
        found = replay(PLATEAU, keras_log)
        assert epochs(found) == [3, 5]
        assert found.rates[:4] == pytest.approx([0.1] * 4)
        assert epochs(replay(Plateau("val_loss", patience=3), keras_log)) == [3]

    def test_its_batches(self, keras_log):
        found = replay(Plateau("loss", every=10, patience="2 looks"), keras_log)
        assert [cut.step for cut in found.cuts] == [30, 50]

    def test_both_at_once(self, keras_log):
        pair = [PLATEAU, Plateau("loss", every=10, patience="2 looks")]
        with pytest.raises(InvalidInput, match=r"in order.*steps_per_epoch=N"):
            replay(pair, keras_log)
        found = replay(pair, keras_log, steps_per_epoch=10, learning_rate=0.1)
        assert [(cut.step, cut.epoch) for cut in found.cuts] == [(30, 2), (40, 3), (50, 4), (60, 5)]

    @pytest.mark.parametrize("tensor", [False, True])
    def test_other_writers(self, tmp_path, tensor):
        writer = event_writer(tmp_path)
        for epoch, loss in enumerate(LOSSES):
            writer.add("Loss/val", epoch, loss, tensor=tensor)
        writer.close()
        rule = Plateau("Loss/val", patience=2)
        with pytest.raises(InvalidInput, match=r"rows='epoch'"):
            replay(rule, tmp_path)
        assert epochs(replay(rule, tmp_path, rows="epoch")) == [3, 5]
        [file] = tmp_path.iterdir()
        assert epochs(replay(rule, file, rows="epoch")) == [3, 5]

    def test_what_a_crash_leaves(self, keras_log):
        """The end of the file is missing: what came before counts."""
        [file] = (keras_log / "train").iterdir()
        file.write_bytes(file.read_bytes()[:-10])
        assert epochs(replay(PLATEAU, keras_log)) == [3, 5]

    def test_several_runs(self, tmp_path):
        for name in ("a", "b"):
            writer = event_writer(tmp_path / name)
            writer.add("epoch_loss", 0, 1.0)
            writer.close()
        with pytest.raises(InvalidInput, match=r"several runs: a, b"):
            replay(PLATEAU, tmp_path)
        assert len(replay(PLATEAU, tmp_path / "a").at) == 1

    def test_nothing_in_it(self, tmp_path):
        with pytest.raises(InvalidInput, match="no event file"):
            replay(PLATEAU, tmp_path)
        (tmp_path / "events.out.tfevents.1").write_bytes(b"epoch,loss\n0,1\n" * 9)
        with pytest.raises(InvalidInput, match="no scalar"):
            replay(PLATEAU, tmp_path)

    def test_without_the_package(self, keras_log, monkeypatch):
        monkeypatch.setitem(
            sys.modules, "tensorboard.backend.event_processing.event_accumulator", None
        )
        with pytest.raises(MissingExtra, match=r"keras-lr\[tensorboard\]"):
            replay(PLATEAU, keras_log)

    def test_tensorflow_is_not_needed(self, keras_log):
        """Where it isn't there, nobody asks for it."""
        code = (
            "import sys; sys.modules['tensorflow'] = None\n"
            "from keras_lr.rules import Plateau, replay\n"
            "print(len(replay(Plateau('loss', patience=2), sys.argv[1]).cuts))"
        )
        command = [sys.executable, "-c", code, str(keras_log)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "2"
