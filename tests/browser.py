"""A headless Chromium that the tests of pages drive, over Chrome's own protocol on two pipes.

One process serves all tests; each page gets a tab of its own.
"""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 60.0
"""Seconds to wait for an answer, which comes in a fraction of one unless something is wrong."""


class Browser:
    """Chromium, and the messages to and from it."""

    def __init__(self, folder: Path) -> None:
        said, heard = os.pipe(), os.pipe()
        arguments = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
            f"--user-data-dir={folder}", "about:blank",
        ]  # fmt: skip
        # Chromium reads from descriptor 3 and writes to 4; a shell puts ours there.
        redirected = f'exec "$0" "$@" 3<&{said[0]} 4>&{heard[1]}'
        self.process = subprocess.Popen(
            ["bash", "-c", redirected, *map(str, arguments)],
            pass_fds=(said[0], heard[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(said[0])
        os.close(heard[1])
        self._out, self._in, self._rest = said[1], heard[0], b""
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Ask, and wait for the answer; what happens meanwhile is kept in `events`."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self._next(end)
            if answer.get("id") != number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]
        raise TimeoutError(method)

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            found = os.read(self._in, 1 << 20) if ready else b""
            if not found:
                raise TimeoutError("Chromium says nothing")
            self._rest += found
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, path: Path, **settings: Any) -> "Tab":
        """A page in a tab of its own."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, target, session, path, **settings)

    def close(self) -> None:
        """End the process."""
        try:
            self.send("Browser.close")
            self.process.wait(20)
        except (TimeoutError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self._out)
        os.close(self._in)


class Tab:
    """A page as a reader has it: its size, its colours, its keys and its pointer."""

    def __init__(
        self,
        browser: Browser,
        target: str,
        session: str,
        path: Path,
        *,
        width: int = 1000,
        height: int = 900,
        dark: bool = False,
        blocked: tuple[str, ...] = (),
    ) -> None:
        self.browser, self.target, self.session = browser, target, session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        if blocked:
            self.send("Network.setBlockedURLs", urls=list(blocked))
        self.look(width=width, height=height, dark=dark)
        self.send("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def look(self, *, width: int = 1000, height: int = 900, dark: bool = False) -> None:
        """Another window, or other colours."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = "dark" if dark else "light"
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media="", features=features)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask this page."""
        return self.browser.send(method, self.session, **params)

    def run(self, script: str) -> Any:
        """What a line of JavaScript gives, as JSON does."""
        got = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in got:
            raise RuntimeError(f"{script}: {got['exceptionDetails']}")
        return got["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until a line of JavaScript is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            if time.monotonic() > end:
                raise TimeoutError(condition)
            time.sleep(0.02)

    def point(self, x: float, y: float) -> None:
        """Move the pointer there."""
        self.send("Page.bringToFront")
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        code = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}[key]
        told = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.send("Page.bringToFront")
        if key == "Enter":
            self.send("Input.dispatchKeyEvent", type="keyDown", text="\r", **told)
        else:
            self.send("Input.dispatchKeyEvent", type="rawKeyDown", **told)
        self.send("Input.dispatchKeyEvent", type="keyUp", **told)

    def screenshot(self, path: Path, *, whole: bool = True) -> Path:
        """The page as a picture, all of its length or what the window shows."""
        got = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(got["data"]))
        return path

    def pdf(self) -> bytes:
        """The page as it is printed."""
        got = self.send("Page.printToPDF", preferCSSPageSize=True)
        return base64.b64decode(got["data"])

    def heard(self, method: str) -> list[dict[str, Any]]:
        """What this page has told of one kind, e.g. `Network.requestWillBeSent`."""
        self.run("0")  # what is on its way comes before the answer
        mine = [e for e in self.browser.events if e.get("sessionId") == self.session]
        return [event["params"] for event in mine if event["method"] == method]

    def complaints(self) -> list[str]:
        """Errors and warnings: of the console, of scripts that broke, of what couldn't be loaded."""
        found = [
            str(call["args"])
            for call in self.heard("Runtime.consoleAPICalled")
            if call["type"] in ("error", "warning", "assert")
        ]
        found += [str(each["exceptionDetails"]) for each in self.heard("Runtime.exceptionThrown")]
        entries = [each["entry"] for each in self.heard("Log.entryAdded")]
        return found + [e["text"] for e in entries if e["level"] in ("error", "warning")]

    def close(self) -> None:
        """Close the tab."""
        self.browser.send("Target.closeTarget", targetId=self.target)
