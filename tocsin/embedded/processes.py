"""Child processes that are started in order, waited for until they answer, and ended in the opposite order."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

START_TIMEOUT = 60.0
STOP_TIMEOUT = 40.0
"""Longer than the worker's own grace."""


class StartError(Exception):
    """A process did not come up; the text says which, where its log is, and how it ended."""


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether somebody listens on this loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether a GET is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 — loopback URLs of our own
            return bool(answer.status < 300)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


class Processes:
    """Starts child processes and, whatever happens, leaves none running."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._logs.mkdir(parents=True, exist_ok=True)
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        is_ready: Callable[[], bool],
    ) -> subprocess.Popen[bytes]:
        """Start one process and wait until it is ready. Raises `StartError`."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            # In a session of its own, so that Ctrl-C reaches us alone and the order of the ends is ours.
            process = subprocess.Popen(  # noqa: S603 — our own programs, never a shell
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append((name, process))
        self._wait_for(name, process, is_ready, log)
        return process

    def _wait_for(
        self, name: str, process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path
    ) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not is_ready():
            if process.poll() is not None:
                raise StartError(f"{name} ended with {process.returncode}; its log is {log}:\n{_tail(log)}")
            if time.monotonic() > deadline:
                raise StartError(f"{name} does not answer after {START_TIMEOUT:.0f} s; its log is {log}")
            time.sleep(0.1)

    def tail(self, name: str) -> str:
        """The last lines of a process's log."""
        return _tail(self._logs / f"{name}.log")

    def failed(self) -> str | None:
        """The name of a process that has ended by itself, if any."""
        return next((name for name, process in self._running if process.poll() is not None), None)

    def forget(self, name: str) -> None:
        """Take a process that has ended off the list, so that it can be started again."""
        self._running = [entry for entry in self._running if entry[0] != name]

    def kill(self, name: str) -> None:
        """End the newest process of that name at once, and forget it. Raises `KeyError` when there is none."""
        for entry in reversed(self._running):
            if entry[0] == name:
                entry[1].kill()
                entry[1].wait()
                self._running.remove(entry)
                return
        raise KeyError(name)

    def stop(self) -> None:
        """End them all, the newest first; what does not end in time is killed."""
        while self._running:
            _, process = self._running.pop()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
