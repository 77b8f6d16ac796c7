"""A mail is shown as it looks, and can do nothing: it runs nothing, fetches nothing, and does not leave its frame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.elsewhere import Elsewhere
from tests.browser.vendors import Sender
from tocsin.sandbox.server import Sandbox

pytestmark = pytest.mark.slow


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as elsewhere:
        yield elsewhere


@pytest.fixture
def fetched(context: BrowserContext) -> list[str]:
    """Every address that answered the browser; what the policy blocks is not even asked."""
    fetched: list[str] = []
    context.on("response", lambda response: fetched.append(response.url))
    return fetched


@pytest.fixture
def inbox(page: Page, fetched: list[str], sandbox: Sandbox, elsewhere: Elsewhere) -> Page:
    """The page, with the dangerous mail open."""
    with Sender.to(sandbox) as sender:
        sender.mails("A dangerous mail", elsewhere.mail)
    page.goto(sandbox.url)
    expect(page.frame_locator("iframe").locator("#words")).to_have_text("The words of the mail.")
    return page


def settled(page: Page) -> None:
    """Two rounds of the page's own questions later, whatever a mail wanted to fetch would have been asked for."""
    for _ in range(2):
        with page.expect_response("**/sandbox/pulse"):
            pass


def test_the_mail_is_dangerous_indeed(page: Page, elsewhere: Elsewhere) -> None:
    page.goto(f"{elsewhere.url}/naked")
    page.wait_for_load_state("networkidle")

    assert page.title() == "taken over"
    assert {"/stylesheet", "/import", "/background", "/cover", "/fetch", "/script", "/script-src"} <= {
        *elsewhere.asked
    }
    assert {"/pixel", "/onerror", "/onload", "/video", "/frame", "/object", "/embed"} <= {*elsewhere.asked}


def test_it_runs_nothing_and_fetches_nothing(
    inbox: Page, fetched: list[str], sandbox: Sandbox, elsewhere: Elsewhere
) -> None:
    settled(inbox)

    assert elsewhere.asked == []
    ours = ("/", "/page.css", "/page.js", "/sandbox/pulse")
    assert {url for url in fetched if url.startswith("http")} <= {f"{sandbox.url}{path}" for path in ours}
    expect(inbox).to_have_title("Sandbox · Tocsin")


def test_it_covers_nothing_but_its_own_frame(inbox: Page) -> None:
    frame = inbox.locator("iframe").bounding_box()
    heading = inbox.get_by_role("heading", name="Calls")
    x, y = (heading.bounding_box()[side] for side in ("x", "y"))

    assert inbox.evaluate("([x, y]) => document.elementFromPoint(x + 2, y + 2).id", [x, y]) == "calls-title"
    assert frame["height"] < 400


def click_in_mail(page: Page, selector: str) -> None:
    """Click as a person would who does not see what covers it."""
    page.frame_locator("iframe").locator(selector).evaluate("element => element.click()")


@pytest.mark.parametrize("selector", ["#send", "#act", "#top", "#self", "#code"])
def test_what_is_clicked_in_it_does_not_leave_the_frame(
    inbox: Page, context: BrowserContext, sandbox: Sandbox, elsewhere: Elsewhere, selector: str
) -> None:
    click_in_mail(inbox, selector)
    settled(inbox)

    assert elsewhere.asked == []
    assert inbox.url == f"{sandbox.url}/"
    assert sandbox.messages("sms") == []
    assert context.pages == [inbox]


def test_an_honest_link_opens_beside_the_page_and_knows_nothing_of_it(
    inbox: Page, context: BrowserContext, elsewhere: Elsewhere
) -> None:
    with context.expect_page() as opened:
        click_in_mail(inbox, "#honest")

    opened.value.wait_for_load_state()
    assert elsewhere.asked[0] == "/honest"
    assert opened.value.evaluate("[opener, document.referrer]") == [None, ""]
    opened.value.close()
