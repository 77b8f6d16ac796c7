"""The picture of an incident: what it shows, in the order of time; that it is small, and stands by itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from tests.domain.world import World
from tocsin.domain import commands as said_as
from tocsin.domain.picturing import (
    MOST_DUES,
    MOST_LANES,
    MOST_SENT,
    Due,
    Lane,
    Mark,
    Picture,
    Span,
    picture,
    picture_of,
)
from tocsin.domain.state import Message, Target
from tocsin.domain.view import LedgerRow
from tocsin.domain.words import Anchor, Phase, Verdict
from tocsin.picture import WIDTH, draw, told
from tocsin.timeaxis import Axis

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LISBON = ZoneInfo("Europe/Lisbon")
SVG = "{http://www.w3.org/2000/svg}"


def hours(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def drawn(**what) -> ET.Element:
    return ET.fromstring(draw(Picture(**({"opened": NOON, "at": hours(6)} | what)), LISBON))


def titles(svg: ET.Element) -> list[str]:
    return [title.text or "" for title in svg.iter(f"{SVG}title")][1:]


def words(svg: ET.Element) -> list[str]:
    return [text.text or "" for text in svg.iter(f"{SVG}text")]


# ---- what it is made of ----


@pytest.fixture
def storm() -> World:
    """A storm that was noticed late, was taken up after seven minutes, and is over after two days."""
    world = World()
    world.alert("storm", customer="orca", began=world.now - timedelta(hours=3))
    world.passes(minutes=7)
    world.acknowledges()
    world.passes(hours=20)
    world.says(said_as.Resolve, summary="calm")
    world.passes(hours=30)
    return world


def test_a_storm_as_it_is_pictured(storm: World) -> None:
    seen = picture_of(storm.case, storm.now)
    assert [mark.label for mark in seen.anchors][:2] == ["detected", "aware"]
    assert {mark.label for mark in seen.sent} >= {"page", "notice", "report"}
    lanes = {lane.title: [due.verdict for due in lane.dues] for lane in seen.lanes}
    assert lanes["A pilot is summoned"] == [Verdict.MET]
    assert lanes["The crews get an interim report"] == [Verdict.MET] * 5
    assert seen.left_out == 0


def test_the_phases_follow_one_another(storm: World) -> None:
    state, now = storm.state, storm.now
    entries = [*storm.archived, *state.timeline]
    spans = picture(state.opened, state.phase, {}, entries, [], [], now).phases
    assert spans[0].label == Phase.IMMEDIATE_ACTION.label
    assert [span.begins for span in spans][1:] == [span.ends for span in spans][:-1]
    assert spans[-1].ends is None


def test_a_phase_whose_beginning_is_archived_is_said_to_be_older() -> None:
    (span,) = picture(NOON, Phase.BACKUP_AND_MEETING, {}, [], [], [], hours(1)).phases
    assert (span.label, span.is_older) == ("3 backup and meeting", True)
    assert "or earlier" in titles(drawn(phases=(span,)))[0]


def row(number: int, title: str = "An interim report") -> LedgerRow:
    return LedgerRow(
        key=f"interim#{number}",
        title=title,
        clause="§ 1",
        source="policy",
        due=hours(number),
        verdict=Verdict.MET,
        settled=hours(number - 0.1),
        reason="",
    )


def message(number: int) -> Message:
    at = NOON + timedelta(minutes=number)
    return Message(
        id=f"m{number}", purpose="page", template="page", target=Target(), channel="sms", created=at, sent=at
    )


def test_a_picture_of_a_very_long_incident_stays_small_and_says_what_it_leaves_out() -> None:
    rows = [row(number, f"{'支' * 100} {number % 30}") for number in range(1_000)]
    seen = picture(NOON, None, {}, [], [message(number) for number in range(1_000)], rows, hours(1_000))
    assert len(seen.lanes) == MOST_LANES
    assert len(seen.sent) == MOST_SENT
    assert sum(len(lane.dues) for lane in seen.lanes) <= MOST_DUES
    assert seen.left_out == 2_000 - MOST_SENT - sum(len(lane.dues) for lane in seen.lanes)
    assert len(seen.model_dump_json()) < 20_000
    assert any(f"{seen.left_out} " in text for text in words(ET.fromstring(draw(seen, LISBON))))


def test_messages_of_one_minute_are_one_mark() -> None:
    messages = [message(1), message(1), message(2)]
    assert [mark.at for mark in picture(NOON, None, {}, [], messages, [], hours(1)).sent] == [
        NOON + timedelta(minutes=1),
        NOON + timedelta(minutes=2),
    ]


def test_what_never_fell_due_has_no_line() -> None:
    never = row(1).model_copy(update={"verdict": Verdict.NOT_APPLICABLE})
    unarmed = row(2).model_copy(update={"due": None})
    assert picture(NOON, None, {}, [], [], [never, unarmed], hours(1)).lanes == ()


def test_a_picture_travels_with_a_report_to_the_crews_and_not_with_one_to_outsiders(storm: World) -> None:
    inside = storm.sent("interim")[0].dispatch
    assert inside.picture is not None
    assert len(inside.model_dump_json()) < 20_000
    outside = [letter.dispatch for letter in storm.letters if letter.dispatch.is_for_outsiders]
    assert outside
    assert all(dispatch.picture is None for dispatch in outside)


# ---- what it shows ----


def test_each_verdict_is_told_in_words_and_has_its_own_shape() -> None:
    dues = tuple(
        Due(due=hours(number), settled=hours(number + late) if verdict.is_settled else None, verdict=verdict)
        for number, (verdict, late) in enumerate(
            [(Verdict.MET, -0.5), (Verdict.LATE, 0.5), (Verdict.MISSED, 1), (Verdict.PENDING, 0)]
        )
    )
    svg = drawn(lanes=(Lane(title="An interim report", dues=dues),))
    assert "1 met, 1 late, 1 missed, 1 pending" in words(svg)
    assert titles(svg)[1] == (
        "An interim report: due Mon 1 Jun 2026, 14:00, settled Mon 1 Jun 2026, 14:30: late"
    )
    assert len([path for path in svg.iter(f"{SVG}path") if "l14 14" in path.get("d", "")]) == 1


def test_times_are_those_of_the_plans_clock() -> None:
    svg = drawn(anchors=(Mark(label="detected", at=NOON),))
    assert "13:00" in words(svg)
    assert titles(svg) == ["detected: Mon 1 Jun 2026, 13:00"]


def test_what_happened_at_one_moment_shares_a_mark_and_names_never_overlap() -> None:
    near = [Mark(label=f"anchor {number}", at=NOON + timedelta(minutes=number // 2)) for number in range(6)]
    svg = drawn(anchors=tuple(near))
    labels = [text for text in svg.iter(f"{SVG}text") if (text.text or "").startswith("anchor")]
    assert [text.text for text in labels] == [
        "anchor 0, anchor 1",
        "anchor 2, anchor 3",
        "anchor 4, anchor 5",
    ]
    assert len({text.get("y") for text in labels}) == 3


def test_marks_stay_on_the_sheet() -> None:
    svg = drawn(
        phases=(Span(label="1 immediate action", begins=NOON, ends=None),),
        anchors=(Mark(label="a name at the very end", at=hours(6)), Mark(label="occurred", at=hours(-2_000))),
        sent=(Mark(label="page", at=hours(3)),),
        lanes=(Lane(title="Far", dues=(Due(due=hours(2_000), settled=None, verdict=Verdict.PENDING),)),),
    )
    places = [float(each.get(name, "0")) for each in svg.iter() for name in ("x", "cx")]
    places += [
        float(found)
        for each in svg.iter(f"{SVG}path")
        for found in re.findall(r"[MH]([\d.]+)", each.get("d", ""))
    ]
    assert max(places) <= WIDTH
    assert min(places) >= 0


def test_names_are_text_and_never_markup() -> None:
    assert "<script>&" in words(drawn(lanes=(Lane(title="<script>&", dues=(due(),)),)))[-4:]


def due() -> Due:
    return Due(due=hours(1), settled=None, verdict=Verdict.PENDING)


@pytest.mark.parametrize("title", ["x" * 60, "支払い" * 20, ""])
def test_a_long_name_is_cut(title: str) -> None:
    svg = drawn(lanes=(Lane(title=title, dues=(due(),)),))
    assert max(len(text) for text in words(svg)[:-2]) <= 36


def test_an_incident_that_has_only_begun_can_be_drawn() -> None:
    assert drawn(at=NOON).get("width") == str(WIDTH)


def test_the_picture_is_told_in_a_sentence() -> None:
    seen = Picture(opened=NOON, at=hours(1), lanes=(Lane(title="A promise", dues=(due(), due())),))
    assert told(seen, LISBON) == "What happened until Mon 1 Jun 2026, 14:00. Promises: 2 pending."


def test_the_same_picture_is_drawn_the_same(storm: World) -> None:
    seen = picture_of(storm.case, storm.now)
    assert draw(seen, LISBON) == draw(Picture.model_validate_json(seen.model_dump_json()), LISBON)


# ---- the axis ----


def axis(begins: float, at: float, ends: float, zone: ZoneInfo = LISBON) -> Axis:
    return Axis.between(hours(begins), NOON, hours(at), hours(ends), 200, 740, zone)


@pytest.mark.parametrize(
    ("begins", "at", "ends"), [(0, 1, 1), (-2_000, 0.1, 2_000), (0, 0, 0), (-1, 300, 300), (0, 5_000, 9_000)]
)
def test_later_is_further_right_whatever_the_lengths(begins: float, at: float, ends: float) -> None:
    line = axis(begins, at, ends)
    moments = [hours(begins + (ends - begins) * share / 40) for share in range(41)]
    places = [line.x(moment) for moment in moments]
    assert places == sorted(places)
    assert 200 <= places[0] <= places[-1] <= 740


def test_the_incident_itself_is_never_crushed() -> None:
    line = axis(-2_000, 1, 2_000)
    assert line.x(hours(1)) - line.x(NOON) >= 0.39 * 540


@pytest.mark.parametrize(("at", "ends"), [(0.2, 1), (6, 24), (50, 60), (400, 400), (9_000, 20_000)])
def test_ticks_are_round_and_have_room(at: float, ends: float) -> None:
    ticks = list(axis(0, at, ends).ticks())
    assert 2 <= len(ticks) <= 12
    assert ticks[0].opens_a_day
    assert all(tick.at.second == 0 for tick in ticks)
    assert all(after.x - before.x >= 46 for before, after in pairwise(ticks))


def test_midnight_stays_midnight_when_the_clocks_change() -> None:
    line = Axis.between(
        datetime(2026, 3, 27, tzinfo=UTC),
        datetime(2026, 3, 27, tzinfo=UTC),
        datetime(2026, 4, 2, tzinfo=UTC),
        datetime(2026, 4, 2, tzinfo=UTC),
        200,
        740,
        LISBON,
    )
    assert {(tick.at.hour, tick.at.minute) for tick in line.ticks()} == {(0, 0)}


def test_anchors_are_named_as_people_say_them(storm: World) -> None:
    known = {Anchor.CUSTOMER_NOTIFIED: storm.state.anchors[Anchor.AWARE]}
    (mark,) = picture(NOON, None, known, [], [], [], hours(1)).anchors
    assert mark.label == "customer notified"
