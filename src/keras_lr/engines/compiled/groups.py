"""The groups of a study: made when a wave needs them, kept while they are likely to come again."""

from collections.abc import Callable, Collection, Sequence
from typing import Any
from weakref import WeakValueDictionary

from keras_lr.engines.compiled.feed import Feed
from keras_lr.engines.compiled.group import Group
from keras_lr.engines.trial import Job

KEPT = 16
"""Groups that are kept at most. A wave has sixteen trials, so as many structures as it can have may
come again wave after wave without being compiled again."""

KEPT_BYTES = 2**30
"""Bytes that the states of all groups' models may have together before others are let go, and none
is made ahead: each is on the device, where lanes need the room."""

TOLD = 4
"""Plans that are told of in the one line that `plan` is."""

Entry = Group | Exception | None


class Groups:
    """What is known of each structure: its group, or why no trial of it can be trained.

    `None` stands for a structure whose trials are left to `fit`; these are never forgotten.

    Attributes:
        entries: By structure; the last ones are forgotten last.
    """

    def __init__(self) -> None:
        self.entries: dict[Any, Entry] = {}
        # Groups hold their feed; one that no group has any more goes with what it keeps.
        self._feeds: WeakValueDictionary[Any, Feed] = WeakValueDictionary()
        self._structures: set[Any] = set()
        self._plans: dict[str, None] = {}
        self._seconds = 0.0
        self._forgotten = 0

    def __contains__(self, key: Any) -> bool:
        return key in self.entries

    def __getitem__(self, key: Any) -> Entry:
        return self.entries[key]

    def __setitem__(self, key: Any, entry: Entry) -> None:
        self.entries[key] = entry
        self._structures.discard(key)

    def make(self, key: Any, job: Job, make: Callable[[Feed | None], Group]) -> Group:
        """A new group, on the feed of others that are given batches of the same size.

        Args:
            key: Its structure.
            job: Its job.
            make: Makes the group, on a feed of its own where it is given none.
        """
        group = self.entries[key] = make(self._feeds.get(job.batch_size))
        self._feeds[job.batch_size] = group.feed
        self._structures.add(key)
        return group

    def need(self, keys: Sequence[Any]) -> None:
        """Take note of what a wave still needs: others are forgotten before.

        Args:
            keys: Its structures. The one that is needed first is forgotten last.
        """
        for key in reversed(keys):
            if key in self.entries:
                self.entries[key] = self.entries.pop(key)

    def forget(self, used: Collection[Any]) -> bool:
        """Let go of structures that weren't needed for long.

        Args:
            used: Those that stay whatever their size.

        Returns:
            Whether there is room for one more.
        """
        held, stay = 0, 0
        for key, entry in reversed(list(self.entries.items())):
            if entry is None:
                continue
            size = entry.state_bytes if isinstance(entry, Group) else 0
            if key in used or (stay < KEPT and held + size <= KEPT_BYTES):
                stay, held = stay + 1, held + size
            else:
                self._let_go(key)
        return held <= KEPT_BYTES

    def leave_only(self, key: Any) -> bool:
        """Let go of all groups but one; whether there were any."""
        others = [k for k, e in self.entries.items() if k != key and isinstance(e, Group)]
        for other in others:
            self._let_go(other)
        return bool(others)

    def tidy(self) -> None:
        """Have JAX forget what it knows of structures that were let go; between two waves.

        Building and tracing a small model leaves several MiB in JAX's own caches, which can only
        be emptied all at once. Whatever else is used again is traced anew, so this is seldom done.
        """
        import jax

        if self._forgotten >= KEPT:
            jax.clear_caches()
            self._forgotten = 0

    def describe(self) -> str:
        """Programs, compilation, plans; empty where nothing was compiled."""
        plans, seconds = dict(self._plans), self._seconds
        for entry in self.entries.values():
            if isinstance(entry, Group):
                seconds += entry.runner.compile_seconds
                if entry.planner is not None:
                    plans[entry.planner.describe()] = None
        count = len(self._structures)
        if not count:
            return ""
        programs = "1 program" if count == 1 else f"{count} programs"
        told = list(plans)[:TOLD] + [f"{len(plans) - TOLD} more"] * (len(plans) > TOLD)
        return f"{programs}, compiled in {seconds:.1f} s; {' | '.join(told)}"

    def _let_go(self, key: Any) -> None:
        """Forget a structure, but not what is told of it."""
        entry = self.entries.pop(key)
        self._forgotten += 1
        if isinstance(entry, Group):
            self._seconds += entry.runner.compile_seconds
            if entry.planner is not None:
                self._plans[str(entry.planner.current)] = None
