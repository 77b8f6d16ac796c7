"""SMS through Twilio's SDK: what is taken, refused and reported, and how a person replies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from tocsin.sandbox.segments import segments

from .house import OURS, PHONE, House, Receiver, twilio_client


def send(house: House, **changes: Any) -> Any:
    values = {"to": PHONE, "from_": OURS, "body": "SEV1 on checkout. Reply 1 to acknowledge."}
    return house.twilio.messages.create(**{**values, **changes})


def settled(house: House, sid: str) -> Any:
    return house.sandbox.wait_for(
        lambda message: message.id == sid and message.status in {"delivered", "undelivered"}
    )


def test_an_sms_is_queued_then_delivered(house: House) -> None:
    sent = send(house)

    assert (sent.status, sent.direction, sent.num_segments, sent.error_code) == (
        "queued",
        "outbound-api",
        "1",
        None,
    )
    assert sent.sid.startswith("SM")
    assert len(sent.sid) == 34
    assert isinstance(sent.date_created, datetime)

    settled(house, sent.sid)
    fetched = house.twilio.messages(sent.sid).fetch()
    assert fetched.status == "delivered"
    assert fetched.date_sent is not None


def test_status_callbacks_arrive_in_the_vendors_order_with_signatures_that_its_validator_accepts(
    house: House,
) -> None:
    callback = f"{house.receiver.url}/status"
    sent = send(house, status_callback=callback)

    posts = house.receiver.hears("/status", 3)

    assert [post.form["MessageStatus"] for post in posts] == ["queued", "sent", "delivered"]
    assert {post.form["MessageSid"] for post in posts} == {sent.sid}
    validator = RequestValidator(house.sandbox.config.auth_token)
    for post in posts:
        assert validator.validate(callback, post.form, post.headers["X-Twilio-Signature"])
        assert not validator.validate(
            callback, {**post.form, "MessageStatus": "read"}, post.headers["X-Twilio-Signature"]
        )


@pytest.mark.parametrize(("behaviour", "code"), [("landline", "30006"), ("undelivered", "30003")])
def test_a_number_that_cannot_be_reached_ends_undelivered_with_the_vendors_code(
    house: House, behaviour: str, code: str
) -> None:
    house.sandbox.behave(PHONE, behaviour)
    sent = send(house, status_callback=f"{house.receiver.url}/status")

    last = house.receiver.hears("/status", 3)[-1].form
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", code)
    assert house.twilio.messages(sent.sid).fetch().error_code == int(code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "555"}, 21211),
        ({"to": ""}, 21604),
        ({"from_": ""}, 21603),
        ({"from_": "not a sender at all"}, 21212),
        ({"from_": PHONE}, 21266),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"status_callback": "ftp://example.org/status"}, 21609),
    ],
)
def test_what_the_vendor_refuses_is_refused_with_its_code(
    house: House, changes: dict[str, Any], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        send(house, **changes)

    assert (refusal.value.status, refusal.value.code) == (400, code)
    assert house.sandbox.messages() == []


def test_a_wrong_token_is_not_let_in(house: House) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        twilio_client(house.sandbox, token="wrong").messages.create(to=PHONE, from_=OURS, body="hello")

    assert (refusal.value.status, refusal.value.code) == (401, 20003)


def test_an_unknown_message_is_not_found(house: House) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        house.twilio.messages("SM" + "0" * 32).fetch()

    assert (refusal.value.status, refusal.value.code) == (404, 20404)


def test_messages_are_listed_by_recipient_and_date_newest_first_over_several_pages(house: House) -> None:
    sids = [send(house, body=f"number {n}").sid for n in range(5)]
    send(house, to="+15005550101")
    hour = timedelta(hours=1)
    now = datetime.now(UTC)

    listed = house.twilio.messages.list(to=PHONE, from_=OURS, date_sent_after=now - hour, page_size=2)

    assert [message.sid for message in listed] == sids[::-1]
    assert house.twilio.messages.list(to=PHONE, date_sent_after=now + hour) == []
    assert house.twilio.messages.list(to=PHONE, date_sent_before=now - hour) == []
    assert len(house.twilio.messages.list(to=PHONE, date_sent=now.date())) == 5


def test_a_reply_reaches_the_product_signed_and_from_the_right_phone(house: House) -> None:
    send(house)
    reply = house.sandbox.reply(PHONE, "1")

    [post] = house.receiver.hears("/inbound")

    assert (post.form["From"], post.form["To"], post.form["Body"]) == (PHONE, OURS, "1")
    assert post.form["MessageSid"] == reply.id
    assert post.form["AccountSid"] == house.sandbox.config.account_sid
    validator = RequestValidator(house.sandbox.config.auth_token)
    assert validator.validate(post.url, post.form, post.headers["X-Twilio-Signature"])


def test_what_the_product_answers_to_a_reply_is_texted_back(house: House) -> None:
    house.receiver.answers("/inbound", "<Response><Message>Acknowledged by Ana.</Message></Response>")

    house.sandbox.reply(PHONE, "1", to=OURS)

    answer = house.sandbox.wait_for(lambda message: message.direction == "outbound")
    assert (answer.to, answer.sender, answer.text) == (PHONE, OURS, "Acknowledged by Ana.")


def test_a_person_who_replied_stop_is_not_texted_until_they_reply_start(house: House) -> None:
    house.sandbox.reply(PHONE, "stop")

    with pytest.raises(TwilioRestException) as refusal:
        send(house)
    assert refusal.value.code == 21610

    house.sandbox.reply(PHONE, "START")
    assert send(house).status == "queued"


@pytest.mark.parametrize(
    ("body", "meant"),
    [("Stop", "STOP"), ("UNSUBSCRIBE", "STOP"), ("yes", "START"), ("HELP", "HELP"), ("stop please", None)],
)
def test_the_product_is_told_what_twilio_takes_a_reply_for(
    house: House, body: str, meant: str | None
) -> None:
    house.sandbox.reply(PHONE, body)

    [post] = house.receiver.hears("/inbound")

    assert (post.form["Body"], post.form.get("OptOutType")) == (body, meant)


def test_callbacks_survive_a_receiver_that_is_away_and_keep_their_order(
    open_house: Callable[..., House],
) -> None:
    with Receiver() as gone:
        port = gone.port
    house = open_house()
    sent = send(house, status_callback=f"http://127.0.0.1:{port}/status")
    house.sandbox.wait_for(lambda message: any(made.outcome == "ConnectError" for made in message.callbacks))

    with Receiver(port) as back:
        posts = back.hears("/status", 3)

    assert [post.form["MessageStatus"] for post in posts] == ["queued", "sent", "delivered"]
    assert {post.form["MessageSid"] for post in posts} == {sent.sid}


def test_a_callback_that_the_product_refuses_is_not_repeated(house: House) -> None:
    house.receiver.answers("/status", status=403)

    send(house, status_callback=f"{house.receiver.url}/status")

    posts = house.receiver.hears("/status", 3)
    assert [post.form["MessageStatus"] for post in posts] == ["queued", "sent", "delivered"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the euro's two septets do not fit where one is left
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("🔔" * 35, 1),
        ("🔔" * 36, 2),
        ("🔔" * 67, 3),  # 33 to a segment, because a pair of surrogates is never split
    ],
)
def test_segments_are_counted_as_they_are_billed(text: str, count: int) -> None:
    assert segments(text) == count
