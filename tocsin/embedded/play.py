"""Acting out an incident through the doors that people use: the receiver, the CLI, the phone."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tocsin.embedded.stack import Stack

T = TypeVar("T")


class PlayError(Exception):
    """Something that should have happened did not; the text says what."""


class Play:
    """Speaks to a running stack as a monitor, as responders, and as people with phones — and says what it does."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._http = httpx.Client(timeout=10, trust_env=False)
        self._began = time.monotonic()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def say(self, text: str) -> None:
        """Print a line with the seconds since the beginning."""
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    def wait_for(self, what: str, find: Callable[[], T | None], seconds: float = 30) -> T:
        """Ask again and again until something is there. Raises `PlayError` when it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = find()
            if found:
                return found
            time.sleep(0.1)
        raise PlayError(f"waited {seconds:.0f} s in vain for {what}")

    # The monitor

    def alert(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Post an Alertmanager payload to the receiver, with its alerts starting now."""
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        for alert in payload["alerts"]:
            alert["startsAt"] = now
        answer = self._http.post(f"{self._stack.receiver_url}/v1/alertmanager", json=payload)
        if not answer.is_success:
            raise PlayError(f"the receiver answered {answer.status_code}: {answer.text}")
        body: dict[str, Any] = answer.json()
        return body

    # People with phones and inboxes

    def messages(self, kind: str = "", to: str = "") -> list[dict[str, Any]]:
        """What has arrived at the sandbox, oldest first."""
        wanted = {name: value for name, value in (("kind", kind), ("to", to)) if value}
        answer = self._http.get(f"{self._stack.sandbox_url}/sandbox/messages", params=wanted)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["messages"]
        return found

    def press(self, call: dict[str, Any], key: str) -> None:
        """Pick up a call and press a key."""
        url = f"{self._stack.sandbox_url}/sandbox/calls/{call['id']}/press"
        self._http.post(url, json={"digits": key}).raise_for_status()

    # Responders

    def tocsin(self, *words: str, person: str | None = None, quiet: bool = False) -> Any:
        """Run the real CLI as somebody and return what it prints as JSON. Raises `PlayError` on a refusal."""
        actor = ("--as", person) if person else ()
        if not quiet:
            self.say(f"$ tocsin {shlex.join((*words, *actor))}")
        command = [str(Path(sys.executable).with_name("tocsin")), *words, *actor, "--output", "json"]
        done = subprocess.run(  # noqa: S603 — our own program, never a shell
            command, env=self._stack.child_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise PlayError(f"tocsin {shlex.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def print_tocsin(self, *words: str) -> None:
        """Run the real CLI and show what a person sees."""
        print(f"\n$ tocsin {shlex.join(words)}", flush=True)
        command = [str(Path(sys.executable).with_name("tocsin")), *words]
        subprocess.run(command, env=self._stack.child_environment(), check=True)  # noqa: S603 — as above
