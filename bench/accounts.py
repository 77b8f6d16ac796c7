"""A stand with two accounts at Twilio, of which the first can die."""

from __future__ import annotations

import sys

from tocsin.embedded.processes import answers, free_port
from tocsin.embedded.stack import Stack

FIRST = "first-account"
"""The process behind the first account."""

_SID, _TOKEN, _NUMBER = "AC" + "1" * 32, "the-first-account's", "+15005550007"


class TwoAccounts(Stack):
    """The first account is a sandbox of its own; the second is the sandbox that is everybody's mail vendor, too."""

    def __post_init__(self) -> None:
        """Find a port for the first account."""
        super().__post_init__()
        self._port = free_port()

    @property
    def first_url(self) -> str:
        """Where the first account is."""
        return f"http://127.0.0.1:{self._port}"

    def child_environment(self) -> dict[str, str]:
        """The usual one, whose account comes second."""
        usual = super().child_environment()
        names = ("ACCOUNT_SID", "AUTH_TOKEN", "FROM", "API_URL")
        first = dict(zip(names, (_SID, _TOKEN, _NUMBER, self.first_url), strict=True))
        return {
            **usual,
            **{f"TWILIO_{name}": value for name, value in first.items()},
            **{f"TWILIO_2_{name}": usual[f"TWILIO_{name}"] for name in names},
        }

    def start(self) -> None:
        """Start everything. Raises `StartError`."""
        super().start()
        self.start_first_account()

    def start_first_account(self) -> None:
        """Start it, or start it again, with what it had taken before."""
        folder = self.state / FIRST
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "tocsin.sandbox", "--port", str(self._port)),
            *("--account-sid", _SID, "--auth-token", _TOKEN, "--number", _NUMBER),
            *("--event-key", str(folder / "key.pem"), "--state", str(folder / "inbox.jsonl")),
        ]
        self.processes.start(FIRST, command, self.environment, lambda: answers(f"{self.first_url}/healthz"))

    def kill_first_account(self) -> None:
        """End it at once: whoever wants to connect from now on is refused."""
        self.kill(FIRST)
