"""The mailbox between tasks and the driver: an actor that holds posts until they are answered."""

import asyncio
from typing import Any


class Mailbox:
    """Tasks post and wait; the driver collects what has arrived and answers.

    Everything runs on the actor's event loop, so nothing needs a lock. It lives as long as the
    driver: a task whose driver died is ended by Ray.
    """

    def __init__(self) -> None:
        self._arrived = asyncio.Event()
        self._posts: list[tuple[int, int, str, Any]] = []
        self._waiting: dict[int, asyncio.Future] = {}
        self._count = 0

    async def post(self, task: int, kind: str, content: Any) -> Any:
        """Leave a message for the driver, and wait for its answer.

        Args:
            task: Number of the task.
            kind: What it is: "epoch" or "end".
            content: Plain data.
        """
        self._count += 1
        number = self._count
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._posts.append((number, task, kind, content))
        self._arrived.set()
        return await answer

    async def collect(self) -> list[tuple[int, int, str, Any]]:
        """Everything that has arrived since the last time; waits until there is something."""
        await self._arrived.wait()
        self._arrived.clear()
        posts, self._posts = self._posts, []
        return posts

    async def answer(self, answers: dict[int, Any]) -> None:
        """Answer posts, by their numbers."""
        for number, content in answers.items():
            future = self._waiting.pop(number, None)
            if future is not None and not future.done():
                future.set_result(content)
