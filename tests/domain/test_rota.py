"""Who is on duty at which moment: turns on local time, overrides, and hours in which nobody is disturbed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin.domain.hours import QuietHours, quiet_at
from tocsin.domain.rota import Rota
from tocsin.domain.shifts import Override, Shift

LOS_ANGELES = "America/Los_Angeles"
LISBON = "Europe/Lisbon"
KOLKATA = "Asia/Kolkata"
ZONES = (LOS_ANGELES, LISBON, KOLKATA, "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia")


def at(text: str, timezone: str = LOS_ANGELES) -> datetime:
    """`2026-03-08 09:00`, local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def shift(*people: str, **changes: object) -> Shift:
    """A weekly turn that is handed over on Mondays at nine."""
    given = {"people": people, "timezone": LOS_ANGELES, "starts": "2026-01-05", "handover": "mon 09:00"}
    return Shift.model_validate(given | changes)


def override(person: str, begins: str, ends: str, **changes: object) -> Override:
    given = {"role": "oncall", "person": person, "from": begins, "until": ends, "timezone": LOS_ANGELES}
    return Override.model_validate(given | changes)


def on_duty(rota: Rota, moment: datetime) -> list[str]:
    return [turn.person for turn in rota.on_duty(moment)]


def refusal_of(**changes: object) -> str:
    with pytest.raises(ValidationError) as refused:
        shift("dana", **changes)
    return refused.value.errors()[0]["msg"]


# ---- turns ----


def test_people_take_turns_week_by_week_from_the_first_handover_on():
    weekly = shift("dana", "sam", "kim")

    assert weekly.on_duty(at("2026-01-05 09:00")) == "dana"
    assert weekly.on_duty(at("2026-01-12 08:59")) == "dana"
    assert weekly.on_duty(at("2026-01-12 09:00")) == "sam"
    assert weekly.on_duty(at("2026-01-19 09:00")) == "kim"
    assert weekly.on_duty(at("2026-01-26 09:00")) == "dana"


def test_before_the_start_the_same_order_runs_backwards():
    weekly = shift("dana", "sam", "kim")

    assert weekly.on_duty(at("2026-01-05 08:59")) == "kim"
    assert weekly.on_duty(at("2025-12-22 09:00")) == "sam"


def test_a_handover_at_nine_is_at_nine_in_summer_and_in_winter():
    weekly = shift("dana", "sam", handover="sun 09:00", starts="2026-03-01")

    assert weekly.on_duty(at("2026-03-08 08:59")) == "dana"  # clocks went forward at two
    assert weekly.on_duty(at("2026-03-08 09:00")) == "sam"
    assert at("2026-03-08 09:00") - at("2026-03-01 09:00") == timedelta(days=7, hours=-1)


def test_a_handover_in_the_hour_that_clocks_skip_is_as_much_later_as_they_jump():
    weekly = shift("dana", "sam", handover="sun 02:30", starts="2026-03-01")

    assert weekly.on_duty(datetime(2026, 3, 8, 10, 29, tzinfo=UTC)) == "dana"
    assert weekly.on_duty(datetime(2026, 3, 8, 10, 30, tzinfo=UTC)) == "sam"


def test_a_turn_may_last_several_weeks():
    fortnightly = shift("dana", "sam", weeks=2)

    assert fortnightly.on_duty(at("2026-01-18 12:00")) == "dana"
    assert fortnightly.on_duty(at("2026-01-19 09:00")) == "sam"
    assert fortnightly.on_duty(at("2026-01-05 08:00")) == "sam"
    assert fortnightly.rhythm == "every 2 weeks"


def test_of_daily_turns_on_weekdays_each_is_one_turn_and_the_weekend_is_none():
    daily = shift("dana", "sam", every="day", handover="09:00", week="mon-fri", hours="09:00-17:00")

    assert daily.on_duty(at("2026-01-09 12:00")) == "dana"  # the fifth turn, on Friday
    assert daily.on_duty(at("2026-01-10 12:00")) is None
    assert daily.on_duty(at("2026-01-12 12:00")) == "sam"


