"""Reading what describes a deployment: docker-compose.yml and .env files."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OWN_SECRETS = {"POSTGRES_PASSWORD", "TOCSIN_INGEST_TOKENS", "TOCSIN_CODEC_TOKENS", "TOCSIN_SIGNING_KEYS"}
"""What every installation makes for itself, besides the keys that it encrypts with."""

Services = dict[str, dict[str, Any]]
Script = Callable[[], subprocess.CompletedProcess[str]]


def settings_in(env_file: Path) -> dict[str, str]:
    lines = env_file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def flags_of(service: dict[str, Any]) -> dict[str, str]:
    """The `--name=value` words of a service's command."""
    return dict(word.split("=", 1) for word in service["command"] if word.startswith("--"))


def variables(text: str) -> dict[str, str]:
    """Every `${NAME…}` in `text`, with what follows the name: `:-default`, `:?message` or nothing."""
    return dict(re.findall(r"\$\{([A-Z0-9_]+)([^}]*)\}", text))


def filled(text: str, given: dict[str, str]) -> str:
    """`text` with its variables put in, as Docker Compose does it; raises `LookupError` where it would refuse to."""

    def value(name: str, otherwise: str) -> str:
        if otherwise.startswith(":?") and not given.get(name):
            raise LookupError(f"{name}: {otherwise.removeprefix(':?')}")
        return given.get(name) or otherwise.removeprefix(":").removeprefix("-")

    return re.sub(r"\$\{([A-Z0-9_]+)([^}]*)\}", lambda found: value(found[1], found[2]), text)
