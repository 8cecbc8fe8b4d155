"""Population based training: members copy the best and perturb their rates; the path is a schedule."""

from keras_lr.tuner.population.lineage import Copy, Leg, lineage
from keras_lr.tuner.population.truncation import PBT

__all__ = ["PBT", "Copy", "Leg", "lineage"]
