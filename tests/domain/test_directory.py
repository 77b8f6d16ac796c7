"""Whom a role means at a moment: overrides, turns, holders at work; whom no page wakes, and why nobody is left."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from temporalio.exceptions import ApplicationError

from activities.sending import recipient_of
from tests.domain import harbour
from tests.test_docs import GUIDE, blocks, example
from tocsin.domain.channel import ChannelName
from tocsin.domain.directory import Contact, Directory
from tocsin.domain.messages import Dispatch
from tocsin.domain.state import PlanPin, Target
from tocsin.planfiles import check
from tocsin.yamlfile import YamlError, parse

DIRECTORY = """
people:
  dana: {name: Dana, phone: "+12025550101", supervisor: lee}
  sam:
    name: Sam
    phone: "+12025550102"
    hours: {timezone: America/Los_Angeles, week: mon-fri, hours: "09:00-17:00"}
    supervisor: lee
  kim: {name: Kim, phone: "+12025550103"}
  lee: {name: Lee, phone: "+12025550104"}
roles:
  oncall: [sam, kim]
  lead: [kim]
audiences:
  crew: {desk: {name: Desk, phone: "+12025550105"}}
rotations:
  oncall:
    - {people: [dana, sam], handover: "mon 09:00", timezone: America/Los_Angeles, starts: 2026-01-05}
  night:
    - {people: [dana, lee], hours: "22:00-06:00", timezone: America/Los_Angeles, starts: 2026-01-05}
overrides:
  - {role: lead, person: lee, from: "2026-12-24 09:00", until: "2026-12-27 09:00", timezone: America/Los_Angeles}
drill: {email: drill@example.com, phone: "+12025550199"}
"""

NIGHT = "{timezone: America/Los_Angeles, hours: '22:00-07:00'}"
DANAS_WEEK = "2026-01-06"
ONCALL = Target(role="oncall")


def at(text: str) -> datetime:
    """`2026-01-06 12:00`, in Los Angeles."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)


def directory(*edits: tuple[str, str]) -> Directory:
    return parse(edited(*edits), Directory, "directory.yaml")


def edited(*edits: tuple[str, str]) -> str:
    text = DIRECTORY
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} must stand once in the directory"
        text = text.replace(old, new)
    return text


def quiet(person: str, hours: str = NIGHT) -> tuple[str, str]:
    return f"{person}: {{name: {person.title()}", f"{person}: {{quiet: {hours}, name: {person.title()}"


def stand_in(person: str, role: str, instead_of: str) -> tuple[str, str]:
    line = f'  - {{role: {role}, person: {person}, from: "2026-01-06 00:00", until: "2026-01-07 00:00"'
    return "overrides:", f"overrides:\n{line}, timezone: America/Los_Angeles, instead_of: {instead_of}}}"


def tried(known: Directory, target: Target, moment: datetime, *, wakes: bool = True) -> list[str]:
    """Who is tried in four rounds, each the next turn."""
    turns = [
        known.contact(target.model_copy(update={"turn": turn}), moment, wakes=wakes) for turn in range(4)
    ]
    return [found[0] if found else "" for found in turns]


# ---- the order ----


def test_whoever_is_on_duty_goes_before_holders_and_of_those_whoever_is_at_work():
    assert tried(directory(), ONCALL, at("2026-01-06 20:00")) == ["dana", "kim", "sam", "dana"]
    assert tried(directory(), ONCALL, at("2026-01-06 12:00")) == ["dana", "sam", "kim", "dana"]


def test_nobody_is_tried_twice_in_a_round():
    assert tried(directory(), ONCALL, at("2026-01-13 20:00")) == ["sam", "kim", "sam", "kim"]


def test_an_override_goes_first_while_it_lasts():
    assert tried(directory(), Target(role="lead"), at("2026-12-25 12:00"))[:2] == ["lee", "kim"]
    assert tried(directory(), Target(role="lead"), at("2026-12-27 09:00"))[:2] == ["kim", "kim"]


def test_whoever_is_away_is_tried_after_everybody_else():
    known = directory(stand_in("lee", "oncall", "dana"))

    assert tried(known, ONCALL, at("2026-01-06 12:00")) == ["lee", "sam", "kim", "dana"]
    assert tried(known, ONCALL, at("2026-01-07 12:00")) == ["dana", "sam", "kim", "dana"]


def test_whoever_is_away_and_off_duty_is_not_tried_and_neither_is_who_stands_in():
    by_day = ('handover: "mon 09:00", timezone', 'hours: "09:00-21:00", timezone')
    known = directory(by_day, ("oncall: [sam, kim]", "oncall: [kim]"), stand_in("lee", "oncall", "dana"))

    assert tried(known, ONCALL, at("2026-01-06 20:00")) == ["lee", "kim", "dana", "lee"]
    assert tried(known, ONCALL, at("2026-01-06 23:00")) == ["kim"] * 4


