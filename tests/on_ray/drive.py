"""A driver on the backend of its environment: trains on the cluster and by fit, tells the losses."""

import json
import sys

import keras
import ray

from engine_models import build, images, never
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.ray import RayEngine

if __name__ == "__main__":
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="warning")
    x, y = images()
    job = Job(build, x, y, epochs=3, batch_size=24, shuffle=False)
    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.01, 0.1)]
    there = RayEngine(job).run(specs, never, lambda *_: True)
    here = FitEngine(job).run(specs, never, lambda *_: True)
    told = {
        "backend": keras.backend.backend(),
        "there": [result.history["loss"] for result in there],
        "here": [result.history["loss"] for result in here],
        "weights": [float(result.weights[0].sum()) for result in (there[1], here[1])],
    }
    print(json.dumps(told))