def test_hours_may_cross_midnight_and_belong_to_the_day_on_which_they_begin():
    nights = shift("dana", "sam", every="day", handover=None, week="mon-fri", hours="22:00-06:00")

    assert nights.on_duty(at("2026-01-05 21:59")) is None
    assert nights.on_duty(at("2026-01-06 05:59")) == "dana"
    assert nights.on_duty(at("2026-01-06 22:00")) == "sam"
    assert nights.on_duty(at("2026-01-10 03:00")) == "dana"  # Friday's night
    assert nights.on_duty(at("2026-01-10 23:00")) is None


def test_where_no_handover_is_said_it_is_when_the_hours_begin_or_at_nine():
    assert shift("dana", "sam", handover=None).on_duty(at("2026-01-12 08:59")) == "dana"
    assert shift("dana", "sam", handover=None).on_duty(at("2026-01-12 09:00")) == "sam"
    early = shift("dana", "sam", handover=None, hours="06:00-14:00")
    assert early.on_duty(at("2026-01-12 06:00")) == "sam"


def test_shifts_that_follow_the_sun_leave_no_hour_of_a_day_without_somebody():
    sun = Rota(
        shifts=(
            shift("asha", timezone=KOLKATA, handover="09:00", hours="09:30-17:30"),
            shift("rui", timezone="UTC", handover="09:00", hours="12:00-20:00"),
            shift("dana", timezone="UTC", handover="09:00", hours="20:00-04:00"),
        )
    )
    day = [datetime(2026, 7, 1, hour, tzinfo=UTC) for hour in range(24)]

    assert [on_duty(sun, moment) for moment in day] == [["dana"]] * 4 + [["asha"]] * 8 + [["rui"]] * 8 + [
        ["dana"]
    ] * 4


# ---- overrides ----

CHRISTMAS = ("2026-12-24 09:00", "2026-12-27 09:00")


def test_an_override_goes_before_the_shift_for_exactly_as_long_as_it_lasts():
    rota = Rota(shifts=(shift("dana"),), overrides=(override("lee", *CHRISTMAS),))

    assert on_duty(rota, at("2026-12-24 08:59")) == ["dana"]
    assert on_duty(rota, at("2026-12-24 09:00")) == ["lee", "dana"]
    assert on_duty(rota, at("2026-12-27 09:00")) == ["dana"]


def test_whoever_stands_in_for_somebody_is_on_duty_only_when_that_one_would_be():
    shifts = (shift("dana", hours="09:00-21:00"), shift("sam", hours="21:00-09:00"))
    rota = Rota(shifts=shifts, overrides=(override("lee", *CHRISTMAS, instead_of="dana"),))

    assert on_duty(rota, at("2026-12-25 12:00")) == ["lee"]
    assert on_duty(rota, at("2026-12-25 23:00")) == ["sam"]


def test_nobody_is_away_when_it_would_not_be_their_turn():
    shifts = (shift("dana", hours="09:00-21:00"), shift("sam", hours="21:00-09:00"))
    rota = Rota(shifts=shifts, overrides=(override("lee", *CHRISTMAS, instead_of="dana"),))

    assert rota.away(at("2026-12-25 12:00"), ()) == ("dana",)
    assert rota.away(at("2026-12-25 23:00"), ()) == ()
    assert rota.away(at("2026-12-25 23:00"), ("dana",)) == ("dana",)


def test_somebody_may_stand_in_for_one_who_stands_in():
    covers = (
        override("lee", *CHRISTMAS, instead_of="dana"),
        override("kim", "2026-12-25 09:00", "2026-12-26 09:00", instead_of="lee"),
    )
    rota = Rota(shifts=(shift("dana"),), overrides=covers)

    assert on_duty(rota, at("2026-12-24 12:00")) == ["lee"]
    assert on_duty(rota, at("2026-12-25 12:00")) == ["kim"]
    assert rota.away(at("2026-12-25 12:00"), ()) == ("dana", "lee")


def test_nobody_is_tried_twice_whoever_is_on_duty_by_two_rules():
    rota = Rota(shifts=(shift("dana"), shift("sam"), shift("dana")), overrides=(override("sam", *CHRISTMAS),))

    assert on_duty(rota, at("2026-12-25 12:00")) == ["sam", "dana"]


def test_outside_all_hours_it_is_whoever_comes_on_duty_next():
    office = Rota(shifts=(shift("dana", "sam", week="mon-fri", hours="09:00-17:00"),))

    assert office.present(at("2026-01-10 03:00"), ()) == ("sam",)
    assert office.present(at("2026-01-10 03:00"), ("kim",)) == ("kim",)