def test_somebody_may_stand_in_for_one_who_only_holds_the_role():
    known = directory(stand_in("lee", "oncall", "kim"))

    assert tried(known, ONCALL, at("2026-01-06 12:00")) == ["dana", "sam", "lee", "kim"]


def test_a_role_may_have_turns_alone_and_is_never_left_without_anybody():
    night = Target(role="night")

    assert tried(directory(), night, at("2026-01-06 23:00")) == ["dana"] * 4
    assert (
        tried(directory(), night, at("2026-01-12 12:00")) == ["lee"] * 4
    )  # lee's week begins at ten tonight


def test_the_supervisor_of_a_role_is_the_supervisor_of_whoever_is_on_duty():
    target = Target(role="oncall", supervisor=True)

    assert tried(directory(), target, at("2026-01-06 12:00"))[:2] == ["lee", "lee"]


# ---- quiet hours ----


def test_what_wakes_nobody_passes_over_those_who_have_quiet_hours():
    known = directory(quiet("dana"))

    assert tried(known, ONCALL, at("2026-01-06 03:00"), wakes=False) == ["kim", "sam", "kim", "sam"]
    assert tried(known, ONCALL, at("2026-01-06 03:00")) == ["dana", "kim", "sam", "dana"]
    assert tried(known, ONCALL, at("2026-01-06 07:00"), wakes=False)[0] == "dana"


def test_of_a_person_and_a_supervisor_quiet_hours_count_as_well():
    known = directory(quiet("lee"))

    assert known.contact(Target(person="lee"), at("2026-01-06 03:00"), wakes=False) is None
    assert known.contact(Target(person="dana", supervisor=True), at("2026-01-06 03:00"), wakes=False) is None
    assert known.contact(Target(person="lee"), at("2026-01-06 03:00")) is not None


def test_why_nobody_was_found_is_told_by_their_own_clocks():
    known = directory(
        ("oncall: [sam, kim]", "oncall: [kim]"),
        quiet("dana"),
        quiet("kim", "{timezone: Europe/Lisbon, hours: '09:00-15:00'}"),
    )
    moment = at("2026-01-06 03:00")

    assert known.contact(ONCALL, moment, wakes=False) is None
    assert known.nobody(ONCALL, moment, wakes=False) == (
        "dana has quiet hours until 07:00 (America/Los_Angeles); kim until 15:00 (Europe/Lisbon)"
    )
    assert known.nobody(Target(role="cook"), moment) == "the directory has nobody for role cook"


def test_a_zone_is_told_once_for_those_who_share_it():
    known = directory(("oncall: [sam, kim]", "oncall: [kim]"), quiet("dana"), quiet("kim"))

    assert known.nobody(ONCALL, at("2026-01-06 03:00"), wakes=False) == (
        "dana has quiet hours until 07:00 (America/Los_Angeles); kim until 07:00"
    )


@pytest.mark.parametrize(("channel", "reached"), [("sms", "kim"), ("phone", "kim"), ("email", "dana")])
def test_an_email_disturbs_nobody(channel: ChannelName, reached: str):
    found = directory(quiet("dana")).addressee(dispatch(channel))
    assert found is not None
    assert found[0] == reached


def dispatch(channel: ChannelName) -> Dispatch:
    """A page that wakes nobody."""
    return Dispatch(
        message="1", workflow="incident-1", incident="1", reference="1", plan=PlanPin(name="a", hash="b"),
        channel=channel, template="page", purpose="page", target=ONCALL, is_drill=False, is_for_outsiders=False,
        subject="", text="", wakes=False, title="", severity="", status="", phase="", customer=None,
        created=at("2026-01-06 03:00"),
    )  # fmt: skip


class OneDirectory:
    """The directory of every plan."""

    def __init__(self, known: Directory) -> None:
        self.known = known

    def directory(self, plan: str) -> Directory:
        return self.known


def test_a_text_that_would_wake_everybody_fails_as_unreachable_and_says_until_when():
    known = directory(("oncall: [sam, kim]", "oncall: [kim]"), quiet("dana"), quiet("kim"))

    with pytest.raises(ApplicationError, match="dana has quiet hours until 07:00") as failed:
        recipient_of(OneDirectory(known), dispatch("sms"))

    assert (failed.value.type, failed.value.non_retryable) == ("Unreachable", True)
    assert "+1" not in str(failed.value)


def test_quiet_hours_that_never_end_are_refused():
    with pytest.raises(YamlError, match="the quiet hours of Dana never end"):
        directory(quiet("dana", "{timezone: UTC, hours: '00:00-24:00'}"))


# ---- who has a role ----


def test_all_who_have_a_role_at_a_moment_are_its_recipients():
    found = directory().recipients(ONCALL, at("2026-01-06 12:00"))
    assert [each.key for each in found] == ["dana", "sam", "kim"]


