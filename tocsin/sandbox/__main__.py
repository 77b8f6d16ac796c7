"""`python -m tocsin.sandbox`: the local SendGrid, Twilio and inbox, until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.journal import JournalDamagedError
from tocsin.sandbox.server import Sandbox, SandboxStartError
from tocsin.sandbox.signing import PUBLIC_KEY_NAME, EventKeyError

DEFAULT_PORT = 8025
DEFAULT_KEY_FILE = Path(".tocsin/sandbox/events-private-key.pem")


def parser() -> argparse.ArgumentParser:
    """The command line; a flag that is not given leaves `SandboxConfig`'s default."""
    flags = argparse.ArgumentParser(
        prog="python -m tocsin.sandbox",
        description="A local SendGrid, Twilio and inbox, with a web page. No mail, text or call leaves it.",
        argument_default=argparse.SUPPRESS,
    )
    flags.add_argument("--host", help="address to listen on; loopback unless told otherwise")
    flags.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="default: %(default)s; 0 takes a free one"
    )
    flags.add_argument("--events-url", help="where SendGrid's signed events are posted")
    flags.add_argument("--inbound-sms-url", help="where replies to SMS are posted")
    flags.add_argument("--inbound-call-url", help="where people's calls are answered")
    flags.add_argument("--account-sid", help="Twilio account: AC and 32 hexadecimal digits")
    flags.add_argument("--auth-token", help="Twilio auth token: opens the API and signs callbacks")
    flags.add_argument("--api-key", help="SendGrid API key")
    flags.add_argument("--number", help="own number (E.164) for people who text first")
    flags.add_argument(
        "--event-key",
        dest="event_key_file",
        type=Path,
        default=DEFAULT_KEY_FILE,
        help=f"PEM file of the key that signs events, made when absent, with {PUBLIC_KEY_NAME} beside it; "
        "default: %(default)s",
    )
    flags.add_argument("--ring-seconds", type=float, help="how long a phone rings")
    flags.add_argument("--delivery-delay", type=float, help="seconds between two states of an email or SMS")
    flags.add_argument(
        "--state", dest="state_file", type=Path, help="JSONL file: the page survives a restart"
    )
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the exit status."""
    try:
        sandbox = Sandbox(SandboxConfig(**vars(parser().parse_args(arguments))))
        asyncio.run(sandbox.serve(announce=lambda url: print(f"sandbox on {url}", flush=True)))
    except (ValidationError, SandboxStartError, EventKeyError, JournalDamagedError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
