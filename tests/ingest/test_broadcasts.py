"""What vendors report of messages to an audience is written down, and told to no workflow."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.ingest.conftest import PUBLIC_URL, Post
from tests.ingest.test_monitors import assert_problem
from tests.ingest.test_vendors import path
from tocsin.broadcastfiles import BroadcastFolder
from tocsin.callbacks import broadcast_status_url
from tocsin.domain.delivery import DeliveryState
from tocsin.settings import Settings
from tocsin.suppressions import Suppressions

ID = "ABCDEFGH12-b1"


def event(name: str, row: object = 7, broadcast: str = ID, **more: Any) -> dict[str, Any]:
    ours = {"tocsin_broadcast": broadcast, "tocsin_row": str(row)}
    return {
        "event": name,
        "timestamp": 1772366400,
        "sg_message_id": "abc.recvd-1",
        "email": f"ship-{row}@example.org",
        **ours,
        **more,
    }


@pytest.fixture
def folder(settings: Settings) -> BroadcastFolder:
    return BroadcastFolder(settings.state, ID)


async def test_what_became_of_each_row_is_counted_once_however_often_it_is_reported(
    post: Post, folder: BroadcastFolder
) -> None:
    await post.sendgrid([event("processed"), event("delivered"), event("deferred", 8), event("bounce", 9)])
    await post.sendgrid([event("delivered"), event("delivered", 8), event("deferred", 9)])

    assert folder.deliveries() == Counter({DeliveryState.DELIVERED: 2, DeliveryState.FAILED: 1})
    assert post.temporal.told == []


async def test_a_text_to_an_audience_is_counted_by_twilios_word(post: Post, folder: BroadcastFolder) -> None:
    url = path(broadcast_status_url(PUBLIC_URL, ID, 12))

    answer = await post.twilio(url, {"MessageSid": "SM1", "MessageStatus": "delivered"})

    assert answer.json() == {"outcome": "kept"}
    assert folder.deliveries() == Counter({DeliveryState.DELIVERED: 1})
    assert post.temporal.told == []


async def test_a_text_whose_report_twilio_did_not_sign_is_not_counted(
    post: Post, folder: BroadcastFolder
) -> None:
    url = path(broadcast_status_url(PUBLIC_URL, ID, 12))

    answer = await post.twilio(url, {"MessageSid": "SM1", "MessageStatus": "delivered"}, "forged")

    assert_problem(answer, 403, "not-signed-by-twilio")
    assert not folder.deliveries()


@pytest.mark.parametrize(
    "strange",
    [
        event("delivered", broadcast="../../etc"),
        event("delivered", row="seven"),
        event("delivered", row="-1"),
    ],
)
async def test_a_name_that_is_none_of_ours_leads_nowhere(
    post: Post, settings: Settings, strange: dict[str, Any]
) -> None:
    answer = await post.sendgrid([strange])

    assert answer.status_code == 200
    assert not (settings.state / "broadcasts").exists()


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        (event("bounce", type="bounce"), "mail to it bounced"),
        (event("bounce", type="blocked"), ""),
        (event("dropped", reason="Bounced Address"), "mail to it bounced"),
        (event("dropped", reason="Recipient List over Package Quota"), ""),
        (event("spamreport"), "reported our mail as spam"),
        (event("unsubscribe"), "unsubscribed"),
        (event("group_unsubscribe"), "unsubscribed"),
        (event("delivered"), ""),
        (event("deferred"), ""),
    ],
)
async def test_an_address_that_is_out_of_use_is_remembered_whichever_mail_came_back(
    post: Post, settings: Settings, reported: dict[str, Any], reason: str
) -> None:
    of_no_broadcast = {name: value for name, value in reported.items() if not name.startswith("tocsin_")}

    await post.sendgrid([of_no_broadcast, of_no_broadcast])

    register = Suppressions(settings.state)
    assert register.now().reason("SHIP-7@example.org") == reason
    assert not register.path.exists() or "ship-7" not in register.path.read_text()


async def test_reports_that_the_disk_does_not_take_are_asked_for_again(
    post: Post, settings: Settings
) -> None:
    settings.state.mkdir(parents=True, exist_ok=True)
    (settings.state / "broadcasts").write_text("a file where a folder should be")

    answer = await post.sendgrid([event("delivered")])

    assert_problem(answer, 503, "not-kept")
    assert int(answer.headers["Retry-After"]) > 0
