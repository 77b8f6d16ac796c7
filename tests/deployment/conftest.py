"""The deployment as the repository describes it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.deployment.described import ROOT, Script, Services


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> Services:
    defined: Services = compose["services"]
    return defined


@pytest.fixture
def new_env(tmp_path: Path) -> Script:
    """Runs deploy/new-env.sh in a copy, so that it writes `tmp_path / ".env"`."""
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy/new-env.sh", tmp_path / "deploy")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return lambda: subprocess.run(["sh", script], capture_output=True, text=True, check=False)
