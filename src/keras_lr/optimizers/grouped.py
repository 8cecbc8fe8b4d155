"""A `MultiOptimizer` with what Keras's own can't have: one clip norm, and schedules of its members.

Importing this module imports Keras, so nothing here does before it is asked to:
`optimizers.PerLayer` and `optimizers.per_layer(...)` are what ask.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from keras_lr.errors import InvalidInput
from keras_lr.optimizers.gradients import let_lack_gradients
from keras_lr.optimizers.groups import GROUPS
from keras_lr.rate.controlled import follows
from keras_lr.rate.running import is_taken_from_model
from keras_lr.schedules import Schedule, deserialize, serialize


@keras.saving.register_keras_serializable(package="keras_lr")
class PerLayer(keras.optimizers.MultiOptimizer):
    """Several optimizers, one norm over all their gradients, and schedules of their rates.

    `per_layer` makes it. It is saved with the model. A process that loads the model imports it
    first, as with every class that Keras doesn't have: `from keras_lr.optimizers import PerLayer`.

    Variables without a member are frozen. Those whose scheduled rate is 0 at a step stay as they are
    too, bit for bit, whatever their optimizer does: momentum, averages and constraints reach them
    when the rate is above 0 again.

    Args:
        members: The optimizers, each with a name of its own.
        assigned: For each trainable variable of the model, in the model's order, which member
            trains it; `None` for a frozen one.
        group_schedules: Members' names and what their rate follows: factors, over the run. They are
            `keras_lr.LearningRate`'s to lay out, so training without it is refused.
        global_clipnorm: The highest norm of all gradients together, without those of variables
            whose rate is 0; `None` for no limit.
        loss_scale_factor: As for every Keras optimizer.
        name: As for every Keras optimizer.
    """

    def __init__(
        self,
        members: Sequence[Any],
        assigned: Sequence[int | None],
        *,
        group_schedules: Mapping[str, Schedule] | None = None,
        global_clipnorm: float | None = None,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(self._member_of, loss_scale_factor=loss_scale_factor, name=name)
        self._inner_optimizers = list(members)
        self.loss_scale_factor = loss_scale_factor
        self.global_clipnorm = global_clipnorm
        self.group_schedules = dict(group_schedules or {})
        self._assigned = list(assigned)
        self._members_of: dict[Any, Any] = {}
        # Past Keras's trackers, here and below: they would take tensors for the optimizer's own.
        object.__setattr__(self, "_scales", {})
        let_lack_gradients(self._inner_optimizers)
        for member in self._inner_optimizers if global_clipnorm else ():
            object.__setattr__(member, "_clip_gradients", self._clip)

    def _member_of(self, variable: Any) -> Any:
        return self._members_of[self._var_key(variable)]

    @property
    def variables(self) -> list[Any]:
        """The optimizer's own variables and its members'."""
        if is_taken_from_model():
            self._require_schedules()
        return super().variables

    def build(self, var_list: Sequence[Any]) -> None:
        """Build the members, each for its variables.

        Raises:
            InvalidInput: It was made for another number of variables.
        """
        if len(var_list) != len(self._assigned):
            raise InvalidInput(
                f"The optimizer was made for {len(self._assigned)} trainable variables. Make it "
                "again, with keras_lr.optimizers.per_layer(..., model=model), after layer.trainable "
                f"has changed or the model has. Received: {len(var_list)} variables."
            )
        trained = []
        for variable, member in zip(var_list, self._assigned, strict=True):
            if member is not None:
                self._members_of[self._var_key(variable)] = self._inner_optimizers[member]
                trained.append(variable)
        super().build(trained)
        # Keras's trainers hand over all of the model's.
        object.__setattr__(self, "_trainable_variables", list(var_list))

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Update the variables.

        Raises:
            InvalidInput: A group has a schedule, and no `LearningRate` has laid it out.
        """
        # First: TensorFlow can't use variables that were built in a step which then failed.
        self._require_schedules()
        given = trainable_variables is not None
        if not self.built and given:
            with keras.name_scope(self.name, caller=self):
                self.build(list(trainable_variables))  # type: ignore[arg-type]
        variables = trainable_variables if given else self._trainable_variables
        pairs = [
            (gradient, variable)
            for gradient, variable in zip(grads, variables, strict=True)  # type: ignore[arg-type]
            if self._var_key(variable) in self._members_of
        ]
        if not any(gradient is not None for gradient, _ in pairs):
            self._filter_empty_gradients(*zip(*pairs, strict=True))  # raises, as for one optimizer
        still = {
            member.name: keras.ops.equal(member.learning_rate, 0)
            for member in self._inner_optimizers
            if member.name in self.group_schedules
        }
        held = [
            (variable, keras.ops.copy(variable), still[self._member_of(variable).name])
            for _, variable in pairs
            if self._member_of(variable).name in still
        ]
        with self._clipping(pairs, still):
            super().apply(*map(list, zip(*pairs, strict=True)))
        for variable, before, frozen in held:
            now = keras.ops.convert_to_tensor(variable)
            variable.assign(keras.ops.where(frozen, before, now))

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Let variables be their averages, where the members keep some."""
        if int(self._iterations.numpy()) == 0:
            return  # a fit that raised in its first step: the averages are still 0
        super().finalize_variable_values(
            [variable for variable in var_list if self._var_key(variable) in self._members_of]
        )

    def _require_schedules(self) -> None:
        for member in self._inner_optimizers:
            if member.name in self.group_schedules and not follows(member, GROUPS):
                raise InvalidInput(
                    f"The rate of {member.name!r} follows {self.group_schedules[member.name]}, which "
                    "keras_lr.LearningRate lays out over the run. Write "
                    "model.fit(..., callbacks=[keras_lr.LearningRate()]). In a loop of your own "
                    "give per_layer numbers only."
                )

    # -- one norm over all gradients --------------------------------------------------------------

    @contextlib.contextmanager
    def _clipping(
        self, pairs: Sequence[tuple[Any, Any]], still: Mapping[str, Any]
    ) -> Iterator[None]:
        """Let each member clip by the norm of all gradients, at the moment when it clips its own.

        So what is clipped is the accumulated gradient, where gradients are accumulated.
        """
        if not self.global_clipnorm:
            yield
            return
        # TensorFlow's replicas are threads that take turns inside `apply`, each with gradients of
        # its own, which it clips before they are summed: as in Keras's optimizers.
        thread = threading.get_ident()
        self._scales[thread] = self._scale(pairs, still)
        try:
            yield
        finally:
            del self._scales[thread]

    def _clip(self, gradients: Sequence[Any]) -> list[Any]:
        """What stands in the members for their own `_clip_gradients`."""
        scale = self._scales[threading.get_ident()]
        return [keras.ops.multiply(each, scale) for each in gradients]

    def _scale(self, pairs: Sequence[tuple[Any, Any]], still: Mapping[str, Any]) -> Any:
        """What brings the norm down to the limit, as Keras's `clip_by_global_norm` computes it."""
        ops, limit = keras.ops, float(self.global_clipnorm)  # type: ignore[arg-type]
        squares = []
        for gradient, variable in pairs:
            if gradient is None or getattr(variable, "overwrite_with_gradient", False):
                continue
            member = self._member_of(variable)
            square = ops.sum(ops.square(self._averaged(gradient, variable, member)))
            frozen = still.get(member.name)
            squares.append(square if frozen is None else ops.where(frozen, 0.0, square))
        norm = ops.sqrt(ops.sum(ops.stack(squares)))
        # The second term is 0, or NaN where the norm is no finite number, as it then should be.
        return limit * ops.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)

    def _averaged(self, gradient: Any, variable: Any, member: Any) -> Any:
        """The gradient as the member will use it at an update."""
        if self.loss_scale_factor is not None:
            gradient = gradient / self.loss_scale_factor
        steps = member.gradient_accumulation_steps
        if not steps:
            return gradient
        so_far = member._accumulated_gradients[member._get_variable_index(variable)]
        return keras.ops.add(gradient, so_far) / steps

    # -- as data ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Plain data: the members' configs, who trains what, and the schedules."""
        serialized = [keras.saving.serialize_keras_object(each) for each in self._inner_optimizers]
        return {
            "members": serialized,
            "assigned": list(self._assigned),
            "group_schedules": {
                name: serialize(each) for name, each in self.group_schedules.items()
            },
            "global_clipnorm": self.global_clipnorm,
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> "PerLayer":
        """What `get_config` describes."""
        members = [
            keras.saving.deserialize_keras_object(each, custom_objects=custom_objects)
            for each in config["members"]
        ]
        schedules = config["group_schedules"].items()
        decoded = {name: deserialize(each) for name, each in schedules}
        return cls(**{**config, "members": members, "group_schedules": decoded})
