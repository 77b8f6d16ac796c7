"""Telling everybody on a list: nobody is passed over, whatever dies, and who can't be told is named."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from time import monotonic

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crowds import ID, NOW, Crowd, Killed, ships
from tests.workflows.lighthouse import FakeChannel
from tocsin.broadcastfiles import BroadcastFolder, InUse
from tocsin.bulksenders import OneByOne, Pace
from tocsin.domain.broadcasts import Batch, BatchRefused, DeliveryNote, Suppression
from tocsin.domain.channel import OutcomeUnknown, Refused, Sms, TryAgain
from tocsin.files import DamagedFile
from tocsin.optouts import OptOuts
from tocsin.suppressions import Suppressions


def refusing(*, bad: str, named: bool):
    """A vendor's rule: a batch with this address in it is refused, whether or not it says for whom."""

    def rule(batch: Batch) -> None:
        positions = [at for at, row in enumerate(batch.rows) if row.to == bad]
        if positions:
            raise BatchRefused("no such address", "400", positions if named else ())

    return rule


def failing(error: Exception | Killed):
    def fail(_: Batch | Sms) -> None:
        raise error

    return fail


def test_everybody_is_told_once_each_by_name_and_nobody_sees_anybody_else(tmp_path):
    crowd = Crowd.of(tmp_path, ships(2_500))

    share = crowd.tell_everybody()

    assert Counter(crowd.vendor.to) == Counter({f"ship-{number}@example.org": 1 for number in range(2_500)})
    assert [len(batch.rows) for batch in crowd.vendor.batches] == [1_000, 1_000, 500]
    assert (share.counts.accepted, share.counts.left, share.counts.may_be_doubled) == (2_500, 0, 0)


def test_those_with_a_name_and_those_without_are_told_in_words_of_their_own(tmp_path):
    crowd = Crowd.of(tmp_path, ["a@example.org,Ann", "b@example.org,", "c@example.org,Cy & Co"])

    crowd.tell_everybody()

    unnamed, named = crowd.vendor.batches
    assert unnamed.email.text.startswith("There is fog, captain.")
    assert named.email.text.startswith("There is fog, %recipient-name%.")
    assert "There is fog, %recipient-name-html%." in named.email.html
    assert named.email.subject == "[ABCDE] Fog, %recipient-name%"
    assert [row.name for row in named.rows] == ["Ann", "Cy & Co"]
    assert named.email.correlation == {"broadcast": ID}


def test_an_address_that_is_none_one_that_stands_twice_and_one_that_bounced_are_listed_by_row(tmp_path):
    crowd = Crowd.of(tmp_path, ["a@example.org,Ann", "nobody,Bo", "A@example.org,Ann", "c@example.org,Cy"])
    Suppressions(crowd.state).add([Suppression(address="c@example.org", reason="bounced", at=NOW)])

    pinned, share = crowd.pin(), crowd.tell_everybody()

    assert pinned.doubled == 1
    assert crowd.vendor.to == ["a@example.org"]
    counts = share.counts
    assert (counts.recipients, counts.accepted, counts.malformed, counts.suppressed) == (3, 1, 1, 1)
    assert [(trouble.row, trouble.reason) for trouble in crowd.folder.troubles()] == [
        (3, "has an email address that is none"),
        (4, "is written to once: row 2 has the same address"),
        (5, "bounced"),
    ]


def test_a_list_is_pinned_once_and_edits_of_it_come_too_late(tmp_path):
    crowd = Crowd.of(tmp_path, ships(3))
    first = crowd.pin()
    (tmp_path / "plans" / "lighthouse" / "lists" / "ships.csv").write_text("email\n")

    assert crowd.pin() == first
    crowd.tell_everybody()
    assert len(crowd.vendor.to) == 3


def test_a_pinned_list_that_was_changed_is_not_sent(tmp_path):
    crowd = Crowd.of(tmp_path, ships(3))
    pinned = crowd.pin()
    path = crowd.state / "lists" / f"{pinned.sha256}.jsonl"
    path.write_text(path.read_text().replace("ship-1@", "mallory@"))

    with pytest.raises(DamagedFile, match="was changed after it was pinned"):
        crowd.send()
    assert crowd.vendor.to == []


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "the list ships.csv has nobody"),
        (
            ["nowhere,Bo"],
            "the list ships.csv has nobody who can be written to by email: 1 malformed, 0 suppressed",
        ),
    ],
)
def test_a_list_without_anybody_who_can_be_written_to_says_so(tmp_path, rows, problem):
    assert Crowd.of(tmp_path, rows).pin().problem == problem