def test_whoever_is_away_is_no_recipient():
    found = directory(stand_in("lee", "oncall", "dana")).recipients(ONCALL, at("2026-01-06 12:00"))
    assert [each.key for each in found] == ["lee", "sam", "kim"]


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        (Target(person="kim"), ["kim"]),
        (Target(person="dana", supervisor=True), ["lee"]),
        (Target(person="kim", supervisor=True), []),
        (Target(role="cook"), []),
        (Target(audience="crew"), ["desk"]),
    ],
)
def test_a_person_and_an_audience_have_recipients_too(target: Target, keys: list[str]):
    assert [each.key for each in directory().recipients(target, at("2026-01-06 12:00"))] == keys


def test_people_keep_their_roles_between_their_turns():
    assert directory().roles_of("dana") == ("oncall", "night")
    assert directory().roles_of("lee") == ("lead", "night")


def test_numbers_from_which_an_answer_counts_are_all_of_them_once():
    contact = Contact(
        name="Dana", phone="+12025550101", sms="+12025550102", also=("+12025550101", "+12025550103")
    )
    assert contact.numbers == ("+12025550101", "+12025550102", "+12025550103")


# ---- what is wrong with it ----

EDITS = {
    "rotations.oncall[0].people[1]": (("people: [dana, sam]", "people: [dana, sma]"), '"sma" is not among'),
    "overrides[0].person": (("person: lee,", "person: leo,"), '"leo" is not among the people'),
    "overrides[0].role": (("{role: lead,", "{role: leda,"), '"leda" is no role of this directory (oncall, lead'),
    "overrides[0].instead_of": (
        ("person: lee,", "person: lee, instead_of: dana,"),
        'dana never has role "lead", so nobody can stand in for them',
    ),
    "overrides[0]": (('until: "2026-12-27', 'until: "2026-12-23'), "it ends, 2026-12-23 09:00, before it begins"),
    "rotations.oncall[0].people": (("people: [dana, sam]", "people: []"), "too few items (0); write at least 1"),
    "rotations.oncall[0].handover": (('"mon 09:00"', "[mon 09:00, thu 09:00]"), "a shift has one handover"),
    "people.kim.quiet": (quiet("kim", "{timezone: Lisbon, hours: '22:00-07:00'}"), '"Lisbon" is not a time zone'),
}  # fmt: skip
"""What is wrong by its place: the edit, and what is said of it."""


@pytest.mark.parametrize("place", EDITS)
def test_a_mistake_is_told_with_its_file_line_and_column(place: str, tmp_path: Path):
    edit, says = EDITS[place]
    written, folder = edited(edit), example(tmp_path)
    (folder / "directory.yaml").write_text(written)
    line = next(number for number, text in enumerate(written.splitlines(), 1) if edit[1] in text)

    told = [str(problem) for problem in check(folder)]

    beginning = f"{folder}/directory.yaml:{line}:"
    assert any(text.startswith(beginning) and f": {place}" in text and says in text for text in told), told


def test_turns_at_a_role_that_the_plan_lacks_are_found(tmp_path: Path):
    folder = example(tmp_path)
    (folder / "directory.yaml").write_text(edited())

    assert any('"night" is not among the roles of the plan' in str(each) for each in check(folder))


def test_the_turns_of_the_guide_fit_its_directory(tmp_path: Path):
    folder = example(tmp_path)
    with (folder / "directory.yaml").open("a") as file:
        file.write(blocks(GUIDE, 'yaml title="rotations"')[0])

    assert check(folder) == []


@pytest.mark.parametrize("language", ["spanish", "es_MX", "es-mx", "ES", "es-"])
def test_a_language_that_is_no_tag_is_refused_with_its_place(language):
    with pytest.raises(
        YamlError, match=rf'dana.language: .*"{language}" is no tag of a language .* such as es'
    ):
        directory(("dana: {name: Dana,", f"dana: {{name: Dana, language: {language},"))


@pytest.mark.parametrize("language", ["es", "es-MX", "es-419", "zh-Hant-TW", "fil"])
def test_a_language_is_written_as_the_names_of_templates_are(language):
    people = directory(("dana: {name: Dana,", f"dana: {{name: Dana, language: {language},")).people
    assert people["dana"].language == language


def test_whoever_passed_it_on_is_passed_over_in_every_round_and_nobody_else_is():
    names = ("ana", "eva", "rui")
    base = harbour.directory()
    directory = base.model_copy(update={"roles": {**base.roles, "pilot": names}})

    def tried(*passed_on: str) -> list[str]:
        targets = [Target(role="pilot", turn=turn, last=passed_on) for turn in range(4)]
        return [
            found[0]
            for each in targets
            if (found := directory.contact(each, datetime(2026, 3, 2, 12, tzinfo=UTC)))
        ]

    assert tried() == ["ana", "eva", "rui", "ana"]
    assert tried("ana") == ["eva", "eva", "rui", "eva"], "in ana's place it is eva"
    assert tried("ana", "rui") == ["eva"] * 4
    assert tried(*names) == ["ana", "eva", "rui", "ana"], "where nobody else is left, they are asked again"
