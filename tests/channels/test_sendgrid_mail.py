"""What single emails and batches have in common, whichever of them a process sends."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from tocsin.channels.sendgrid_batch import SendGridBatch
from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.sendgrid_mail import SendGridMail
from tocsin.domain.broadcasts import Batch
from tocsin.domain.channel import AccountRefused, Receipt

from .test_sendgrid_batch import EMAIL as EMAIL_TO_MANY
from .test_sendgrid_batch import ROWS
from .test_sendgrid_email import EMAIL
from .vendor import Answer, Vendor

KEY = "SG.sesame"


def send_one(host: str) -> Receipt:
    return SendGridEmail(KEY, "oncall@tocsin.example", "Tocsin", host).send(EMAIL)


def send_many(host: str) -> Receipt:
    return SendGridBatch(KEY, "oncall@tocsin.example", "Tocsin", host).send(Batch(EMAIL_TO_MANY, ROWS))


@pytest.mark.parametrize("send", [send_one, send_many])
def test_a_process_that_logs_everything_logs_neither_the_key_nor_a_mail(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, send: Callable[[str], Receipt]
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="python_http_client")  # as it is before anything was made
    vendor.will(Answer(202))

    send(vendor.url)

    assert len(vendor.requests) == 1
    assert KEY not in caplog.text
    assert "ada@example.org" not in caplog.text


@pytest.mark.parametrize("send", [send_one, send_many])
@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refusal_of_the_account_is_told_apart_so_that_another_vendor_is_tried(
    vendor: Vendor, send: Callable[[str], Receipt], status: int
) -> None:
    vendor.will(Answer(status, {"errors": [{"message": "not with this account", "field": None}]}))

    with pytest.raises(AccountRefused, match=f"{status}: not with this account"):
        send(vendor.url)


@pytest.mark.parametrize(("kind", "patience"), [(SendGridEmail, 10), (SendGridBatch, 30)])
def test_its_repr_hides_the_key_and_tells_that_a_batch_is_waited_for_longer(
    kind: type[SendGridMail], patience: int
) -> None:
    shown = repr(kind(KEY, "oncall@tocsin.example", "Tocsin"))

    assert shown == f"{kind.__name__}(host='https://api.sendgrid.com', timeout_seconds={patience})"
