"""Addresses in letters beyond ASCII: vendors get what DNS knows, or are not asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tocsin.channels.addresses import NotCarried, in_ascii
from tocsin.channels.breaker import Breaker
from tocsin.channels.failover import Failover, Way
from tocsin.channels.metrics import VendorMetrics
from tocsin.channels.sendgrid_batch import SendGridBatch
from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.smtp_email import SmtpEmail
from tocsin.channels.suppressing import suppressions_of_sendgrid
from tocsin.domain.broadcasts import Batch, BatchRefused, BulkEmail, Row
from tocsin.domain.channel import Email, Refused

from .mailserver import MailServer
from .vendor import Answer, Vendor

EMAIL = Email(to="", subject="s", text="t", html="<p>t</p>", message_id="m1@tocsin.example")
BULK = BulkEmail(subject="s", text="t", html="<p>t</p>", message_id="<m1@tocsin.example>", correlation={})


def to(address: str) -> Email:
    return EMAIL.model_copy(update={"to": address})


def sendgrid(vendor: Vendor) -> SendGridEmail:
    return SendGridEmail("SG.key", "oncall@tocsin.example", "Tocsin", vendor.url)


def smtp(server: MailServer) -> SmtpEmail:
    return SmtpEmail("127.0.0.1", "oncall@tocsin.example", "Tocsin", port=server.port, tls="none")


@pytest.mark.parametrize(
    ("address", "spelled"),
    [
        ("zoe@exämple.com", "zoe@xn--exmple-cua.com"),
        ("zoe@EXÄMPLE.com", "zoe@xn--exmple-cua.com"),
        ("zoe@mail.straße.example", "zoe@mail.xn--strae-oqa.example"),
        ("Zoe@Example.com", "Zoe@Example.com"),
    ],
)
def test_a_domain_is_spelled_as_dns_has_it(address: str, spelled: str) -> None:
    assert in_ascii(address) == spelled


def test_a_name_has_no_such_spelling_and_a_domain_must_be_one() -> None:
    with pytest.raises(NotCarried, match="SMTPUTF8") as not_carried:
        in_ascii("zoë@example.com")
    with pytest.raises(Refused, match="domain that is none") as refused:
        in_ascii("zoe@-ä.com")

    assert "zoë" not in str(not_carried.value), "it would be kept in history"
    assert "ä" not in str(refused.value)


def test_sendgrid_gets_the_domain_in_ascii(vendor: Vendor) -> None:
    vendor.will(Answer(202))

    sendgrid(vendor).send(to("zoe@exämple.com"))

    assert vendor.requests[0].json["personalizations"][0]["to"] == [{"email": "zoe@xn--exmple-cua.com"}]


def test_sendgrid_is_not_asked_to_write_to_a_name_beyond_ascii(vendor: Vendor) -> None:
    with pytest.raises(Refused, match="SMTPUTF8"):
        sendgrid(vendor).send(to("zoë@example.com"))

    assert vendor.requests == []


def test_a_list_has_its_domains_in_ascii_and_those_that_have_no_spelling_are_named_by_position(
    vendor: Vendor,
) -> None:
    vendor.will(Answer(202))
    batches = SendGridBatch("SG.key", "oncall@tocsin.example", "Tocsin", vendor.url)
    good, bad = Row(2, "zoe@exämple.com"), Row(3, "zoë@example.com")

    batches.send(Batch(BULK, [good]))
    with pytest.raises(BatchRefused) as refused:
        batches.send(Batch(BULK, [good, bad]))

    assert refused.value.positions == (1,)
    (request,) = vendor.requests
    assert request.json["personalizations"][0]["to"] == [{"email": "zoe@xn--exmple-cua.com"}]


def test_a_mail_server_gets_the_domain_in_ascii_also_where_it_knows_other_letters() -> None:
    with MailServer() as server:
        smtp(server).send(to("zoe@exämple.com"))

    assert server.envelopes[0].rcpt_tos == ["zoe@xn--exmple-cua.com"]
    assert "SMTPUTF8" not in server.envelopes[0].mail_options


def test_what_sendgrid_cannot_carry_goes_by_the_mail_server_and_is_no_failure_of_sendgrids(
    vendor: Vendor,
) -> None:
    breaker, metrics = Breaker("sendgrid"), VendorMetrics()
    with MailServer() as server:
        ways = [Way(breaker, sendgrid(vendor).send), Way(Breaker("smtp"), smtp(server).send)]

        receipt = Failover("email", ways, metrics).send(to("zoë@example.com"))

    assert receipt.vendor == "smtp"
    assert server.envelopes[0].rcpt_tos == ["zoë@example.com"]
    assert breaker.last_failure is None
    assert vendor.requests == []


def test_an_address_that_bounced_is_out_of_use_however_a_list_spells_it() -> None:
    at = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp())
    found = suppressions_of_sendgrid(
        [{"event": "bounce", "email": "zoe@xn--exmple-cua.com", "timestamp": at}]
    )

    assert [each.address for each in found] == ["zoe@xn--exmple-cua.com", "zoe@exämple.com"]
