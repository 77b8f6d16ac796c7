"""From the alert to the acknowledgement, as people see it: a phone rings in the browser, and Temporal's UI knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.scenes import PATIENCE, answer_the_phone, open_details, open_history, open_incident
from tests.e2e.conftest import lighthouse_stack
from tests.e2e.outside import KIT, running_stack
from tests.e2e.payloads import lamp_is_out
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SPEED = 30
"""The five minutes that the keeper has for the text message are ten seconds."""


@pytest.fixture(scope="module")
def house(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack; started before the browser, see conftest."""
    with running_stack(lighthouse_stack(tmp_path_factory.mktemp("browser"), SPEED)) as stack:
        yield stack


@pytest.fixture(scope="module")
def browser(house: Stack, chromium_path: str) -> Iterator[Browser]:
    with chromium.opened(chromium_path) as browser:
        yield browser


@pytest.fixture
def play(house: Stack) -> Iterator[Play]:
    with closing(Play(house)) as play:
        yield play


def test_the_phone_is_answered_in_the_browser_and_the_incident_shows_it_in_the_temporal_ui(
    house: Stack, play: Play, page: Page
) -> None:
    workflow = play.alert(lamp_is_out())["workflow"]

    call = answer_the_phone(page, house)
    expect(call).to_contain_text(KIT)
    expect(call).to_contain_text("taken by a person")
    expect(page.get_by_role("region", name="Phones")).to_contain_text("lamp 1 is out")

    open_incident(page, house, workflow)
    promise = open_details(page).get_by_role("row").filter(has_text="A keeper is summoned")
    expect(promise).to_contain_text("met")
    expect(promise).to_contain_text("acknowledged by @kit (by phone)")

    open_history(page)
    expect(page.get_by_text("place_call").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Workflow Execution Update Completed").first).to_be_visible()
