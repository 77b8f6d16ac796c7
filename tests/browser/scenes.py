"""What a person does in the browser while an incident runs: answers the phone, looks into Temporal's UI."""

from __future__ import annotations

from playwright.sync_api import FrameLocator, Locator, Page, expect

from tocsin.embedded.stack import Stack

PATIENCE = 60_000.0
"""Milliseconds that a busy machine may take for what is a matter of a few seconds."""


def answer_the_phone(page: Page, stack: Stack) -> Locator:
    """Wait on the sandbox's page until a phone rings, pick up, listen, press 1; the call's card."""
    page.goto(stack.sandbox_url)
    ringing = page.get_by_role("button", name="Pick up").first
    ringing.wait_for(timeout=PATIENCE)
    card = page.locator(f"#{page.locator('.card', has=ringing).first.get_attribute('id')}")
    card.get_by_role("button", name="Pick up").click()
    expect(card).to_contain_text("Press 1 to ac", timeout=PATIENCE)
    card.get_by_role("button", name="Press 1").click()
    expect(card).to_contain_text("pressed 1", timeout=PATIENCE)
    expect(card).to_contain_text("Thank you", timeout=PATIENCE)
    expect(card).to_contain_text("completed", timeout=PATIENCE)
    return card


def open_incident(page: Page, stack: Stack, workflow: str) -> None:
    """The incident's page in Temporal's UI."""
    page.goto(f"{stack.ui_url}/namespaces/default/workflows/{workflow}")
    expect(page.get_by_role("heading", name=workflow)).to_be_visible(timeout=PATIENCE)


def open_details(page: Page) -> FrameLocator:
    """What the incident says of itself, in a frame of its own: what is to do, and the ledger."""
    page.get_by_role("tab", name="User Metadata").click()
    details = page.locator("iframe").last.content_frame
    expect(details.get_by_role("heading", name="Ledger")).to_be_visible(timeout=PATIENCE)
    return details


def open_history(page: Page) -> None:
    """Everything that happened to the workflow, in the order of time."""
    page.get_by_role("tab", name="Event History").click()
