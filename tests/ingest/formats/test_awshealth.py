from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.ingest.formats.amazon import delivered, notification, question
from tests.ingest.harbour import NOON
from tocsin.domain.readings import Reading
from tocsin.ingest.formats import Delivered, awshealth
from tocsin.ingest.problems import Problem
from tocsin.sources import Source

SOURCE = Source(source="health", format="aws-health")
ARN = "arn:aws:health:eu-west-1::event/EC2/AWS_EC2_OPERATIONAL_ISSUE/AWS_EC2_OPERATIONAL_ISSUE_7F3K2"

DETAIL: dict[str, Any] = {
    "eventArn": ARN,
    "service": "EC2",
    "eventTypeCode": "AWS_EC2_OPERATIONAL_ISSUE",
    "eventTypeCategory": "issue",
    "eventScopeCode": "ACCOUNT_SPECIFIC",
    "communicationId": "01b0993207d81a09dcd552ebd1e633e36cf1f09a-1",
    "startTime": "Tue, 24 Nov 2026 11:19:03 GMT",
    "lastUpdatedTime": "Tue, 24 Nov 2026 11:44:13 GMT",
    "statusCode": "open",
    "eventRegion": "eu-west-1",
    "eventDescription": [
        {"language": "de_DE", "latestDescription": "Wir untersuchen."},
        {"language": "en_US", "latestDescription": "We are investigating.\\nMore soon."},
    ],
    "affectedEntities": [
        {
            "entityValue": "i-abcd1111",
            "status": "IMPAIRED",
            "lastUpdatedTime": "Tue, 24 Nov 2026 11:26:19 GMT",
        },
        {"entityValue": "i-abcd2222"},
    ],
    "affectedAccount": "123456789012",
    "page": "1",
    "totalPages": "1",
}

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "AWS Health Event",
    "source": "aws.health",
    "account": "999999999999",
    "time": "2026-11-24T11:46:00Z",
    "region": "us-west-2",
    "resources": [],
    "detail": DETAIL,
}

CLOUDEVENT = {"specversion": "1.0", "id": "1", "source": "aws.health", "type": "AWS Health Event"}


def read(what: Any, **headers: str) -> Reading:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    (reading,) = awshealth.read(Delivered(json.dumps(what).encode(), named, NOON), SOURCE)
    return reading


def of(**change: Any) -> Reading:
    return read(EVENT | {"detail": DETAIL | change})


def test_an_event_that_is_open_opens_an_incident_since_it_began() -> None:
    reading = read(EVENT)

    assert (reading.group, reading.is_firing) == (ARN, True)
    assert reading.title == "EC2 AWS_EC2_OPERATIONAL_ISSUE eu-west-1"
    assert reading.began(NOON) == datetime(2026, 11, 24, 11, 19, 3, tzinfo=UTC)


def test_plans_can_tell_troubles_from_announcements() -> None:
    reading = read(EVENT)

    assert reading.all_labels == {
        "alertname": "AWS_EC2_OPERATIONAL_ISSUE",
        "service": "EC2",
        "eventTypeCategory": "issue",
        "eventScopeCode": "ACCOUNT_SPECIFIC",
        "region": "eu-west-1",
        "account": "123456789012",
    }
    assert reading.all_annotations == {
        "description": "We are investigating.\nMore soon.",
        "affected": "i-abcd1111 (IMPAIRED)\ni-abcd2222",
    }


def test_the_same_event_in_another_account_is_another_alert_of_the_same_incident() -> None:
    ours, theirs = read(EVENT), of(affectedAccount="210987654321")

    assert ours.group == theirs.group
    assert ours.sightings[0].key != theirs.sightings[0].key


def test_an_event_that_comes_by_way_of_another_region_is_the_same_alert() -> None:
    assert read(EVENT | {"region": "eu-west-1", "id": "another"}) == read(EVENT)


def test_closed_resolves() -> None:
    closed = of(statusCode="closed", endTime="Tue, 24 Nov 2026 11:55:00 GMT")

    assert (closed.group, closed.is_firing, closed.sightings[0].remark) == (ARN, False, "")


def test_what_is_upcoming_is_a_remark_and_opens_nothing() -> None:
    [sighting] = of(statusCode="upcoming", eventTypeCategory="scheduledChange").sightings

    assert (sighting.is_firing, sighting.remark) == (False, "is announced, says AWS Health")


@pytest.mark.parametrize(
    ("end", "fires"), [("Tue, 24 Nov 2026 11:55:00 GMT", False), ("2026-11-25T00:00:00Z", True), (None, True)]
)
def test_where_aws_leaves_the_status_out_the_times_tell(end: str | None, fires: bool) -> None:
    assert of(statusCode=None, endTime=end).is_firing is fires


def test_a_status_that_nobody_knows_yet_fires() -> None:
    assert of(statusCode="smouldering").is_firing


def test_of_a_thousand_entities_a_hundred_are_named() -> None:
    many = [{"entityValue": f"i-{number}"} for number in range(1000)]

    affected = of(affectedEntities=many).all_annotations["affected"].splitlines()

    assert (len(affected), affected[-1]) == (101, "and 900 more")


def test_the_least_that_aws_may_say_is_enough() -> None:
    reading = read({"detail": {"eventArn": ARN}})

    assert (reading.group, reading.title, reading.is_firing, reading.all_labels) == (ARN, ARN, True, {})


def test_however_it_comes_it_is_the_same() -> None:
    through_sns = awshealth.read(delivered(notification(EVENT) | {"Signature": ""}), SOURCE)
    event = CLOUDEVENT | {"data": EVENT}
    in_sns = awshealth.read(delivered(notification(event) | {"Signature": ""}), SOURCE)
    structured = read(event, content_type="application/cloudevents+json")
    batch = read([event], content_type="application/cloudevents-batch+json")
    headers = {f"ce_{name}": value for name, value in CLOUDEVENT.items()}
    binary = read(EVENT, content_type="application/json", **headers)

    assert through_sns == in_sns == (structured,) == (batch,) == (binary,) == (read(EVENT),)


def test_a_cloudevent_may_hold_the_detail_alone() -> None:
    assert read(CLOUDEVENT | {"data": DETAIL}) == read(EVENT)


def test_what_is_written_around_a_signed_message_is_not_read() -> None:
    forged = CLOUDEVENT | {"data": {"eventArn": "forged"}}
    genuine = notification(EVENT) | {"Signature": ""}
    headers = {f"ce_{name}": str(value) for name, value in CLOUDEVENT.items()}

    assert read(genuine | forged, content_type="application/cloudevents+json").group == ARN
    assert read(genuine | {"eventArn": "forged"}, content_type="application/json", **headers).group == ARN


def test_what_sns_asks_about_itself_says_nothing_of_health() -> None:
    assert awshealth.read(delivered(question() | {"Signature": ""}), SOURCE) == ()


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ({"detail": {"eventArn": ""}}, "detail.eventArn"),
        ({"detail": {}}, "detail.eventArn"),
        ({"detail": DETAIL | {"affectedEntities": "all"}}, "detail.affectedEntities"),
        ({}, "detail"),
        ([], "the body"),
        (CLOUDEVENT, "the body"),
    ],
)
def test_what_aws_never_sends_is_refused_by_name(what: Any, named: str) -> None:
    with pytest.raises(Problem, match=named) as refused:
        read(what)

    assert refused.value.reason == "wrong-shape"
