"""What a monitor logs, read back from the trackers' own stores: MLflow, W&B, Keras's TensorBoard.

In an environment of their own, on TensorFlow, which W&B's Keras callback and Keras's TensorBoard
callback need: make test-trackers.
"""

import json
import struct

import keras
import numpy as np
import pytest

from helpers import classifier, data
from keras_lr import LearningRate, schedules
from keras_lr.callbacks import LearningRateMonitor
from keras_lr.watch import Run

HERE = "make test-trackers has it"


@pytest.fixture
def fit():
    """Trains with a tracker's callback behind a monitor; the history."""

    def fit(tracker):
        x, y = data(40)
        control = LearningRate(schedules.Cosine())
        monitor = LearningRateMonitor(statistics="update_ratio", groups="layer", parts=True)
        model = classifier(keras.optimizers.SGD(0.1, momentum=0.5))
        return model.fit(
            x, y, batch_size=8, epochs=3, verbose=0, callbacks=[control, monitor, tracker]
        ).history

    return fit


def check(found, history, *, own_rate=False):
    """Everything in the history is there, epoch by epoch.

    Under `learning_rate` W&B's callback and Keras's TensorBoard write what the optimizer says by
    then (`own_rate`): the rate of the next update.
    """
    assert {"learning_rate", "momentum", "update_ratio", "rate/schedule"} < set(history)
    assert any(name.startswith("update_ratio/") for name in history)
    for name, values in history.items():
        if name == "learning_rate" and own_rate:
            values = [0.1 * 0.75, 0.1 * 0.25, 0.0]  # of the cosine at one and two thirds
        assert found(name) == pytest.approx(values, rel=1e-5, abs=1e-8), name
    assert np.ptp(history["learning_rate"]) > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlflow(tmp_path, fit):
    mlflow = pytest.importorskip("mlflow", reason=HERE)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.create_experiment("keras-lr", artifact_location=str(tmp_path / "artifacts"))
    mlflow.set_experiment("keras-lr")
    with mlflow.start_run() as run:
        history = fit(mlflow.keras.MlflowCallback(run))
    client = mlflow.MlflowClient()

    def found(name):
        points = client.get_metric_history(run.info.run_id, name)
        return [point.value for point in sorted(points, key=lambda point: point.step)]

    check(found, history)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="W&B's callback imports it")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_weights_and_biases(tmp_path, fit, monkeypatch):
    wandb = pytest.importorskip("wandb", reason=HERE)
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(mode="offline", project="keras-lr", dir=tmp_path) as run:
        from wandb.integration.keras import WandbMetricsLogger

        history = fit(WandbMetricsLogger())
        (file,) = tmp_path.glob(f"wandb/offline-run-*{run.id}/run-*.wandb")
    wandb.teardown()  # which waits for the process that writes the file
    rows = list(offline_rows(file))
    assert len(rows) == 3
    check(lambda name: [row[f"epoch/{name}"] for row in rows], history, own_rate=True)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras's callback needs it")
def test_keras_own_tensorboard(tmp_path, fit):
    history = fit(keras.callbacks.TensorBoard(tmp_path))
    written = Run.read(tmp_path)
    check(lambda name: written.history[name], history, own_rate=True)


def offline_rows(file):
    """What was logged, from the file of an offline run: a log of records as LevelDB writes them.

    Blocks of 32 KB, in which each piece of a record has a checksum, a length and a kind: 1 is all of
    it, 4 its end.
    """
    from wandb.proto import wandb_internal_pb2

    content, at, record = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", content[at : at + 7])
        at += 7 + size
        record += content[at - size : at]
        if kind in (1, 4):
            parsed = wandb_internal_pb2.Record()
            parsed.ParseFromString(record)
            record = b""
            if parsed.WhichOneof("record_type") == "history":
                items = parsed.history.item
                yield {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in items}
