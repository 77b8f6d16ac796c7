"""`python -m tocsin.embedded demo | up`: what `make demo` and `make up` run."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from tocsin.embedded.demo import demo
from tocsin.embedded.processes import StartError
from tocsin.embedded.stack import Stack
from tocsin.settings import SettingsError, environment
from tocsin.temporal import TemporalUnavailable, leave

STATE = Path(".tocsin")

RESTARTS_A_MINUTE = 3
"""How often a process may end by itself before all is given up."""


def up() -> int:
    """Start everything and stay, until Ctrl-C; what is open then is there again the next time."""
    stack = Stack(STATE.absolute(), environment())
    stack.start()
    try:
        print(_welcome(stack), flush=True)
        return _keep_alive(stack)
    except KeyboardInterrupt:
        print("\nstopping; open incidents go on when you `make up` again", flush=True)
        return 0
    finally:
        stack.stop()


def _welcome(stack: Stack) -> str:
    example = "tocsin/ingest/examples/alertmanager.json"
    return f"""
Tocsin is up. Its state is in {stack.state}.

  Temporal UI   {stack.ui_url or "(your own server's)"}
  sandbox       {stack.sandbox_url}      inbox, phones and calls; answer them here
  receiver      {stack.receiver_url}      POST /v1/alertmanager

Try next, in another terminal:

  curl -s -H 'Content-Type: application/json' -d @{example} {stack.receiver_url}/v1/alertmanager
  .venv/bin/tocsin list
  .venv/bin/tocsin show REF      with the reference that the list shows

Ctrl-C ends it."""


def _keep_alive(stack: Stack) -> int:
    """Start again what ends by itself, until it does so too often."""
    ended: list[float] = []
    while True:
        time.sleep(0.5)
        name = stack.processes.failed()
        if name is None:
            continue
        ended = [moment for moment in ended if moment > time.monotonic() - 60] + [time.monotonic()]
        log = stack.state / "logs" / f"{name}.log"
        if len(ended) > RESTARTS_A_MINUTE:
            print(f"{name} ends again and again; its log is {log}. Incidents are kept.", file=sys.stderr)
            return 1
        print(f"{name} has ended; it is started again (its log: {log})", flush=True)
        stack.start_again(name)


def main(arguments: Sequence[str]) -> int:
    """Run one of the two; the exit status."""
    commands: dict[str, Callable[[], int]] = {"demo": demo, "up": up}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(f"usage: python -m tocsin.embedded {'|'.join(commands)}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job starts with SIGINT ignored
        signal.signal(number, _interrupt)
    try:
        return commands[arguments[0]]()
    except (StartError, SettingsError, TemporalUnavailable) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
