"""The email of a page carries its code, and a link with which its reader answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.office import library_of_the_harbour
from tocsin.asking import Asking
from tocsin.domain.channel import Email
from tocsin.domain.messages import Dispatch
from tocsin.domain.proving import page_matter
from tocsin.domain.state import PlanPin, Target
from tocsin.library import PlanLibrary
from tocsin.proofs import Proofs
from tocsin.rendering import Templates
from tocsin.signing import SigningKeys
from tocsin.tokenregister import TokenRegister
from tocsin.wordings import WordingStore

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
URL = "https://tocsin.example/behind-a-proxy"
LINK = re.compile(rf"{URL}/v1/pages/([\w.-]+)")


class Writer:
    """Writes the email of a page to Ana, who is the pilot."""

    def __init__(self, folder: Path, keys: str) -> None:
        self.library = PlanLibrary(library_of_the_harbour(folder), folder / "state")
        self.proofs = Proofs(
            SigningKeys.parse(keys, "the test"), TokenRegister(folder / "state"), lambda: NOON
        )
        asking = Asking(self.library, self.proofs, WordingStore(folder / "state"), URL)
        self.templates = Templates(self.library, URL, "bell@example.com", asking)

    def writes(self, **changes: object) -> Email:
        dispatch = Dispatch(
            **{
                "message": "7F3K2ABCDE-m1",
                "workflow": "incident-7F3K2ABCDE",
                "incident": "7F3K2ABCDE",
                "reference": "7F3K2",
                "plan": PlanPin(name="harbour", hash="0" * 64),
                "channel": "email",
                "template": "page",
                "purpose": "page",
                "target": Target(role="pilot"),
                "is_drill": False,
                "is_for_outsiders": False,
                "subject": "A pilot is summoned",
                "text": "",
                "code": "7F3K2-2",
                "page": 2,
                "title": "The wind rises",
                "severity": "Gale",
                "status": "open",
                "phase": "1 immediate action",
                "customer": None,
                "created": NOON,
                **changes,
            }
        )
        ana = self.library.directory("harbour").people["ana"]
        return self.templates.email(dispatch, ana, "ana@example.com").message


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path, "k1:" + "s" * 32)


def test_the_email_of_a_page_has_its_code_and_a_link_for_its_reader_alone(writer: Writer) -> None:
    email = writer.writes()

    assert "tocsin ack 7F3K2-2" in email.text
    in_text, in_html = LINK.search(email.text), LINK.search(email.html)
    assert in_text is not None
    assert in_html is not None
    assert in_text[1] == in_html[1]
    claim = writer.proofs.read_link(in_text[1])
    assert (claim.person, claim.workflow) == ("ana", "incident-7F3K2ABCDE")
    assert claim.matter == page_matter("harbour", "7F3K2ABCDE", 2)
    assert claim.expires == NOON + timedelta(hours=24)


def test_without_signing_keys_the_page_goes_out_without_a_link(tmp_path: Path) -> None:
    email = Writer(tmp_path, "").writes()

    assert "tocsin ack 7F3K2-2" in email.text
    assert not LINK.search(email.text)


def test_what_is_no_page_has_no_link(writer: Writer) -> None:
    email = writer.writes(page=None, code="", template="notice", purpose="notice")

    assert not LINK.search(email.text + email.html)
