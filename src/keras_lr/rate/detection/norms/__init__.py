"""How large gradients, weights and updates are, measured inside the training step.

Of some updates, and of each trainable variable, three squared norms are kept: of the gradient that
the update uses (clipped and accumulated), of the weights after it, and of what it changed, weight
decay included. They stay in the graph until the host asks. Between those updates nothing is
computed; steps that a `LossScaleOptimizer` skips and batches that only accumulate are no updates.

Which updates are measured is the host's to say, before the steps that may do them: it alone knows
where an interval or an epoch ends when updates and batches come apart.

The norms are kept apart by variable, so that every grouping of them is arithmetic on the host.
"""

from keras_lr.rate.detection.norms.leaf_norms import LeafNorms, measure_norms
from keras_lr.rate.detection.norms.norms import Measured

__all__ = ["LeafNorms", "Measured", "measure_norms"]
