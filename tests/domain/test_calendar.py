from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin.calendars import pin
from tocsin.domain.calendar import WEEKDAYS, BusinessCalendar, CalendarSpec, WorkingHours, compress
from tocsin.domain.durations import Allowance

LOS_ANGELES = "America/Los_Angeles"
MEMORIAL_DAY = date(2026, 5, 25)


def calendar(timezone=LOS_ANGELES, week="mon-fri", hours="09:00-17:00", days_off=()):
    return BusinessCalendar.model_validate(
        {
            "timezone": timezone,
            "week": week,
            "hours": hours,
            "days_off": days_off,
            "pinned_from": "2026-01-01",
            "pinned_until": "2028-12-31",
        }
    )


def at(text, timezone=LOS_ANGELES):
    """`2026-05-22 18:00`, local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def allow(**counted):
    return Allowance.model_validate(counted)


def local(moment, timezone=LOS_ANGELES):
    return f"{moment.astimezone(ZoneInfo(timezone)):%a %Y-%m-%d %H:%M:%S}"


def spec(**given):
    return CalendarSpec.model_validate({"timezone": LOS_ANGELES, **given})


def refusal_of(**given):
    with pytest.raises(ValidationError) as refused:
        spec(**given)
    return refused.value.errors()[0]["msg"]


# ---- what a plan may say ----


def test_a_week_is_a_span_or_a_list_of_days():
    assert spec(week="mon-fri").week == WEEKDAYS[:5]
    assert spec(week="sun-thu").week == ("mon", "tue", "wed", "thu", "sun")
    assert spec(week=["wed", "mon"]).week == ("mon", "wed")
    assert spec(week="sat-sat").week == ("sat",)
    assert spec().week == WEEKDAYS[:5]


def test_a_week_that_is_none_is_refused():
    assert "write mon-fri" in refusal_of(week="workdays")
    assert "write mon-fri" in refusal_of(week="mon-")
    assert "at least one working day" in refusal_of(week=[])


def test_hours_lie_within_one_day():
    assert spec(hours="08:30-24:00").hours == WorkingHours(opens=time(8, 30), closes=time(0))
    assert "ends before it starts" in refusal_of(hours="22:00-06:00")
    assert "is not a span of hours" in refusal_of(hours="9-5")


def test_a_misspelt_time_zone_is_answered_with_the_nearest():
    assert "did you mean America/Los_Angeles" in refusal_of(timezone="America/Los_Angles")
    assert "write an IANA name" in refusal_of(timezone="")


def test_a_calendar_survives_being_written_and_read():
    written = spec(hours="00:00-24:00", holidays="US-CA", company_days=["2026-12-24"])
    assert CalendarSpec.model_validate_json(written.model_dump_json()) == written
    pinned = calendar(days_off=[MEMORIAL_DAY, date(2026, 1, 1)])
    assert BusinessCalendar.model_validate_json(pinned.model_dump_json()) == pinned
    assert pinned.model_dump(mode="json")["days_off"] == ["2026-01-01", "2026-05-25"]


# ---- pinning ----


def test_holidays_become_days_off_for_three_years():
    pinned = pin(spec(holidays="US-CA", company_days=["2026-12-24"]), 2026)
    assert {MEMORIAL_DAY, date(2026, 12, 24), date(2026, 12, 25), date(2028, 7, 4)} <= pinned.days_off
    assert (pinned.pinned_from, pinned.pinned_until) == (date(2026, 1, 1), date(2028, 12, 31))
    assert pinned.covers(at("2028-12-31 23:59"))
    assert not pinned.covers(at("2029-01-01 00:00"))


def test_new_year_on_a_saturday_is_observed_in_the_last_pinned_year():
    assert date(2027, 12, 31) in pin(spec(holidays="US"), 2027, years=1).days_off


def test_a_plan_without_holidays_has_none():
    assert pin(spec(), 2026).days_off == frozenset()


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("XX", 'the country "XX"; write an ISO 3166 code such as'),
        ("US-CX", '"US-CX"; write US or one of its subdivisions such as'),
        ("AI-X", 'the holidays of "AI" are not kept by subdivision; write AI'),
    ],
)
def test_unknown_holidays_are_answered_with_what_is_known(code, answer):
    with pytest.raises(ValueError, match="holidays") as refused:
        pin(spec(holidays=code), 2026)
    assert answer in str(refused.value)


def test_a_code_that_cannot_be_one_is_refused_in_the_plan():
    assert "write a country (US)" in refusal_of(holidays="California")


# ---- business days ----


@pytest.mark.parametrize(
    ("anchor", "days", "due"),
    [
        ("2026-05-19 10:00", 1, "Wed 2026-05-20 23:59:59"),
        ("2026-05-19 23:59", 1, "Wed 2026-05-20 23:59:59"),
        (
            "2026-05-21 10:00",
            3,
            "Wed 2026-05-27 23:59:59",
        ),  # Friday, (weekend, Memorial Day), Tuesday, Wednesday
        ("2026-05-23 12:00", 1, "Tue 2026-05-26 23:59:59"),  # on a Saturday
        ("2026-05-25 12:00", 1, "Tue 2026-05-26 23:59:59"),  # on the holiday itself
        ("2026-12-31 17:00", 1, "Mon 2027-01-04 23:59:59"),  # New Year's Day is a Friday
    ],
)
def test_a_business_day_deadline_is_the_end_of_the_last_working_day(anchor, days, due):
    pinned = calendar(days_off=[MEMORIAL_DAY, date(2027, 1, 1)])
    assert local(pinned.due(at(anchor), allow(business_days=days))) == due


def test_a_weekend_of_friday_and_saturday_is_skipped():
    riyadh = calendar(timezone="Asia/Riyadh", week="sun-thu")
    due = riyadh.due(at("2026-05-21 10:00", "Asia/Riyadh"), allow(business_days=1))  # a Thursday
    assert local(due, "Asia/Riyadh") == "Sun 2026-05-24 23:59:59"


def test_the_day_of_the_anchor_is_the_local_one():
    friday_evening = datetime(2026, 5, 23, 5, tzinfo=UTC)  # already Saturday in London
    assert local(calendar().due(friday_evening, allow(business_days=1))) == "Mon 2026-05-25 23:59:59"


def test_the_end_of_a_day_whose_last_hour_comes_twice_is_the_later_one():
    sao_paulo = calendar(timezone="America/Sao_Paulo", week="mon-sun")
    due = sao_paulo.due(datetime(2018, 2, 16, 12, tzinfo=UTC), allow(business_days=1))
    assert due == datetime(2018, 2, 18, 2, 59, 59, tzinfo=UTC)  # 23:59:59 at UTC-3, not at UTC-2


def test_business_days_are_not_counted_backwards():
    assert calendar().add_business_days(date(2026, 5, 23), 0) == date(2026, 5, 23)
    with pytest.raises(ValueError, match="backwards"):
        calendar().add_business_days(date(2026, 5, 23), -1)


# ---- business hours ----


@pytest.mark.parametrize(
    ("anchor", "hours", "due"),
    [
        ("2026-05-19 10:00", 4, "Tue 2026-05-19 14:00:00"),
        ("2026-05-19 09:00", 8, "Tue 2026-05-19 17:00:00"),
        ("2026-05-19 15:00", 4, "Wed 2026-05-20 11:00:00"),
        ("2026-05-19 17:00", 1, "Wed 2026-05-20 10:00:00"),
        ("2026-05-22 16:30", 1, "Tue 2026-05-26 09:30:00"),  # over the weekend and Memorial Day
        ("2026-05-23 03:00", 16, "Wed 2026-05-27 17:00:00"),
    ],
)
def test_business_hours_pass_only_while_the_office_is_open(anchor, hours, due):
    pinned = calendar(days_off=[MEMORIAL_DAY])
    assert local(pinned.due(at(anchor), allow(business_hours=hours))) == due


def test_a_round_the_clock_working_day_has_23_hours_when_clocks_go_forward():
    always = calendar(week="mon-sun", hours="00:00-24:00")
    [(opens, closes)] = islice(always.working_windows(at("2026-03-08 00:00")), 1)
    assert closes - opens == timedelta(hours=23)


def test_the_next_working_moment_is_now_or_the_next_opening():
    pinned = calendar(days_off=[MEMORIAL_DAY])
    assert pinned.next_working_moment(at("2026-05-22 16:59")) == at("2026-05-22 16:59")
    assert pinned.next_working_moment(at("2026-05-22 17:00")) == at("2026-05-26 09:00")
    assert pinned.next_working_moment(at("2026-05-26 08:00")) == at("2026-05-26 09:00")


# ---- calendar days, months, durations ----


@pytest.mark.parametrize(
    ("anchor", "due"),
    [
        ("2026-03-07 10:00", "Sun 2026-03-08 10:00:00"),  # 23 hours later
        ("2026-10-31 10:00", "Sun 2026-11-01 10:00:00"),  # 25 hours later
        ("2026-03-07 02:30", "Sun 2026-03-08 03:30:00"),  # 02:30 does not exist
        ("2026-10-31 01:30", "Sun 2026-11-01 01:30:00"),  # 01:30 comes twice: the first
        ("2026-12-31 10:00", "Fri 2027-01-01 10:00:00"),
    ],
)
def test_a_calendar_day_later_is_the_same_wall_clock_time(anchor, due):
    assert local(calendar().due(at(anchor), allow(calendar_days=1))) == due


def test_of_an_hour_that_comes_twice_the_first_is_due():
    assert calendar().due(at("2026-10-31 01:30"), allow(calendar_days=1)) == datetime(
        2026, 11, 1, 8, 30, tzinfo=UTC
    )


def test_a_duration_ignores_clocks_and_calendars():
    due = calendar().due(at("2026-03-07 10:00"), Allowance.model_validate("PT24H"))
    assert local(due) == "Sun 2026-03-08 11:00:00"
    assert due.tzinfo is UTC


@pytest.mark.parametrize(
    ("anchor", "months", "due"),
    [
        ("2026-01-31 10:00", 1, "Sat 2026-02-28 10:00:00"),
        ("2028-01-31 10:00", 1, "Tue 2028-02-29 10:00:00"),
        ("2026-11-30 10:00", 3, "Sun 2027-02-28 10:00:00"),
        ("2026-12-15 10:00", 12, "Wed 2027-12-15 10:00:00"),
    ],
)
def test_a_month_too_short_ends_on_its_last_day(anchor, months, due):
    assert local(calendar().due(at(anchor), allow(calendar_months=months))) == due


@pytest.mark.parametrize(
    "allowance",
    [
        allow(elapsed="PT1H"),
        allow(business_days=1),
        allow(business_hours=1),
        allow(calendar_days=1),
        allow(calendar_months=1),
    ],
)
def test_an_anchor_without_a_time_zone_is_refused(allowance):
    with pytest.raises(ValueError, match="no time zone"):
        calendar().due(datetime(2026, 5, 19, 10), allowance)  # noqa: DTZ001 -- what is refused


# ---- drills ----


def test_a_drill_divides_the_time_to_a_deadline():
    anchor = at("2026-05-19 10:00")
    assert compress(anchor, anchor + timedelta(hours=24), 60) == anchor + timedelta(minutes=24)
    assert compress(anchor, anchor + timedelta(hours=24), 1) == anchor + timedelta(hours=24)


def test_a_drill_that_would_never_end_is_refused():
    with pytest.raises(ValueError, match="never end"):
        compress(at("2026-05-19 10:00"), at("2026-05-19 11:00"), 0)


# ---- whatever the plan says ----

moments = st.integers(0, 880 * 24 * 60).map(lambda minute: at("2026-01-01 00:00") + timedelta(minutes=minute))
calendars = st.builds(
    calendar,
    timezone=st.sampled_from([LOS_ANGELES, "Europe/Berlin", "Asia/Riyadh", "Australia/Lord_Howe", "UTC"]),
    week=st.sampled_from(["mon-fri", "sun-thu", ["wed"], "mon-sun"]),
    hours=st.sampled_from(["09:00-17:00", "00:00-24:00", "02:15-02:45", "22:00-24:00"]),
    days_off=st.frozensets(st.dates(date(2026, 1, 1), date(2028, 12, 31)), max_size=60),
)
small_counts = st.integers(1, 30)
business_time = st.one_of(
    st.builds(Allowance, business_days=small_counts), st.builds(Allowance, business_hours=small_counts)
)


@given(calendars, moments, small_counts)
def test_a_business_day_deadline_never_falls_on_a_day_off(pinned, anchor, days):
    due = pinned.local(pinned.due(anchor, allow(business_days=days)))
    assert pinned.is_working_day(due.date())
    assert due.time() == time(23, 59, 59)


@given(calendars, moments, business_time, st.timedeltas(timedelta(0), timedelta(days=10)))
def test_who_starts_later_is_never_due_earlier(pinned, anchor, allowance, later):
    assert pinned.due(anchor, allowance) <= pinned.due(anchor + later, allowance)


@given(calendars, moments, small_counts)
def test_exactly_as_many_working_days_pass_as_were_allowed(pinned, anchor, days):
    first = pinned.local(anchor).date()
    last = pinned.local(pinned.due(anchor, allow(business_days=days))).date()
    passed = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    assert sum(map(pinned.is_working_day, passed)) == days


@given(calendars, moments, st.integers(1, 12))
def test_exactly_as_many_working_hours_pass_as_were_allowed(pinned, anchor, hours):
    due = pinned.due(anchor, allow(business_hours=hours))
    passed = timedelta(0)
    for opens, closes in pinned.working_windows(anchor):
        if opens >= due:
            break
        passed += min(closes, due) - opens
    assert passed == timedelta(hours=hours)


@given(calendars, moments, st.integers(1, 400))
def test_a_calendar_deadline_is_never_more_than_a_clock_change_off(pinned, anchor, days):
    due = pinned.due(anchor, allow(calendar_days=days))
    assert abs(due - anchor - timedelta(days=days)) <= timedelta(hours=1)


@given(moments, st.timedeltas(timedelta(0), timedelta(days=30)), st.integers(1, 10_000))
def test_a_drill_never_runs_longer_than_the_real_thing(anchor, allowed, speed):
    assert anchor <= compress(anchor, anchor + allowed, speed) <= anchor + allowed
