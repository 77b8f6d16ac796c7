"""Fixtures for tests that talk to a running sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sendgrid import SendGridAPIClient

from tocsin.sandbox.server import Sandbox

from .house import House, Receiver, config_for, twilio_client


@pytest.fixture(scope="session")
def stopping() -> Iterator[list[Sandbox]]:
    """Sandboxes that were told to stop while the next test runs already; waited for at the end."""
    sandboxes: list[Sandbox] = []
    yield sandboxes
    for sandbox in sandboxes:
        sandbox.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def open_house(receiver: Receiver, stopping: list[Sandbox]) -> Iterator[Callable[..., House]]:
    """Opens houses with changes to the configuration, and closes them after the test."""
    opened: list[Sandbox] = []

    def open_one(**changes: object) -> House:
        sandbox = Sandbox(config_for(receiver, **changes)).start()
        opened.append(sandbox)
        sendgrid = SendGridAPIClient(sandbox.config.api_key, host=sandbox.url)
        return House(sandbox, receiver, twilio_client(sandbox), sendgrid)

    yield open_one
    for sandbox in opened:
        sandbox.stop(wait=False)
    stopping.extend(opened)


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    return open_house()