def test_a_list_that_is_not_there_says_where_it_should_be(tmp_path):
    crowd = Crowd.of(tmp_path, [])
    (tmp_path / "plans" / "lighthouse" / "lists" / "ships.csv").unlink()

    assert "lists/ships.csv cannot be read" in crowd.pin().problem


# ---- what a vendor refuses ----


def test_whom_the_vendor_names_is_left_out_and_listed_and_all_others_are_told(tmp_path):
    crowd = Crowd.of(tmp_path, ships(1_500))
    crowd.vendor.before = [refusing(bad="ship-7@example.org", named=True)]

    share = crowd.tell_everybody()

    assert len(crowd.vendor.to) == 1_499
    assert (share.counts.accepted, share.counts.refused) == (1_499, 1)
    assert [trouble.row for trouble in crowd.folder.troubles()] == [9], (
        "line 9 of the file: the header is line 1"
    )


def test_whom_the_vendor_refuses_without_a_name_is_found_by_halving(tmp_path):
    crowd = Crowd.of(tmp_path, ships(1_500))
    crowd.vendor.before = [refusing(bad="ship-700@example.org", named=False)] * 60

    share = crowd.tell_everybody()

    assert len(crowd.vendor.to) == len(set(crowd.vendor.to)) == 1_499
    assert (share.counts.accepted, share.counts.refused, share.counts.may_be_doubled) == (1_499, 1, 0)
    assert len(crowd.vendor.batches) < 40


def test_a_message_that_is_taken_for_nobody_is_itself_at_fault(tmp_path):
    crowd = Crowd.of(tmp_path, ships(1_500))
    crowd.vendor.before = [failing(BatchRefused("no", "400"))] * 200

    with pytest.raises(Refused, match="the message is at fault"):
        crowd.tell_everybody()
    assert crowd.vendor.to == []


# ---- what dies, and what is away ----


def test_a_vendor_that_is_busy_is_asked_again_and_nobody_is_doubled(tmp_path):
    crowd = Crowd.of(tmp_path, ships(1_500))
    crowd.vendor.before = [lambda _: None, failing(TryAgain("busy", timedelta(seconds=30)))]

    with pytest.raises(TryAgain):
        crowd.send()
    share = crowd.tell_everybody()

    assert len(crowd.vendor.to) == len(set(crowd.vendor.to)) == 1_500
    assert share.counts.may_be_doubled == 0


def test_after_an_answer_that_was_lost_the_batch_goes_again_and_is_counted(tmp_path):
    crowd = Crowd.of(tmp_path, ships(1_500))
    crowd.vendor.before = [failing(OutcomeUnknown("no answer"))]

    with pytest.raises(OutcomeUnknown):
        crowd.send()
    share = crowd.tell_everybody()

    assert (share.counts.accepted, share.counts.may_be_doubled) == (1_500, 1_000)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.integers(1, 60),
    largest=st.integers(1, 12),
    deaths=st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=6),
)
def test_whatever_dies_whenever_nobody_is_passed_over_and_one_batch_at_most_is_doubled_for_each_death(
    tmp_path_factory, people, largest, deaths
):
    crowd = Crowd.of(tmp_path_factory.mktemp("crowd"), ships(people))
    crowd.vendor.largest = largest
    for is_before, after in deaths:
        crowd.vendor.before = [lambda _: None] * after + ([failing(Killed())] if is_before else [])
        crowd.vendor.dies_after = None if is_before else len(crowd.vendor.batches) + after + 1
        with suppress(Killed):  # where nobody was left, it did not come to that
            crowd.send()
    crowd.vendor.before, crowd.vendor.dies_after = [], None

    share = crowd.tell_everybody()

    told = Counter(crowd.vendor.to)
    assert set(told) == {f"ship-{number}@example.org" for number in range(people)}, "nobody is passed over"
    doubled = sum(count - 1 for count in told.values())
    assert doubled <= share.counts.may_be_doubled <= largest * len(deaths)
    assert share.counts.accepted == people


def test_a_line_that_a_death_cut_short_is_written_over(tmp_path):
    crowd = Crowd.of(tmp_path, ships(1_500))
    crowd.vendor.before = [lambda _: None, failing(Killed())]
    with pytest.raises(Killed):
        crowd.send()
    journal = crowd.state / "broadcasts" / ID / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])

    crowd.tell_everybody()

    assert len(crowd.vendor.to) == len(set(crowd.vendor.to)) == 1_500


def test_two_that_send_at_once_are_one(tmp_path):
    crowd = Crowd.of(tmp_path, ships(3))
    crowd.pin()

    with BroadcastFolder(crowd.state, ID).journal(), pytest.raises(InUse, match="sent elsewhere"):
        crowd.send()
    assert crowd.vendor.to == []


