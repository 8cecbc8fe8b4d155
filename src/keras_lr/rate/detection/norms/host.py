"""Norms that are measured in Python between a step's operations: torch."""

import importlib
from typing import Any

import numpy as np

from keras_lr.rate.detection.norms.norms import Measured, Norms


class HostNorms(Norms):
    """In Python between a step's operations: torch. Nothing waits for an accelerator."""

    def _make(self) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._last: tuple[Any, Any] | None = None
        self._wanted = False
        self._held: list[Any] = []

    def turn(self, on: bool) -> list[Any]:
        """Measure the updates to come, or don't; the variables that have to hold which."""
        self._wanted = on
        return []

    def measured(self) -> Measured | None:
        """The last measurement; `None` before the first."""
        if self._last is None:
            return None
        at, norms = self._last
        return Measured(int(at), np.square(norms.cpu().numpy().astype(np.float64)))

    def _begin(self) -> None:
        if self._wanted and self._changes:
            with self._torch.no_grad():
                self._held = [weight.value.detach().clone() for weight in self._weights]

    def _end(self, gradients: list[Any], index: list[int]) -> None:
        if not self._wanted:
            return
        torch = self._torch
        with torch.no_grad():
            now = [weight.value.detach().float() for weight in self._weights]
            given = [each.value if hasattr(each, "value") else each for each in gradients]
            found = torch._foreach_norm([each.float() for each in given])
            zero = torch.zeros((), device=now[0].device)
            rows = [zero] * len(now)
            for i, norm in zip(index, found, strict=True):
                rows[i] = norm
            changes = [zero] * len(now)
            if self._held:
                away = torch._foreach_sub(now, [each.float() for each in self._held])
                changes = torch._foreach_norm(away)
            parts = [rows, torch._foreach_norm(now), changes]
            at = self.leaf._iterations.value.detach() + 1  # another tensor, which waits for nothing
            self._last = at, torch.stack([torch.stack(list(part)) for part in parts])
        self._held = []
