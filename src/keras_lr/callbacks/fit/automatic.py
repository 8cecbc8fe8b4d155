"""The rules of `rules="auto"`, laid out over a `fit` that begins."""

from typing import TYPE_CHECKING

from keras_lr.callbacks.fit.detection import detection_stops
from keras_lr.callbacks.fit.layout import Layout
from keras_lr.rate import samples_per_batch
from keras_lr.rate.leaves import batches_per_update, leaves
from keras_lr.rules import Rule, auto

if TYPE_CHECKING:
    from keras_lr.callbacks.learning_rate import LearningRate


def automatic_rules(callback: "LearningRate") -> tuple[Rule, ...]:
    """The rules for the fit of a `LearningRate`: patient for a share of it, idle in its last fall.

    Args:
        callback: With the model and the parameters that Keras gave it.

    Raises:
        InvalidInput: Its schedule can't be laid out over this fit.
    """
    params, model = callback.params, callback.model
    found = leaves(model.optimizer)
    layout = Layout(
        int(params.get("steps") or 0),
        int(params.get("epochs") or 1),
        tuple(batches_per_update(leaf) for leaf in found),
        callback.batch_size or samples_per_batch(model),
    )
    steps = layout.batches * layout.epochs // layout.accumulations[0]
    plans = layout.resolve(callback.schedule)
    return auto(steps or None, detection_stops(plans[:1], found[0], steps))
