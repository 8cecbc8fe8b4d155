"""Trials on many machines: groups of lanes as Ray tasks, each run by the compiled engine.

The driver packs the job as plain data (`engines.portable`), puts its arrays into Ray's object store
once, and sends groups of trials out as tasks. After every epoch a task posts what its lanes
logged to a mailbox and waits for the verdicts, so pruning works as on one machine. What a lost node
or worker was training is sent out again, without the trials that had ended.
"""

from keras_lr.engines.ray.engine import RayEngine
from keras_lr.engines.ray.options import RayOptions

__all__ = ["RayEngine", "RayOptions"]
