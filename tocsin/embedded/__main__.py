"""`python -m tocsin.embedded demo | up`: what `make demo` and `make up` run."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from tocsin.embedded.demo import demo
from tocsin.embedded.processes import StartError
from tocsin.embedded.stack import Stack
from tocsin.settings import environment
from tocsin.temporal import TemporalUnavailable

STATE = Path(".tocsin")


def up() -> int:
    """Start everything and stay, until Ctrl-C; what is open then is there again the next time."""
    stack = Stack(STATE.absolute(), environment())
    stack.start()
    try:
        print(_welcome(stack), flush=True)
        return _wait_until_one_fails(stack)
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


def _wait_until_one_fails(stack: Stack) -> int:
    while (name := stack.processes.failed()) is None:
        time.sleep(0.5)
    print(f"{name} has ended by itself; its log is {stack.state / 'logs' / f'{name}.log'}", file=sys.stderr)
    return 1


def main(arguments: Sequence[str]) -> int:
    """Run one of the two; the exit status."""
    commands: dict[str, Callable[[], int]] = {"demo": demo, "up": up}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(f"usage: python -m tocsin.embedded {'|'.join(commands)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return commands[arguments[0]]()
    except (StartError, TemporalUnavailable) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the Temporal SDK's threads can crash an ordinary exit after the work is done
