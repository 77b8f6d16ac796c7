"""Wrong requests and answers are refused: otherwise the other tests here would show nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from .conftest import Vendors
from .contract import BrokenContract, contract_of
from .recorder import Exchange
from .test_what_we_send import MONDAY, attached, call, email, sms

Json = dict[str, Any]


def refused(exchange: Exchange, says: str) -> None:
    with pytest.raises(BrokenContract, match=says):
        contract_of(exchange).check_request(exchange)


def with_json(exchange: Exchange, change: Callable[[Json], object]) -> Exchange:
    body = json.loads(exchange.body)
    change(body)
    return replace(exchange, body=json.dumps(body).encode())


def with_field(exchange: Exchange, name: str, *values: str) -> Exchange:
    """The form with other values for one field; without any it is left out."""
    kept = [(known, value) for known, value in exchange.form if known != name]
    return replace(exchange, body=urlencode([*kept, *((name, value) for value in values)]).encode())


@pytest.fixture
def mailed(vendors: Vendors) -> Exchange:
    vendors.email.send(
        email(correlation={"incident": "7F3K2"}, attachments=attached("a.pdf", "application/pdf", b"a"))
    )
    return vendors.exchanges[-1]


@pytest.fixture
def texted(vendors: Vendors) -> Exchange:
    vendors.sms.send(sms())
    return vendors.exchanges[-1]


@pytest.fixture
def called(vendors: Vendors) -> Exchange:
    vendors.phone.call(call())
    return vendors.exchanges[-1]


WRONG_MAILS: dict[str, tuple[Callable[[Json], object], str]] = {
    "no sender": (lambda mail: mail.pop("from"), "'from' is a required property"),
    "no envelope": (lambda mail: mail["personalizations"].clear(), "personalizations"),
    "nobody in an envelope": (
        lambda mail: mail["personalizations"][0]["to"].clear(),
        r"personalizations\.0\.to",
    ),
    "no address": (lambda mail: mail["personalizations"][0]["to"][0].update(email="ana"), "is not a 'email'"),
    "no subject": (lambda mail: mail.pop("subject"), "anyOf"),
    "an empty subject": (lambda mail: mail.update(subject=""), "subject"),
    "no content": (lambda mail: mail["content"].clear(), "content"),
    "an empty part": (lambda mail: mail["content"][0].update(value=""), r"content\.0\.value"),
    "a misspelled field": (lambda mail: mail.update(sbject="x"), "'sbject' was unexpected"),
    "too many envelopes": (
        lambda mail: mail.update(personalizations=mail["personalizations"] * 1001),
        "maxItems",
    ),
    "a file without a name": (
        lambda mail: mail["attachments"][0].pop("filename"),
        "'filename' is a required",
    ),
    "a disposition that is none": (
        lambda mail: mail["attachments"][0].update(disposition="x"),
        "disposition",
    ),
    "a header that is SendGrid's": (lambda mail: mail["headers"].update({"Reply-To": "x"}), "headers"),
    "arguments that are too large": (
        lambda mail: mail["personalizations"][0]["custom_args"].update(a="x" * 10_000),
        "custom_args",
    ),
    "an argument that is no text": (
        lambda mail: mail["personalizations"][0]["custom_args"].update(a=1),
        r"custom_args\.a",
    ),
    "two kinds of reply-to": (
        lambda mail: mail.update(reply_to={"email": "a@b.cc"}, reply_to_list=[]),
        r"\(not\)",
    ),
}


@pytest.mark.parametrize(("change", "says"), WRONG_MAILS.values(), ids=WRONG_MAILS)
def test_a_wrong_mail_is_refused(mailed: Exchange, change: Callable[[Json], object], says: str) -> None:
    contract_of(mailed).check_request(mailed)

    refused(with_json(mailed, change), says)


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("To", (), "'To' is a required property"),
        ("To", ("0150055501",), "is not a 'phone-number'"),
        ("To", ("+15005550100", "+15005550101"), "is sent 2 times"),
        ("From", (), "anyOf"),
        ("Body", (), "anyOf"),
        ("Body", ("x" * 1601,), "maxLength"),
        ("StatusCallback", ("https://on_call.example.com/",), "does not match"),
        ("StatusCallback", ("/v1/twilio/status",), "does not match"),
        ("StatusCallbck", ("https://tocsin.example.com/",), "names no field StatusCallbck"),
        ("ValidityPeriod", ("soon",), "integer"),
        ("MessagingServiceSid", ("AC" + "0" * 32,), "does not match"),
    ],
)
def test_a_wrong_text_message_is_refused(
    texted: Exchange, name: str, values: tuple[str, ...], says: str
) -> None:
    contract_of(texted).check_request(texted)

    refused(with_field(texted, name, *values), says)


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("From", (), "'From' is a required property"),
        ("Twiml", (), "anyOf"),
        ("Twiml", ("x" * 4001,), "maxLength"),
        ("StatusCallbackEvent", ("initiated ringing",), r"StatusCallbackEvent\.0"),
        ("StatusCallbackEvents", ("initiated",), "names no field StatusCallbackEvents"),
        ("StatusCallbackMethod", ("PUT",), "PUT"),
        ("Timeout", ("601",), "maximum"),
        ("MachineDetection", ("enable",), "enable"),
        ("AsyncAmd", ("True",), "True"),
    ],
)
def test_a_wrong_call_is_refused(called: Exchange, name: str, values: tuple[str, ...], says: str) -> None:
    contract_of(called).check_request(called)

    refused(with_field(called, name, *values), says)


def test_a_question_that_the_vendor_does_not_know_is_refused(vendors: Vendors) -> None:
    vendors.sms.find(sms(), since=MONDAY)
    asked = vendors.exchanges[-1]
    contract_of(asked).check_request(asked)

    refused(replace(asked, target=asked.target + "&DateCreated=2026-01-01"), "query parameter DateCreated")
    refused(replace(asked, target=asked.target.replace("PageSize=50", "PageSize=5000")), "maximum")


def test_a_stranger_and_a_wrong_door_are_refused(mailed: Exchange, called: Exchange) -> None:
    for exchange in (mailed, called):
        refused(replace(exchange, headers={**exchange.headers, "authorization": ""}), "Security")
        refused(replace(exchange, target=exchange.target + "x"), "not found")
        refused(replace(exchange, method="PUT"), "not found")
        refused(replace(exchange, headers={**exchange.headers, "content-type": "text/plain"}), "Content")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sid": "CA123"}, "sid"),
        ({"status": "dialling"}, "dialling"),
        ({"date_created": "2026-03-09T17:00:00Z"}, "date-time-rfc-2822"),
        ({"annotation": None}, "'annotation' was unexpected"),
        ({"duration": 12}, "duration"),
    ],
)
def test_an_answer_that_the_vendor_would_not_give_is_refused(
    called: Exchange, change: Json, says: str
) -> None:
    contract_of(called).check_answer(called)
    other = replace(called, answer=json.dumps(json.loads(called.answer) | change).encode())

    with pytest.raises(BrokenContract, match=says):
        contract_of(called).check_answer(other)
