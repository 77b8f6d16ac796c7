"""Every version of every plan that was ever loaded, as canonical JSON under the SHA-256 of itself."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tocsin.domain.plan import Plan
from tocsin.files import write_whole

_log = logging.getLogger(__name__)


class PlanStore:
    """The folder that holds the versions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, Plan] = {}

    def keep(self, hash: str, content: bytes) -> None:
        """Keep a version. A disk that refuses is logged: the plan is in memory, and history has every pinned one."""
        path = self._path(hash)
        try:
            if not path.exists():
                write_whole(path, content)
        except OSError as error:
            _log.error("the plan %s is not kept: %s", path, error)

    def find(self, hash: str) -> Plan | None:
        """The version with this hash; `None` when it was never kept, or is not what its hash says any more."""
        if hash not in self._found:
            plan = self._read(self._path(hash), hash) if hash.isalnum() else None
            if plan is None:
                return None
            self._found[hash] = plan
        return self._found[hash]

    def content(self, hash: str) -> bytes | None:
        """The bytes of a version, as they were kept; `None` when they are lost. Raises `OSError`."""
        try:
            return self._path(hash).read_bytes()
        except FileNotFoundError:
            return None

    def _read(self, path: Path, hash: str) -> Plan | None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.error("the kept plan %s can't be read: %s", path, error)
            return None
        if hashlib.sha256(content).hexdigest() != hash:
            _log.error("the kept plan %s was changed: its content does not have that hash", path)
            return None
        return _understood(path, json.loads(content))

    def _path(self, hash: str) -> Path:
        return self._folder / f"{hash}.json"


def _understood(path: Path, content: dict[str, Any]) -> Plan | None:
    try:
        return Plan.model_validate(content["plan"])
    except ValidationError as error:
        _log.error("the kept plan %s was written by another version of Tocsin: %s", path, error)
        return None
