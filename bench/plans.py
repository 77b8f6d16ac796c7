"""The plans that are measured: the shipped ones, but for one rule.

Whoever gets more than a few messages within a minute gets the rest of them together, in one (`paging.digest`). Every
page of a benchmark is for the same person, and each has to be timed, so nothing is held back here. It is counted all
the same, as always, which costs more the more there is to count.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ruamel.yaml import YAML

NEVER = 1_000_000
"""Messages within a minute: more than any machine sends."""


def copy_undigested(plans: Path, folder: Path) -> Path:
    """Copy the folder of plans to `folder`, where no digests are made; `folder`."""
    shutil.copytree(plans, folder)
    for path in folder.glob("*/plan.yaml"):
        _stop_digests(path)
    return folder


def _stop_digests(path: Path) -> None:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    plan = yaml.load(path)
    plan.setdefault("paging", {})["digest"] = {"over": NEVER, "per": "PT1M"}
    yaml.dump(plan, path)