def test_a_holder_is_tried_first_only_where_the_shifts_have_gaps():
    always, by_day = shift("dana", "sam"), shift("dana", "sam", hours="09:00-17:00")

    assert Rota(shifts=(always,), holders=("kim", "lee")).may_be_first == ("dana", "sam")
    assert Rota(shifts=(by_day,), holders=("kim", "lee")).may_be_first == ("dana", "sam", "kim")
    assert Rota(holders=("kim", "lee")).may_be_first == ("kim",)


# ---- watches ----


def test_the_watches_of_a_fortnight_are_told_one_after_another():
    rota = Rota(shifts=(shift("dana", "sam"),), overrides=(override("lee", *CHRISTMAS, instead_of="sam"),))
    watches = list(rota.watches(at("2026-12-21 12:00"), at("2027-01-04 12:00")))

    assert [(watch.begins, [turn.person for turn in watch.turns]) for watch in watches] == [
        (at("2026-12-21 12:00"), ["dana"]),
        (at("2026-12-28 09:00"), ["sam"]),
        (at("2027-01-04 09:00"), ["dana"]),
    ]


def test_somebody_is_off_duty_when_the_next_one_takes_over_and_never_where_there_is_no_other():
    assert Rota(shifts=(shift("dana", "sam"),)).off_duty("dana", at("2026-01-06 12:00")) == at(
        "2026-01-12 09:00"
    )
    assert Rota(shifts=(shift("dana"),)).off_duty("dana", at("2026-01-06 12:00")) is None


# ---- what is refused ----


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"handover": ["mon 09:00", "thu 09:00"]}, "a shift has one handover"),
        ({"handover": "mon 09:00, thu 09:00"}, "a shift has one handover"),
        ({"handover": "monday"}, '"monday" is not a handover; write "mon 09:00"'),
        ({"every": "day"}, '"mon 09:00" comes once a week'),
        ({"every": "week", "weeks": 2}, "say either `every` or `weeks`"),
        ({"people": []}, "at least 1 item"),
        ({"timezone": "Europe/Lissabon"}, "did you mean Europe/Lisbon"),
        ({"hours": "9-17"}, '"9-17" is not a span of hours'),
        ({"hours": "09:00-09:00"}, "write 00:00-24:00 for the whole day"),
    ],
)
def test_a_shift_that_makes_no_sense_is_refused_with_what_to_write(changes, says):
    assert says in refusal_of(**changes)


