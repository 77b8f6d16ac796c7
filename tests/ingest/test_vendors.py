from __future__ import annotations

from typing import Any

import httpx
import pytest
from twilio.request_validator import RequestValidator

from tests.ingest.conftest import AUTH_TOKEN, PUBLIC_URL, Post
from tests.ingest.harbour import NOON, FakeTemporal, Incident, unavailable
from tests.ingest.test_monitors import assert_problem
from tocsin.callbacks import key_url, status_url
from tocsin.domain.delivery import DeliveryState
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError

ID = "7F3K2XYZ90"
OPEN = Incident(f"incident-{ID}", ID)
RESOLVED = Incident(f"post-incident-{ID}", ID)


def path(url: str) -> str:
    """What of a URL that was given to Twilio arrives here, behind the proxy."""
    assert url.startswith(PUBLIC_URL)
    return url.removeprefix(PUBLIC_URL)


STATUS = path(status_url(PUBLIC_URL, f"incident-{ID}", ID, f"{ID}-m1"))
KEY = path(key_url(PUBLIC_URL + "/", f"incident-{ID}", ID, 2, "kit"))
DELIVERED = {"MessageSid": "SM1", "MessageStatus": "delivered"}
ONE = {"CallSid": "CA1", "Digits": "1", "To": "+12025550101"}


def test_callback_urls_survive_names_with_special_characters() -> None:
    url = status_url("https://t.example/", "incident-1", "a&b=c", "m 1/2")

    assert url == "https://t.example/v1/twilio/status?workflow=incident-1&incident=a%26b%3Dc&message=m+1%2F2"


async def test_a_delivered_text_is_told_to_the_incident(post: Post) -> None:
    post.temporal.runs(OPEN)

    answer = await post.twilio(STATUS, DELIVERED)

    assert (answer.status_code, answer.json()) == (200, {"outcome": "told"})
    [told] = post.temporal.told
    assert (told.workflow, told.signal) == (f"incident-{ID}", "delivery")
    assert (told.argument.incident, told.argument.message) == (ID, f"{ID}-m1")
    assert (told.argument.report.state, told.argument.report.at) == (DeliveryState.DELIVERED, NOON)


async def test_a_call_that_rang_out_is_told_to_the_incident(post: Post) -> None:
    post.temporal.runs(OPEN)

    await post.twilio(STATUS, {"CallSid": "CA1", "CallStatus": "no-answer"})

    assert post.temporal.told[0].argument.report.state is DeliveryState.NO_ANSWER


async def test_who_took_a_call_is_told_to_the_incident(post: Post) -> None:
    post.temporal.runs(OPEN)

    await post.twilio(STATUS, {"CallSid": "CA1", "CallStatus": "in-progress"})
    await post.twilio(STATUS, {"CallSid": "CA1", "AnsweredBy": "machine_start"})
    await post.twilio(STATUS, {"CallSid": "CA1", "AnsweredBy": "human"})

    voicemail, person = (told.argument.report for told in post.temporal.told)
    assert (voicemail.state, voicemail.detail) == (DeliveryState.NO_ANSWER, "voicemail (machine_start)")
    assert person.state is DeliveryState.ANSWERED


async def test_a_report_about_a_resolved_incident_goes_where_it_lives_on(post: Post) -> None:
    post.temporal.runs(RESOLVED)

    await post.twilio(STATUS, DELIVERED)

    assert post.temporal.told[0].workflow == f"post-incident-{ID}"


async def test_a_report_about_a_reopened_incident_goes_where_it_went_on(post: Post) -> None:
    post.temporal.runs(OPEN)

    await post.twilio(STATUS.replace(f"incident-{ID}", f"post-incident-{ID}", 1), DELIVERED)

    assert post.temporal.told[0].workflow == f"incident-{ID}"


async def test_a_report_about_an_incident_that_is_over_is_taken_so_that_it_does_not_come_again(
    post: Post,
) -> None:
    answer = await post.twilio(STATUS, DELIVERED)

    assert (answer.status_code, answer.json()) == (200, {"outcome": "nothing to tell"})


async def test_a_report_without_a_meaning_is_taken_and_told_to_nobody(post: Post) -> None:
    post.temporal.runs(OPEN)

    answer = await post.twilio(STATUS, {"MessageSid": "SM1", "MessageStatus": "partying"})

    assert (answer.status_code, answer.json()) == (200, {"outcome": "nothing to tell"})
    assert post.temporal.told == []


async def test_a_report_that_temporal_cannot_take_is_asked_for_again(post: Post) -> None:
    post.temporal.failure = unavailable()

    answer = await post.twilio(STATUS, DELIVERED)

    assert_problem(answer, 503, "temporal-unavailable")
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("url", [STATUS, KEY, "/v1/twilio/sms", "/v1/twilio/status"])
@pytest.mark.parametrize("signature", ["", "bm90IHR3aWxpbw==", "é"])
async def test_without_twilios_signature_nothing_is_believed(post: Post, url: str, signature: str) -> None:
    post.temporal.runs(OPEN)

    if signature.isascii():
        answer = await post.twilio(url, DELIVERED | ONE, signature)
    else:
        answer = await post.http.post(url, data=ONE, headers={b"X-Twilio-Signature": signature.encode()})

    assert_problem(answer, 403, "not-signed-by-twilio")
    assert post.temporal.told == []


