"""The sandbox's page, in a browser: what arrives is seen at once, and people answer by clicking or by keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.vendors import ANA, Sender
from tocsin.sandbox.server import Sandbox

pytestmark = pytest.mark.slow

LONG = "https://example.com/" + "averylongword" * 20


@pytest.fixture
def send(sandbox: Sandbox) -> Iterator[Sender]:
    with Sender.to(sandbox) as sender:
        yield sender


def test_inbox_phones_and_calls_stand_side_by_side_and_fill_without_a_reload(
    page: Page, sandbox: Sandbox, send: Sender
) -> None:
    page.goto(sandbox.url)
    for nothing in ("No mail yet.", "No text messages yet.", "No calls yet."):
        expect(page.get_by_text(nothing)).to_be_visible()
    page.evaluate("window.notReloaded = true")

    send.mails()
    send.texts()
    send.calls()

    expect(page.get_by_role("region", name="Inbox")).to_contain_text("Checkout is down")
    expect(page.get_by_role("region", name="Phones")).to_contain_text("Reply 7F3K2-1")
    expect(page.get_by_role("region", name="Calls")).to_contain_text("ringing")
    lefts = [
        page.get_by_role("region", name=name).bounding_box()["x"] for name in ("Inbox", "Phones", "Calls")
    ]
    assert lefts == sorted(set(lefts)), "they stand beside each other"
    assert page.evaluate("window.notReloaded")


def test_a_person_picks_up_and_presses_a_key(page: Page, sandbox: Sandbox, send: Sender) -> None:
    page.goto(sandbox.url)
    sid = send.calls()
    phone = page.get_by_role("form", name=f"Phone of {ANA}")

    phone.get_by_role("button", name="Pick up").click()
    calls = page.get_by_role("region", name="Calls")
    expect(calls).to_contain_text("in-progress")
    expect(calls.get_by_text("Press 1 to acknowledge.").first).to_be_visible()
    phone.get_by_role("button", name="Press 1").click()

    expect(calls).to_contain_text("pressed 1")
    expect(phone).to_have_count(0)
    assert sandbox.wait_for(lambda message: message.id == sid and not message.live).digits == ["1"]


def test_a_person_replies_by_text(page: Page, sandbox: Sandbox, send: Sender) -> None:
    send.texts()
    page.goto(sandbox.url)
    field = page.get_by_role("textbox", name=f"Reply as {ANA}")

    field.fill("7F3K2-1")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("listitem").filter(has_text="received")).to_contain_text("7F3K2-1")
    expect(field).to_have_value("")
    assert sandbox.messages("sms")[-1].text == "7F3K2-1"


def test_everything_can_be_done_with_the_keyboard_alone(page: Page, sandbox: Sandbox, send: Sender) -> None:
    send.calls()
    page.goto(sandbox.url)
    phone = page.get_by_role("form", name=f"Phone of {ANA}")

    tab_to(page, "Pick up")
    page.keyboard.press("Enter")
    expect(phone.get_by_role("button", name="Pick up")).to_have_count(0)
    expect(phone.get_by_role("button", name="Press 1")).to_be_focused()
    page.keyboard.press("Space")

    expect(page.get_by_role("region", name="Calls")).to_contain_text("pressed 1")


def tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    pytest.fail(f"the keyboard does not reach {name}")


def test_whoever_is_writing_is_not_disturbed_and_goes_on_where_they_were(
    page: Page, sandbox: Sandbox, send: Sender
) -> None:
    send.texts()
    page.goto(sandbox.url)
    field = page.get_by_role("textbox", name=f"Reply as {ANA}")
    field.press_sequentially("7F3")

    send.texts("A second message")
    send.mails(subject="The page has heard of it")
    expect(page.get_by_text("The page has heard of it").first).to_be_visible()
    field.press_sequentially("K2-1")
    page.keyboard.press("Enter")

    expect(page.get_by_text("A second message")).to_be_visible()
    expect(field).to_be_focused()
    assert sandbox.messages("sms")[-1].text == "7F3K2-1"


def test_the_newest_text_message_is_in_sight(page: Page, sandbox: Sandbox, send: Sender) -> None:
    page.goto(sandbox.url)
    for number in range(15):
        send.texts(f"Message {number}")

    expect(page.get_by_text("Message 14", exact=True)).to_be_in_viewport()


def test_every_control_has_a_name(page: Page, sandbox: Sandbox, send: Sender) -> None:
    send.mails()
    send.texts()
    send.calls()
    page.goto(sandbox.url)

    controls = page.locator("button:visible, input:visible, iframe:visible, summary:visible")
    names = controls.evaluate_all(
        "all => all.map(each => each.ariaLabel || each.title || each.textContent.trim())"
    )

    assert len(names) > 15
    assert all(names)
    expect(page).to_have_title("Sandbox · Tocsin")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_on_a_phone_nothing_runs_out_of_the_side_and_a_call_comes_first(
    browser: Browser, sandbox: Sandbox, send: Sender
) -> None:
    send.mails(subject=LONG, html=f'<table width="1200"><tr><td>{LONG}</td></tr></table>')
    send.texts(LONG)
    send.calls(say=LONG)
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto(sandbox.url)

    assert page.evaluate("document.documentElement.scrollWidth") == 375
    expect(page.get_by_role("button", name="Pick up")).to_be_in_viewport()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read_by_day_and_by_night(
    browser: Browser, sandbox: Sandbox, send: Sender, scheme: str
) -> None:
    send.mails()
    send.texts()
    sandbox.reply(ANA, "7F3K2-1")
    send.calls()
    sandbox.hang_up(send.calls())
    page = browser.new_page(color_scheme=scheme)
    page.goto(sandbox.url)

    faint = page.evaluate(CONTRASTS)

    assert [each for each in faint if each["ratio"] < 4.5] == []  # WCAG 2.2, 1.4.3
    assert (page.evaluate(GROUND) < 0.5) == (scheme == "dark")
    page.close()


COLOURS = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => channels(colour).slice(0, 3)
  .map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => {
  const colour = getComputedStyle(element).backgroundColor;
  return channels(colour)[3] !== 0 || !element.parentElement ? colour : ground(element.parentElement);
};
"""
GROUND = f"() => {{ {COLOURS} return light(ground(document.body)); }}"
CONTRASTS = f"""() => {{ {COLOURS}
  const seen = [...document.querySelectorAll("body *")].filter((element) =>
    element.checkVisibility() && [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  return seen.map((element) => {{
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    return {{ text: element.textContent.trim(), ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) }};
  }});
}}"""
