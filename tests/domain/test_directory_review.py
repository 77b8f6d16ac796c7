"""What a reviewer finds about turns and quiet hours: gaps in a cover, missing telephones, nights without anybody."""

from __future__ import annotations

import pytest

from tests.domain.ferry import found, only, place, subject
from tocsin.domain.reachability import unreachable


def turns(*shifts: str) -> tuple[str, str]:
    written = ", ".join(f"{{timezone: Europe/Lisbon, starts: 2026-06-01, {each}}}" for each in shifts)
    return "audiences:\n  crew: {ana", f"rotations: {{mate: [{written}]}}\naudiences:\n  crew: {{ana"


NO_HOLDERS = (
    "roles: {purser: [eva], mate: [ana, rui], captain: [eva]}",
    "roles: {purser: [eva], captain: [eva]}",
)


def test_a_role_may_be_held_by_turns_alone():
    assert found(NO_HOLDERS, turns("people: [ana, rui]")) == []


def test_shifts_that_leave_nights_uncovered_are_found():
    gap = only(NO_HOLDERS, turns("people: [ana, rui], hours: '06:00-22:00'"))

    assert place(gap) == "roles.mate.cover"
    assert "works Mon 00:00–06:00, Mon 22:00–Tue 06:00" in gap.text


def test_shifts_that_cross_midnight_cover_the_night():
    by_day, by_night = "people: [ana], hours: '06:00-22:00'", "people: [rui], hours: '22:00-06:00'"

    assert found(NO_HOLDERS, turns(by_day, by_night)) == []


def test_everybody_who_takes_turns_needs_what_they_are_paged_by():
    under_review = subject(turns("people: [ana, rui]"), (', phone: "+12025550102"', ""))

    assert [says for _, says in unreachable(under_review.plan, under_review.directory)] == [
        'role "mate" is paged by sms, and rui may be on duty without a mobile number',
        'role "mate" is paged by phone, and rui may be on duty without a phone number',
    ]


@pytest.mark.parametrize(
    ("edit", "where", "says"),
    [
        (
            ("{role: mate, via: [sms, phone]}", "{person: zed, via: sms}"),
            "obligations.0.do.0.page.levels.0.person",
            '"zed" is paged and not among the people of the directory',
        ),
        (
            ("roles:\n  purser", "paging: {last_resort: {person: zed, via: sms}}\nroles:\n  purser"),
            "paging.last_resort.person",
            '"zed" is paged and not among the people of the directory',
        ),
        (
            ("crew: {title: The crew}", "crew: {title: The crew, list: crew.csv}"),
            "",
            "",
        ),
    ],
    ids=["a level", "the last resort", "an audience that is elsewhere"],
)
def test_whom_a_plan_names_is_looked_for_in_the_directory(edit, where, says):
    tell_crew = ("do: [{step: {step: boats}}]", "do: [{step: {step: boats}}, {notify: {audience: crew}}]")
    nobody = ("crew: {ana: {name: Ana, email: ana@example.com}}", "crew: {}")
    under_review = subject(edit, tell_crew, *([nobody] if "list" in edit[1] else []))

    missing = list(unreachable(under_review.plan, under_review.directory))
    assert [(".".join(map(str, path)), text) for path, text in missing] == ([(where, says)] if says else [])


# ---- quiet hours ----


def quiet(of: str, hours: str) -> tuple[str, str]:
    number = {"ana": "01", "rui": "02", "eva": "03"}[of]
    old = f'phone: "+120255501{number}"'
    return old, f"{old}, quiet: {{timezone: Europe/Lisbon, hours: '{hours}'}}"


WAKES = ("roles:\n  purser", "paging: {wakes: [sunk]}\nroles:\n  purser")


def test_a_night_on_which_everybody_is_quiet_is_worth_a_question():
    advice = only(WAKES, quiet("ana", "22:00-07:00"), quiet("rui", "23:00-06:00"))

    assert advice.severity == "advice"
    assert advice.text.startswith(
        'on Mon at 23:00 (Europe/Lisbon) everybody who has role "mate" has quiet hours'
    )


@pytest.mark.parametrize(
    "edits",
    [
        (WAKES, quiet("ana", "22:00-07:00")),
        (WAKES, quiet("ana", "22:00-07:00"), quiet("rui", "07:00-22:00")),
        (quiet("ana", "22:00-07:00"), quiet("rui", "23:00-06:00")),
    ],
    ids=["rui never is", "one after the other", "every severity wakes"],
)
def test_where_somebody_can_always_be_disturbed_there_is_no_question(edits):
    assert found(*edits) == []


# ---- numbers ----


def test_a_further_number_that_is_somebody_elses_is_found():
    shared = only(('phone: "+12025550102"', 'phone: "+12025550102", also: ["+12025550103"]'))

    assert (shared.severity, shared.file, place(shared)) == ("error", "directory", "people.rui.also.0")
    assert "a number of eva as well, so an answer from it could be anybody's" in shared.text


def test_of_two_who_claim_the_same_further_number_both_are_told():
    claims = [
        (f'phone: "+120255501{number}"', f'phone: "+120255501{number}", also: ["+12025550177"]')
        for number in ("01", "02")
    ]

    assert [place(each) for each in found(*claims)] == ["people.ana.also.0", "people.rui.also.0"]


def test_people_may_share_the_telephone_on_which_they_are_reached_and_repeat_their_own():
    own = ('phone: "+12025550102"', 'phone: "+12025550101"')
    repeated = ('phone: "+12025550103"', 'phone: "+12025550103", also: ["+12025550103"]')

    assert found(own, repeated) == []
