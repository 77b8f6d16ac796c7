"""An environment may hold anything at all: it is read, or what is wrong with it is said."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.fuzz.strangers import ODD_TEXTS, ROUNDS, let
from tests.fuzz.test_formats import assert_temporal_can_have_it
from tests.ingest.formats.test_scripts import HOST_DOWN, ICINGA, PROBLEM, RECOVERY
from tests.ingest.harbour import NOON
from tocsin.ingest.formats.scripts import SCRIPTS
from tocsin.ingest.intake import NoPlanMatches, alert_of
from tocsin.ingest.problems import Problem
from tocsin.library import PlanLibrary
from tocsin.sources import Origin

MONIT = {"MONIT_HOST": "quay-1", "MONIT_SERVICE": "lamp", "MONIT_EVENT": "Does not exist"}
TOLD = {"nagios": [PROBLEM, RECOVERY, HOST_DOWN], "icinga": [ICINGA], "monit": [MONIT]}
TYPES = ["PROBLEM", "RECOVERY", "ACKNOWLEDGEMENT", "FLAPPINGSTART", "DOWNTIMEEND", "CUSTOM"]

BYTES = st.binary(max_size=60).map(lambda raw: os.fsdecode(raw.replace(b"\x00", b"")))
WORDS = st.text(max_size=40) | BYTES | st.sampled_from([*ODD_TEXTS, *TYPES, "$HOSTNAME$", "$$", "nan"])


def told(monitor: str) -> st.SearchStrategy[dict[str, Any]]:
    """What the monitor says, of which a few things are otherwise, and one is missing."""
    names = sorted(
        {name for said in TOLD[monitor] for name in said} | {"LABEL_customer", "LABEL_", "HOSTNAME"}
    )
    prefix = SCRIPTS[monitor].prefix
    other = st.dictionaries(st.sampled_from(names) | WORDS.map(prefix.__add__), WORDS, max_size=5)
    gone = st.sampled_from([*names, ""])

    def mixed(said: dict[str, str], other: dict[str, str], gone: str) -> dict[str, str]:
        return {name: value for name, value in {**said, **other}.items() if name != gone}

    return st.builds(mixed, st.sampled_from([*TOLD[monitor], {}]), other, gone)


@pytest.mark.parametrize("many", ROUNDS)
@pytest.mark.parametrize("monitor", SCRIPTS)
def test_an_environment_of_any_kind_is_read_or_refused(monitor: str, library: PlanLibrary, many: int) -> None:
    origin = Origin(source=monitor, format=monitor)

    def come(said: dict[str, str]) -> None:
        with suppress(Problem, NoPlanMatches):
            assert_temporal_can_have_it(alert_of(SCRIPTS[monitor].read(said), library, NOON, origin))

    let(told(monitor), many, come)