async def test_a_signature_for_another_incident_or_another_form_is_not_believed(post: Post) -> None:
    post.temporal.runs(OPEN)
    signed = RequestValidator(AUTH_TOKEN).compute_signature(PUBLIC_URL + STATUS, DELIVERED)

    other_url = await post.twilio(STATUS.replace("m1", "m2"), DELIVERED, signed)
    other_form = await post.twilio(STATUS, DELIVERED | {"MessageStatus": "failed"}, signed)

    assert_problem(other_url, 403, "not-signed-by-twilio")
    assert_problem(other_form, 403, "not-signed-by-twilio")
    assert post.temporal.told == []


async def test_the_host_header_takes_no_part_in_the_signed_url(post: Post) -> None:
    forged = RequestValidator(AUTH_TOKEN).compute_signature("http://elsewhere.example" + STATUS, DELIVERED)

    assert_problem(await post.twilio(STATUS, DELIVERED, forged), 403, "not-signed-by-twilio")


async def test_without_an_auth_token_an_empty_one_opens_nothing(
    library: PlanLibrary, temporal: FakeTemporal
) -> None:
    app = create_app(temporal, library, Settings(public_url=PUBLIC_URL), lambda: NOON)
    signature = RequestValidator("").compute_signature(PUBLIC_URL + KEY, ONE)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        answer = await http.post(KEY, data=ONE, headers={"X-Twilio-Signature": signature})

    assert_problem(answer, 403, "not-signed-by-twilio")


async def test_a_url_of_ours_with_parameters_missing_is_refused(post: Post) -> None:
    answer = await post.twilio("/v1/twilio/status?workflow=incident-1&message=", DELIVERED)

    assert "incident, message" in assert_problem(answer, 400, "incomplete-url")["detail"]
    assert_problem(await post.twilio(KEY.replace("page=2", "page=two"), ONE), 400, "incomplete-url")


def event(name: str, message: str = f"{ID}-m1", **more: Any) -> dict[str, Any]:
    ours = {"tocsin_workflow": f"incident-{ID}", "tocsin_incident": ID, "tocsin_message": message}
    return {"event": name, "timestamp": 1772366400, "sg_message_id": "abc.recvd-1", **ours, **more}


async def test_each_event_of_an_email_that_is_news_is_told_in_order(post: Post) -> None:
    post.temporal.runs(OPEN)

    answer = await post.sendgrid([event("processed"), event("deferred"), event("delivered")])

    assert (answer.status_code, answer.json()) == (200, {"told": 2})
    assert [told.argument.report.state for told in post.temporal.told] == [
        DeliveryState.FAILED_FOR_NOW,
        DeliveryState.DELIVERED,
    ]
    assert {told.argument.message for told in post.temporal.told} == {f"{ID}-m1"}


async def test_events_about_mail_that_is_not_ours_are_taken_and_told_to_nobody(post: Post) -> None:
    post.temporal.runs(OPEN)
    strange = {"event": "delivered", "timestamp": 1772366400, "sg_message_id": "x", "email": "a@example.com"}

    answer = await post.sendgrid(
        [strange, event("open"), event("delivered", "other-m1", tocsin_incident="OTHER")]
    )

    assert answer.status_code == 200
    assert [told.argument.message for told in post.temporal.told] == ["other-m1"]


async def test_events_that_sendgrid_did_not_sign_are_not_believed(post: Post) -> None:
    post.temporal.runs(OPEN)

    tampered = await post.sendgrid([event("delivered")], tamper=b" ")
    unsigned = await post.http.post("/v1/sendgrid/events", json=[event("delivered")])

    assert_problem(tampered, 403, "not-signed-by-sendgrid")
    assert_problem(unsigned, 403, "not-signed-by-sendgrid")
    assert post.temporal.told == []


async def test_without_a_verification_key_no_event_is_believed(
    library: PlanLibrary, temporal: FakeTemporal
) -> None:
    app = create_app(temporal, library, Settings(), lambda: NOON)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        assert_problem(await http.post("/v1/sendgrid/events", json=[]), 403, "not-signed-by-sendgrid")


async def test_signed_events_of_the_wrong_shape_are_refused(post: Post) -> None:
    assert_problem(await post.sendgrid({"event": "delivered"}), 400, "wrong-shape")
    assert_problem(await post.sendgrid([1]), 400, "wrong-shape")


async def test_events_that_temporal_cannot_take_are_asked_for_again(post: Post) -> None:
    post.temporal.failure = unavailable()

    assert_problem(await post.sendgrid([event("delivered")]), 503, "temporal-unavailable")


def test_a_verification_key_that_is_none_is_refused_at_once(
    library: PlanLibrary, temporal: FakeTemporal
) -> None:
    with pytest.raises(SettingsError, match=r"SENDGRID_EVENTS_PUBLIC_KEY: .*copy the verification key"):
        create_app(temporal, library, Settings(sendgrid_events_public_key="AAAA"))
