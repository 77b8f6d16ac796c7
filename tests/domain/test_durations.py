from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tocsin.domain.durations import Allowance, Duration, describe, format_duration, parse_duration

durations = TypeAdapter(Duration)
lengths = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_525))


def refusal_of(adapter, given):
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(given)
    [problem] = refused.value.errors()
    return problem["msg"]


def allowance(given):
    return Allowance.model_validate(given)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PT24H", timedelta(hours=24)),
        ("P1D", timedelta(days=1)),
        ("PT1H30M", timedelta(hours=1, minutes=30)),
        ("P1DT12H", timedelta(days=1, hours=12)),
        ("P2W", timedelta(weeks=2)),
        ("PT0S", timedelta(0)),
        ("PT0.25S", timedelta(milliseconds=250)),
    ],
)
def test_a_duration_is_read_as_iso_8601(written, meant):
    assert durations.validate_python(written) == meant
    assert durations.validate_json(f'"{written}"') == meant


@pytest.mark.parametrize(
    "written", ["4h", "PT4Q", "P", "PT", "P1DT", "", "PT1.5H", "pt4h", "PT4H ", "PT٤H", "17:30"]
)
def test_other_spellings_are_refused_with_one_that_works(written):
    assert f'"{written}" is not a duration; write ISO 8601 such as PT4H' in refusal_of(durations, written)


@pytest.mark.parametrize("bare_number", [4, 240.0, True, None])
def test_a_bare_number_is_refused_because_nobody_knows_its_unit(bare_number):
    assert f"{bare_number!r} is not a duration" in refusal_of(durations, bare_number)


@pytest.mark.parametrize("written", ["P1M", "P1Y", "P1Y2M", "P1M2D", "P1YT2H"])
def test_months_and_years_are_refused_because_they_differ_in_length(written):
    assert "write {calendar_months: N}" in refusal_of(durations, written)


def test_time_does_not_run_backwards():
    assert "write PT4H" in refusal_of(durations, "-PT4H")
    assert "between no time and a hundred years" in refusal_of(durations, timedelta(seconds=-1))


@pytest.mark.parametrize("written", ["P36526D", "P99999999999999D"])
def test_no_deadline_lies_more_than_a_hundred_years_ahead(written):
    assert "more than a hundred years" in refusal_of(durations, written)


@given(lengths)
def test_every_duration_survives_being_written_and_read(length):
    assert parse_duration(format_duration(length)) == length
    assert durations.validate_json(durations.dump_json(length)) == length


def test_equal_durations_are_written_alike():
    assert format_duration(parse_duration("P1D")) == format_duration(parse_duration("PT24H")) == "PT24H"
    assert format_duration(parse_duration("PT1H90S")) == "PT1H1M30S"
    assert format_duration(timedelta(days=7)) == "P7D"
    assert format_duration(timedelta(days=7, hours=1)) == "P7DT1H"


def test_an_allowance_is_a_duration_or_a_count_of_one_unit():
    assert allowance("PT4H").elapsed == timedelta(hours=4)
    assert allowance(timedelta(hours=4)) == allowance("PT4H")
    assert allowance({"business_days": 3}).counted == ("business_days", 3)
    assert allowance({"calendar_months": 1}).calendar_months == 1


def test_a_misspelt_duration_is_told_of_both_ways_to_write_an_allowance():
    message = refusal_of(TypeAdapter(Allowance), "PT4Q")
    assert message.endswith('"PT4Q" is not a duration; write ISO 8601 such as PT4H, or {business_days: 3}')


def test_two_units_at_once_are_refused():
    message = refusal_of(TypeAdapter(Allowance), {"business_days": 3, "calendar_days": 5})
    assert "business_days and calendar_days given" in message
    assert "exactly one of" in message


def test_an_empty_allowance_is_refused():
    assert "nothing given" in refusal_of(TypeAdapter(Allowance), {})


@pytest.mark.parametrize("amount", [0, -1, 1.5, "3", True, 10_001])
def test_a_count_is_a_whole_number_of_at_least_one(amount):
    refusal_of(TypeAdapter(Allowance), {"business_days": amount})


@pytest.mark.parametrize(
    "written", ["PT4H", {"business_days": 3}, {"business_hours": 8}, {"calendar_days": 7}]
)
def test_an_allowance_is_written_as_the_plan_wrote_it(written):
    assert allowance(written).model_dump(mode="json") == written
    assert Allowance.model_validate_json(allowance(written).model_dump_json()) == allowance(written)


def test_the_json_schema_knows_both_spellings():
    text, mapping = Allowance.model_json_schema()["anyOf"]
    assert text == {"type": "string", "format": "duration"}
    assert "business_days" in mapping["properties"]


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        ("PT24H", "24 hours"),
        ("P3D", "72 hours"),
        ("P5D", "5 days"),
        ("PT1H", "1 hour"),
        ("PT1H30M", "1 hour 30 minutes"),
        ("P4DT1M1S", "4 days 1 minute 1 second"),
        ("PT0S", "0 seconds"),
        ({"business_days": 3}, "3 business days"),
        ({"business_days": 1}, "1 business day"),
        ({"business_hours": 8}, "8 business hours"),
        ({"calendar_days": 7}, "7 calendar days"),
        ({"calendar_months": 1}, "1 calendar month"),
    ],
)
def test_people_are_told_in_words(allowed, said):
    assert describe(allowance(allowed)) == said


def test_of_a_time_that_ran_backwards_the_length_is_told():
    assert describe(timedelta(minutes=-90)) == "1 hour 30 minutes"
    assert describe(timedelta(seconds=1.9)) == "1 second"