@pytest.mark.parametrize(
    ("begins", "ends", "changes", "says"),
    [
        ("2026-12-27 09:00", "2026-12-24 09:00", {}, "it ends, 2026-12-24 09:00, before it begins"),
        ("2026-12-24", "2026-12-27 09:00", {}, '"2026-12-24" is not a local time'),
        ("2026-12-24 09:00+01:00", "2026-12-27 09:00", {}, "is not a local time"),
        ("2026-12-24 09:00", "2026-12-27 09:00", {"instead_of": "lee"}, "would stand in for themselves"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(begins, ends, changes, says):
    with pytest.raises(ValidationError, match=says.replace("+", r"\+")):
        override("lee", begins, ends, **changes)


def test_what_is_written_can_be_read_again():
    for each in (shift("dana", hours="22:00-07:00", weeks=2), override("lee", *CHRISTMAS)):
        assert type(each).model_validate_json(each.model_dump_json(by_alias=True)) == each


# ---- quiet hours ----


def quiet(hours: str, **changes: object) -> QuietHours:
    return QuietHours.model_validate({"timezone": LISBON, "hours": hours} | changes)


def test_quiet_hours_cross_midnight_and_end_on_the_minute():
    nights = [quiet("22:00-07:00")]

    assert quiet_at(nights, at("2026-06-01 21:59", LISBON)) is None
    found = quiet_at(nights, at("2026-06-01 22:00", LISBON))
    assert found is not None
    assert found.until == at("2026-06-02 07:00", LISBON)
    assert quiet_at(nights, at("2026-06-02 07:00", LISBON)) is None


def test_quiet_hours_on_some_days_begin_on_those_days():
    nights = [quiet("22:00-07:00", week=["fri"])]

    assert quiet_at(nights, at("2026-06-06 03:00", LISBON)) is not None
    assert quiet_at(nights, at("2026-06-05 03:00", LISBON)) is None


def test_quiet_hours_that_follow_one_another_are_one_quiet():
    friday_night = at("2026-06-05 23:00", LISBON)
    found = quiet_at([quiet("22:00-07:00"), quiet("00:00-24:00", week=["sat", "sun"])], friday_night)

    assert found is not None
    assert found.until == at("2026-06-08 07:00", LISBON)
    assert found.in_words(friday_night) == "Mon 07:00"
    assert found.in_words(at("2026-06-08 03:00", LISBON)) == "07:00"


# ---- at every moment ----

moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
teams = st.lists(st.sampled_from(["dana", "sam", "kim", "lee", "rui"]), min_size=2, max_size=5, unique=True)
hours_of_day = st.times().map(lambda clock: f"{clock:%H:%M}")
days = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])


@st.composite
def weekly_shifts(draw: st.DrawFn) -> Shift:
    return shift(
        *draw(teams),
        timezone=draw(st.sampled_from(ZONES)),
        starts=draw(st.dates(date(2010, 1, 1), date(2050, 1, 1))),
        handover=f"{draw(days)} {draw(hours_of_day)}",
        weeks=draw(st.integers(1, 4)),
    )


@given(weekly_shifts(), moments)
def test_at_every_moment_exactly_one_of_a_weekly_shift_is_on_duty(weekly: Shift, moment: datetime):
    assert weekly.on_duty(moment) in weekly.people


@given(weekly_shifts(), moments)
def test_each_is_followed_by_the_next_in_the_list(weekly: Shift, moment: datetime):
    watches = Rota(shifts=(weekly,)).watches(moment, moment + timedelta(weeks=20))
    order = [weekly.people.index(watch.turns[0].person) for watch in watches]

    assert len(order) > 4
    assert all((before + 1) % len(weekly.people) == after for before, after in pairwise(order))


@given(weekly_shifts(), moments)
def test_turns_are_handed_over_at_that_hour_of_that_day_whatever_the_clocks_do(
    weekly: Shift, moment: datetime
):
    watches = list(Rota(shifts=(weekly,)).watches(moment, moment + timedelta(weeks=20)))[1:]
    assert weekly.handover is not None

    for watch in watches:
        local = watch.begins.astimezone(weekly.zone)
        wanted = datetime.combine(local.date(), weekly.handover.at, tzinfo=weekly.zone)
        assert local == wanted or (wanted.utcoffset() != wanted.replace(fold=1).utcoffset())


@given(weekly_shifts(), moments, st.integers(1, 100_000), moments)
def test_an_override_covers_exactly_its_span(weekly: Shift, begins: datetime, minutes: int, moment: datetime):
    begins = begins.replace(second=0, microsecond=0)
    ends = begins + timedelta(minutes=minutes)
    cover = override("ana", f"{begins:%Y-%m-%d %H:%M}", f"{ends:%Y-%m-%d %H:%M}", timezone="UTC")
    rota = Rota(shifts=(weekly,), overrides=(cover,))

    for when in (moment, begins - timedelta(seconds=1), begins, ends - timedelta(seconds=1), ends):
        assert (on_duty(rota, when)[0] == "ana") == (begins <= when < ends)
        assert on_duty(rota, when)[-1] == weekly.on_duty(when)


@given(weekly_shifts(), moments)
def test_changes_come_in_order_and_between_them_nothing_changes(weekly: Shift, moment: datetime):
    office = weekly.model_copy(update={"hours": shift("dana", hours="22:00-06:00").hours})
    changes = [moment, *islice(office.changes(moment), 20)]

    assert changes == sorted(changes)
    for before, after in pairwise(changes):
        assume(before < after)
        assert office.on_duty(before) == office.on_duty(after - timedelta(seconds=1))


def test_the_night_before_a_day_that_a_zone_skips_has_its_hours():
    night = shift("dana", hours="22:00-06:00", timezone="Pacific/Apia", starts="2011-01-01")
    assert night.on_duty(at("2011-12-29 22:00", "Pacific/Apia")) == "dana"
    assert night.on_duty(at("2011-12-31 05:59", "Pacific/Apia")) == "dana"
    assert night.on_duty(at("2011-12-31 06:00", "Pacific/Apia")) is None
