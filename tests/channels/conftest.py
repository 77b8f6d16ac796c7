from collections.abc import Iterator

import pytest
from twilio.rest import Client

from tocsin.channels.twilio_client import twilio_client

from .vendor import Vendor


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def twilio(vendor: Vendor) -> Iterator[Client]:
    client = twilio_client("AC" + "0" * 32, "token", base_url=vendor.url)
    yield client
    client.http_client.close()


@pytest.fixture
def impatient_twilio(vendor: Vendor) -> Iterator[Client]:
    client = twilio_client("AC" + "0" * 32, "token", base_url=vendor.url, timeout_seconds=0.6)
    yield client
    client.http_client.close()