def test_a_process_that_is_about_to_stop_begins_no_batch(tmp_path):
    crowd = Crowd.of(tmp_path, ships(3))

    share = crowd.send(goes_on=lambda: False)

    assert (crowd.vendor.to, share.counts.left) == ([], 3)


# ---- texts ----


def test_texts_go_to_those_who_have_a_number_and_did_not_reply_stop(tmp_path):
    rows = ["+12025550111,Ann", "+1 (202) 555-0112,Bo", "0202555,Cy", "+12025550114,"]
    crowd = Crowd.of(tmp_path, rows, "phone,name", channel="sms")
    OptOuts(crowd.state).stop(["+12025550112"], NOW)

    share = crowd.tell_everybody()

    assert [text.to for text in crowd.carrier.texts] == ["+12025550114", "+12025550111"]
    assert [text.body for text in crowd.carrier.texts] == [
        "Lighthouse Ltd: There is fog, captain.",
        "Lighthouse Ltd: There is fog, Ann.",
    ]
    assert crowd.carrier.texts[1].status_callback.endswith(f"/v1/twilio/broadcast?broadcast={ID}&row=2")
    assert (share.counts.malformed, share.counts.suppressed, share.counts.accepted) == (1, 1, 2)


def test_a_text_that_was_taken_before_a_death_is_not_sent_again(tmp_path):
    crowd = Crowd.of(tmp_path, [f"+1202555011{n}" for n in range(5)], "phone", channel="sms")
    crowd.carrier.dies_after = 3

    share = crowd.tell_everybody()

    assert len(crowd.carrier.texts) == 5
    assert (share.counts.accepted, share.counts.may_be_doubled) == (5, 0)


def test_a_number_that_cannot_be_texted_is_listed_and_the_others_are_told(tmp_path):
    crowd = Crowd.of(tmp_path, [f"+1202555011{n}" for n in range(3)], "phone", channel="sms")
    crowd.carrier.before = [lambda _: None, failing(BatchRefused("a landline", "21614", (0,)))]

    share = crowd.tell_everybody()

    assert (share.counts.accepted, share.counts.refused) == (2, 1)
    assert [(trouble.row, trouble.reason) for trouble in crowd.folder.troubles()] == [(3, "a landline")]


def test_texts_leave_no_faster_than_their_pace():
    pace, began = Pace(50), monotonic()

    for _ in range(6):
        pace.wait()

    assert monotonic() - began >= 0.1


# ---- without a vendor that takes many at once ----


def test_where_no_vendor_takes_many_each_email_leaves_by_itself_with_the_name_in_its_place(tmp_path):
    channel = FakeChannel("smtp", failures=[Refused("no such mailbox", "550")])
    crowd = Crowd.of(tmp_path, ["a@example.org,Ann & Co", "b@example.org,", "c@example.org,Cy"])
    crowd.vendor = OneByOne(channel)

    share = crowd.tell_everybody()

    assert channel.to == ["a@example.org", "c@example.org"], (
        "those without a name came first, and there was one"
    )
    assert channel.sent[0].text.startswith("There is fog, Ann & Co.")
    assert "There is fog, Ann &amp; Co." in channel.sent[0].html
    assert channel.sent[0].correlation == {"broadcast": ID, "row": "2"}
    assert (share.counts.accepted, share.counts.refused) == (2, 1)


# ---- drills ----


def test_in_a_drill_one_copy_of_each_batch_goes_to_the_drill_inbox_and_nothing_to_anybody_else(tmp_path):
    crowd = Crowd.of(tmp_path, ships(2_500), is_drill=True)

    share = crowd.tell_everybody()

    assert crowd.vendor.to == ["drill@example.com"] * 3
    assert len({batch.email.message_id for batch in crowd.vendor.batches}) == 3
    assert share.counts.accepted == 2_500
    assert "THIS IS A DRILL" in crowd.vendor.batches[0].email.text


# ---- what the vendor reports ----


def test_a_report_that_a_crash_cut_short_is_written_over_and_costs_no_other(tmp_path):
    folder = BroadcastFolder(tmp_path, ID)
    folder.keep_deliveries(DeliveryNote(row=row, state="delivered", at=NOW) for row in range(200))
    file = tmp_path / "broadcasts" / ID / "deliveries.jsonl"
    file.write_bytes(file.read_bytes()[:-7])

    folder.keep_deliveries([DeliveryNote(row=500, state="failed", at=NOW)])

    assert folder.deliveries() == {"delivered": 199, "failed": 1}
