"""Mail through SendGrid's SDK: what is taken, what is refused, and what is reported back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from python_http_client.exceptions import BadRequestsError, UnauthorizedError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import Attachment, CustomArg, Header, Mail, To

from tocsin.sandbox.mail_fields import MAX_CUSTOM_ARGS_BYTES
from tocsin.sandbox.mail_rules import complaints
from tocsin.sandbox.models import Message

from .house import Heard, House


def mail(to: str = "ana@example.org", **changes: Any) -> Mail:
    values = {
        "subject": "SEV1: checkout is down",
        "plain_text_content": "It is.",
        "html_content": "<p>It is.</p>",
    }
    return Mail("alerts@example.org", to, **{**values, **changes})


def body(**changes: Any) -> dict[str, Any]:
    """A request body that SendGrid takes, with changes; a change to None leaves the field out."""
    whole = {
        "personalizations": [{"to": [{"email": "ana@example.org"}]}],
        "from": {"email": "alerts@example.org"},
        "subject": "SEV1",
        "content": [{"type": "text/plain", "value": "It is down."}],
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def events_of(posts: list[Heard]) -> list[dict[str, Any]]:
    return [event for post in posts for event in json.loads(post.body)]


def delivered(message: Message) -> bool:
    return message.status == "delivered"


def test_an_accepted_mail_is_kept_with_its_parts_headers_and_correlation(house: House) -> None:
    sent = mail()
    sent.add_custom_arg(CustomArg("notice", "n-1"))
    sent.add_header(Header("Message-ID", "<n-1@tocsin>"))
    sent.add_attachment(Attachment(base64.b64encode(b"report").decode(), "report.txt", "text/plain"))

    answer = house.sendgrid.send(sent)
    kept = house.sandbox.wait_for(delivered)

    assert answer.status_code == 202
    assert answer.body == b""
    assert kept.vendor_id == answer.headers["X-Message-Id"]
    assert (kept.to, kept.sender, kept.subject) == (
        "ana@example.org",
        "alerts@example.org",
        "SEV1: checkout is down",
    )
    assert (kept.text, kept.html) == ("It is.", "<p>It is.</p>")
    assert kept.correlation == {"notice": "n-1"}
    assert kept.message_id == "<n-1@tocsin>"
    assert kept.attachments[0]["filename"] == "report.txt"


def test_the_event_webhook_reports_processed_then_delivered_with_custom_args_at_top_level(
    house: House,
) -> None:
    sent = mail()
    sent.add_custom_arg(CustomArg("notice", "n-1"))

    answer = house.sendgrid.send(sent)
    house.sandbox.wait_for(lambda message: any(made.outcome == "200" for made in message.callbacks))

    events = events_of(house.receiver.hears("/events"))
    assert [event["event"] for event in events] == ["processed", "delivered"]
    assert {event["notice"] for event in events} == {"n-1"}
    assert {event["email"] for event in events} == {"ana@example.org"}
    assert len({event["sg_event_id"] for event in events}) == 2
    assert all(event["sg_message_id"].split(".")[0] == answer.headers["X-Message-Id"] for event in events)
    assert all(isinstance(event["timestamp"], int) for event in events)


def test_events_carry_a_signature_that_the_vendors_helper_accepts(house: House) -> None:
    house.sendgrid.send(mail())
    [post, *_] = house.receiver.hears("/events")
    signature = post.headers["X-Twilio-Email-Event-Webhook-Signature"]
    timestamp = post.headers["X-Twilio-Email-Event-Webhook-Timestamp"]
    verifier = EventWebhook(house.sandbox.events_public_key)

    assert verifier.verify_signature(post.body.decode(), signature, timestamp)
    assert not verifier.verify_signature(post.body.decode() + " ", signature, timestamp)


@pytest.mark.parametrize(
    ("behaviour", "reported"),
    [("bounce", ["processed", "bounce"]), ("dropped", ["dropped"]), ("normal", ["processed", "delivered"])],
)
def test_an_address_behaves_as_configured(house: House, behaviour: str, reported: list[str]) -> None:
    house.sandbox.behave("gone@example.org", behaviour)

    house.sendgrid.send(mail(to="gone@example.org"))
    house.sandbox.wait_for(lambda message: any(made.outcome == "200" for made in message.callbacks))

    assert [event["event"] for event in events_of(house.receiver.hears("/events"))] == reported


def test_every_recipient_of_every_personalization_is_a_mail_of_its_own(house: House) -> None:
    house.sendgrid.send(mail(to=[To("ana@example.org"), To("bo@example.org")], is_multiple=True))

    house.sandbox.wait_for(lambda message: message.to == "bo@example.org")
    kept = house.sandbox.messages("email")
    assert sorted(message.to for message in kept) == ["ana@example.org", "bo@example.org"]
    assert len({message.id for message in kept}) == 2


def test_a_wrong_key_is_not_let_in(house: House) -> None:
    with pytest.raises(UnauthorizedError) as refusal:
        SendGridAPIClient("SG.wrong", host=house.sandbox.url).send(mail())

    assert refusal.value.to_dict["errors"][0]["message"].startswith(
        "The provided authorization grant is invalid"
    )
    assert house.sandbox.messages() == []


def test_a_mail_without_subject_is_refused_in_the_vendors_shape(house: House) -> None:
    with pytest.raises(BadRequestsError) as refusal:
        house.sendgrid.send(body(subject=None))

    [error] = refusal.value.to_dict["errors"]
    assert set(error) == {"message", "field", "help"}
    assert error["field"] == "subject"


def test_a_mail_in_the_vendors_own_sandbox_mode_is_checked_and_not_sent(house: House) -> None:
    answer = house.sendgrid.send(body(mail_settings={"sandbox_mode": {"enable": True}}))

    assert answer.status_code == 200
    assert house.sandbox.messages() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"personalizations": None}, "personalizations"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": [{"email": f"p{n}@x.org"}]} for n in range(1001)]}, "personalizations"),
        ({"personalizations": [{"to": [{"email": f"p{n}@x.org"} for n in range(1001)]}]}, "personalizations"),
        ({"personalizations": [{}]}, "personalizations.0.to"),
        ({"personalizations": ["ana@example.org"]}, "personalizations.0"),
        ({"personalizations": [{"to": 7}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "nobody"}]}]}, "personalizations.0.to.0.email"),
        (
            {"personalizations": [{"to": [{"email": "a@x.org"}], "cc": [{"email": "A@x.org"}]}]},
            "personalizations.0",
        ),
        ({"from": None}, "from.email"),
        ({"from": {"email": "alerts"}}, "from.email"),
        ({"reply_to": {"email": "nobody"}}, "reply_to.email"),
        ({"subject": ""}, "subject"),
        ({"content": None}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        (
            {"content": [{"type": "text/html", "value": "<p>"}, {"type": "text/plain", "value": "p"}]},
            "content",
        ),
        ({"custom_args": {"notice": 7}}, "custom_args.notice"),
        ({"custom_args": "notice"}, "custom_args"),
        ({"custom_args": {"notice": "n" * MAX_CUSTOM_ARGS_BYTES}}, "custom_args"),
        ({"attachments": [{"content": "not base64!", "filename": "a.txt"}]}, "attachments.0.content"),
        ({"attachments": [{"content": "YQ=="}]}, "attachments.0.filename"),
        ({"headers": {"Subject": "another"}}, "headers.Subject"),
        ({"send_at": 99_999_999_999}, "send_at"),
        ({"categories": [str(n) for n in range(11)]}, "categories"),
        ({"asm": {}}, "asm.group_id"),
        ({"ip_pool_name": "x"}, "ip_pool_name"),
    ],
)
def test_what_the_vendor_refuses_is_refused_and_the_field_is_named(
    changes: dict[str, Any], field: str
) -> None:
    assert [complaint.field for complaint in complaints(body(**changes))] == [field]


def test_what_the_vendor_takes_is_taken() -> None:
    assert complaints(body()) == []
    assert complaints(body(content=None, subject=None, template_id="d-1")) == []


def test_mail_reports_wait_for_a_receiver_that_is_down(open_house: Callable[..., House]) -> None:
    house = open_house()
    for status in (503, 500, 502):
        house.receiver.answers("/events", status=status)

    house.sendgrid.send(mail())
    reported = house.sandbox.wait_for(
        lambda message: any(made.outcome == "200" for made in message.callbacks)
    )

    assert [made.outcome for made in reported.callbacks][:3] == ["503", "500", "502"]
