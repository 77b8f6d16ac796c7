"""The plans that are measured: the shipped ones, but for one rule.

Whoever gets more than a few messages within a minute gets the rest of them together, in one (`paging.digest`). Every
page of a benchmark is for the same person, and each has to be timed, so nothing is held back here. What they got lately
is noted before each page all the same.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ruamel.yaml import YAML

NEVER = 1_000
"""Messages within a second: more than any machine sends."""


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
    plan.setdefault("paging", {})["digest"] = {"over": NEVER, "per": "PT1S"}
    yaml.dump(plan, path)
