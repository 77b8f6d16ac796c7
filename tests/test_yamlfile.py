import math
import time
from datetime import date
from enum import StrEnum
from textwrap import dedent
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator

from tocsin import modelerrors
from tocsin.domain import plan as policy
from tocsin.domain.base import Value
from tocsin.domain.directory import Directory
from tocsin.domain.durations import Allowance, Duration
from tocsin.mappingfiles import MappingText
from tocsin.rehearsal.scenario import Scenario
from tocsin.sources import Source
from tocsin.yamlfile import Problem, YamlError, load, locate, parse, read, read_text


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


class Colour(StrEnum):
    RED = "red"
    AMBER = "amber"


class Page(Value):
    kind: Literal["page"]
    role: str
    again_after: Duration | None = None


class Notice(Value):
    kind: Literal["notice"]
    audience: str
    page: str | None = None


class Obligation(Value):
    id: str
    from_: str = Field(default="aware", alias="from")
    within: Allowance | None = None
    every: Duration | dict[str, Duration] | None = None
    remind: tuple[Duration, ...] = ()
    does: Annotated[Page | Notice, Field(discriminator="kind")] | None = None


class Contact(Value):
    email: str


class Rota(Value):
    order: list[str]
    days: int


class Level(Value):
    via: Annotated[tuple[Literal["sms", "phone"], ...], Field(min_length=1)] = ("sms",)
    repeat: Annotated[int, Field(ge=1, le=20)] = 1
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5


def _by_only_key(given):
    return next(iter(given)) if isinstance(given, dict) and given else None


class PageStep(Value):
    page: Contact
    note: str = ""


class RunStep(Value):
    run: str
    page: int = 0


class Plan(Value):
    plan: str = "x"
    severity: Literal["high", "medium", "low"] = "low"
    colour: Colour = Colour.RED
    obligations: list[Obligation] = []
    contacts: dict[str, Contact] = {}
    ranks: dict[int, str] = {}
    cover: Contact | Rota | None = None
    span: tuple[int, str] | None = None
    either: list[str] | dict[str, str] | None = None
    step: (
        Annotated[
            Annotated[PageStep, Tag("page")] | Annotated[RunStep, Tag("run")], Discriminator(_by_only_key)
        ]
        | None
    ) = None
    since: date | None = None
    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = (Level(),)


def problems_in(text, model=Plan):
    with pytest.raises(YamlError) as refused:
        parse(dedent(text), model, name="plan.yaml")
    return refused.value.problems


def only_problem_in(text, model=Plan):
    [problem] = problems_in(text, model)
    return str(problem)


# ---- what is read ----


@pytest.mark.parametrize(
    "written",
    [
        "NO",
        "on",
        "off",
        "yes",
        "17:30",
        "24/7",
        "PT4H",
        "2026-12-24",
        "2026-12-24T10:00:00Z",
        "1_000",
        "+1 555",
        "=",
    ],
)
def test_what_is_not_a_number_stays_the_text_that_was_written(written):
    assert read_text(f"value: {written}\n{written}: key\n").data == {"value": written, written: "key"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12", 12),
        ("-1", -1),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("|\n  12", "12"),
    ],
)
def test_numbers_truth_and_nothing_follow_the_core_schema(written, meant):
    read_as = read_text(f"value: {written}").data["value"]
    assert read_as == meant
    assert type(read_as) is type(meant)


def test_a_directive_for_yaml_1_1_does_not_bring_its_booleans_back():
    assert read_text("%YAML 1.1\n---\ncountry: NO\n").data == {"country": "NO"}


def test_folded_lines_become_one_and_nothing_stays_where_they_were_joined():
    assert read_text("say: >-\n  one\n  two\n\n  three\n", "<text>").data == {"say": "one two\nthree"}


def test_data_is_plain_python():
    data = read_text("a: &x {b: [1, 2.5]}\nc: *x\n").data
    assert data == {"a": {"b": [1, 2.5]}, "c": {"b": [1, 2.5]}}
    assert [type(each) for each in (data, data["a"]["b"], *data["c"]["b"])] == [dict, list, int, float]


def test_merge_keys_fill_in_what_is_not_said():
    document = read_text("base: &b {x: 1, y: 2}\nmore: &m {z: 3}\nhere: {y: 9, <<: [*b, *m]}\n")
    assert document.data["here"] == {"y": 9, "x": 1, "z": 3}
    assert document.position(("here", "x")) == (1, 14)
    assert document.position(("here", "y")) == (3, 11)


def test_a_file_becomes_its_model(tmp_path):
    file = tmp_path / "plan.yaml"
    file.write_bytes(
        "\ufeffplan: Größe\nsince: 2026-12-24\nobligations: [{id: a, within: {business_days: 3}}]\n".encode()
    )
    plan = load(file, Plan)
    assert (plan.plan, plan.since) == ("Größe", date(2026, 12, 24))
    assert plan.obligations[0].within == Allowance(business_days=3)


def test_validators_see_the_context(tmp_path):
    class Greeting(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def _greet(cls, name: str, info: ValidationInfo) -> str:
            return f"{info.context['greeting']} {name}"

    (tmp_path / "a.yaml").write_text("name: Ada")
    assert load(tmp_path / "a.yaml", Greeting, {"greeting": "Hello"}).name == "Hello Ada"


# ---- what is no YAML ----


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: [1,\nc: 2\n", "plan.yaml:4:1: is not YAML: expected ',' or ']'"),
        ("a: b: c\n", "plan.yaml:1:5: is not YAML: mapping values are not allowed here"),
        ("a: 1\n\tb: 2\n", "plan.yaml:2:1: is not YAML: found character '\\t'"),
        ("a: *x\n", "plan.yaml:1:4: is not YAML: found undefined alias 'x'"),
        ("a: 1\n---\nb: 2\n", "plan.yaml:2:1: is not YAML: but found another document"),
        ("a: 1\nb: x\x01\n", "plan.yaml:2:5: the character U+0001 is not allowed in YAML; delete it"),
        ("# nothing\n", "plan.yaml:1:1: is empty"),
        (
            "a: 1\nb: {c: 2,\n  c: 3}\n",
            "plan.yaml:3:3: b: the key `c` is already in line 2; keep one of them",
        ),
        ("a: !secret x\n", "plan.yaml:1:4: a: the tag !secret is not used here; delete it"),
        ("a: &a [*a]\n", "plan.yaml:1:4: a[0]: this contains an alias of itself"),
        ("&a {<<: *a}\n", "plan.yaml:1:1: this contains an alias of itself"),
        ("? [a]\n: 1\n", "plan.yaml:1:3: a key is a single word or number"),
        ("<<: 1\n", "plan.yaml:1:5: `<<` takes a mapping"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_at_its_place(text, problem):
    assert only_problem_in(text, Anything).startswith(problem)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(YamlError, match=r"nowhere\.yaml:1:1: can't be read: No such file"):
        read(tmp_path / "nowhere.yaml")


def test_a_file_in_another_encoding_is_refused_at_its_line(tmp_path):
    (tmp_path / "old.yaml").write_bytes("a: 1\nb: Größe\n".encode("latin-1"))
    with pytest.raises(YamlError, match=r"old\.yaml:2:1: is not UTF-8"):
        read(tmp_path / "old.yaml")


# ---- what the model refuses ----


def test_a_wrong_value_is_told_with_line_column_and_path():
    text = """\
        plan: x
        obligations:
          - id: first
          - id: second
            within: PT4Q
        """
    assert only_problem_in(text) == (
        'plan.yaml:5:13: obligations[1].within: "PT4Q" is not a duration; '
        "write ISO 8601 such as PT4H, or {business_days: 3}"
    )


def test_an_unknown_key_is_told_where_it_stands_and_what_was_meant():
    text = """\
        obligations:
          - id: first
            withn: PT4H
        """
    assert only_problem_in(text) == (
        "plan.yaml:3:5: obligations[0]: unknown key `withn`; "
        "allowed here: id, from, within, every, remind, does (did you mean `within`?)"
    )


def test_an_unknown_key_at_the_top_and_in_a_mapping_of_models():
    top, inner = problems_in("colr: red\ncontacts: {ada: {email: a@b, phne: 1}}\n")
    assert "1:1: unknown key `colr`; allowed here: plan, severity, colour" in str(top)
    assert str(inner) == "plan.yaml:2:30: contacts.ada: unknown key `phne`; allowed here: email"


def test_a_missing_key_is_told_at_the_mapping_that_lacks_it():
    text = """\
        contacts:
          ada: {}
        obligations:
          - within: PT4H
        """
    ada, obligation = map(str, problems_in(text))
    assert ada == "plan.yaml:2:8: contacts.ada: `email` is required here"
    assert obligation == "plan.yaml:4:5: obligations[0]: `id` is required here"


def test_a_choice_lists_what_may_be_chosen():
    severity, colour = map(str, problems_in("severity: hihg\ncolour: blue\n"))
    assert severity == (
        "plan.yaml:1:11: severity: \"hihg\" is not allowed here; write 'high', 'medium' or 'low' "
        "(did you mean `high`?)"
    )
    assert colour == "plan.yaml:2:9: colour: \"blue\" is not allowed here; write 'red' or 'amber'"


def test_an_item_of_a_tuple_is_located():
    assert "1:38: obligations[0].remind[1]: 15 is not a duration" in only_problem_in(
        "obligations: [{id: a, remind: [PT1H, 15]}]"
    )
    assert 'span[0]: "x" should be a valid integer' in only_problem_in("span: [x, y]")
    assert "1:7: span: too many items (3); write at most 2" in only_problem_in("span: [1, y, z]")


def test_a_number_that_is_out_of_bounds_is_told_which_would_do():
    assert [str(each).split(": ", 1)[1] for each in problems_in("levels: [{repeat: 0}, {repeat: 21}]")] == [
        "levels[0].repeat: 0 is too little; write 1 or more",
        "levels[1].repeat: 21 is too much; write 20 or less",
    ]
    assert [str(each).split(": ", 1)[1] for each in problems_in("levels: [{share: 0}, {share: 1}]")] == [
        "levels[0].share: 0 is too little; write more than 0",
        "levels[1].share: 1 is too much; write less than 1",
    ]


def test_a_list_is_too_short_only_where_it_is():
    assert only_problem_in("levels: []") == "plan.yaml:1:9: levels: too few items (0); write at least 1"
    assert only_problem_in("levels: [{via: [smss]}]") == (
        "plan.yaml:1:17: levels[0].via[0]: \"smss\" is not allowed here; write 'sms' or 'phone' "
        "(did you mean `sms`?)"
    )


@pytest.mark.parametrize("model", [policy.Plan, Directory, Scenario, MappingText, Source])
def test_no_pattern_of_anything_that_people_write_is_shown_to_them(model):
    assert set(_patterns(model.model_json_schema())) <= set(modelerrors.PATTERNS)


def _patterns(schema):
    """Every pattern in a JSON schema; a property may be called `pattern`, too."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from _patterns(each)


def test_a_name_that_does_not_fit_is_told_what_does():
    assert only_problem_in("title: X\nlist: My List.csv", policy.Audience) == (
        'plan.yaml:2:7: list: "My List.csv" names no list; write a file in `lists/` such as customers.csv, in small '
        "letters, digits, `-` and `_`; or an adapter such as acme.crm:customers"
    )


def test_a_value_of_a_mapping_is_located():
    assert only_problem_in("obligations: [{id: a, every: {high: PT4H, low: 8h}}]") == (
        'plan.yaml:1:48: obligations[0].every.low: "8h" is not a duration; write ISO 8601 such as PT4H'
    )


def test_a_key_of_a_mapping_is_located():
    assert only_problem_in("ranks:\n  1: a\n  two: b\n").startswith(
        'plan.yaml:3:3: ranks.two: "two" should be'
    )


def test_a_number_where_text_belongs_is_told_to_wear_quotes():
    assert only_problem_in("plan: 12") == "plan.yaml:1:7: plan: 12 is not text; put it in quotes"
    assert only_problem_in("12: plan") == "plan.yaml:1:1: [12]: the key 12 is not text; put it in quotes"


def test_a_value_of_another_kind_is_told_what_belongs_there():
    assert only_problem_in("obligations: 5") == "plan.yaml:1:14: obligations: 5 stands where a list belongs"
    assert only_problem_in("plan: [x]") == "plan.yaml:1:7: plan: a list stands where text belongs"


def test_a_key_without_a_value_is_located_at_the_key():
    assert only_problem_in("contacts:\n  ada:\n") == (
        "plan.yaml:2:3: contacts.ada: nothing stands where a mapping belongs"
    )


def test_the_member_of_a_union_is_found_by_its_discriminator():
    text = """\
        obligations:
          - id: a
            does: {kind: page, rol: oncall}
          - id: b
            does: {kind: page, role: oncall, again_after: 5m}
          - id: c
            does: {kind: pge}
          - id: d
            does: {role: oncall}
        """
    assert [str(each) for each in problems_in(text)] == [
        "plan.yaml:3:11: obligations[0].does: `role` is required here",
        "plan.yaml:3:24: obligations[0].does: unknown key `rol`; allowed here: kind, role, again_after "
        "(did you mean `role`?)",
        'plan.yaml:5:51: obligations[1].does.again_after: "5m" is not a duration; '
        "write ISO 8601 such as PT4H",
        "plan.yaml:7:18: obligations[2].does.kind: \"pge\" is not allowed here; write 'page', 'notice' "
        "(did you mean `page`?)",
        "plan.yaml:9:11: obligations[3].does: `kind` is required here",
    ]


def test_a_discriminator_that_is_also_a_key_does_not_lead_astray():
    assert only_problem_in("step: {page: {email: a@b}, note: 5}").startswith(
        "plan.yaml:1:34: step.note: 5 is not text"
    )
    assert only_problem_in("step: {page: {}}") == "plan.yaml:1:14: step.page: `email` is required here"
    assert only_problem_in("step: {page: {email: a@b}, nte: x}") == (
        "plan.yaml:1:28: step: unknown key `nte`; allowed here: page, note (did you mean `note`?)"
    )


def test_a_step_of_no_known_kind_is_told_the_kinds():
    assert only_problem_in("step: {pge: {}}") == (
        "plan.yaml:1:7: step: \"pge\" is not allowed here; write 'page', 'run' (did you mean `page`?)"
    )
    assert only_problem_in("step: []") == "plan.yaml:1:7: step: a list is of no kind that is allowed here"
    assert only_problem_in("obligations: [{id: a, does: 5}]").endswith(
        "does: 5 stands where a mapping belongs"
    )


def test_of_a_union_the_member_that_fits_best_is_explained():
    assert only_problem_in("cover: {order: [a]}") == "plan.yaml:1:8: cover: `days` is required here"
    assert only_problem_in("cover: {emial: a@b, email: x}") == (
        "plan.yaml:1:9: cover: unknown key `emial`; allowed here: email (did you mean `email`?)"
    )
    assert only_problem_in("obligations: [{id: a, every: 4h}]").endswith(
        'obligations[0].every: "4h" is not a duration; write ISO 8601 such as PT4H'
    )


def test_members_of_a_union_that_fit_equally_badly_are_told_together():
    assert only_problem_in("either: 5") == (
        "plan.yaml:1:9: either: 5 stands where a list belongs; or: 5 stands where a mapping belongs"
    )


def test_an_allowance_with_an_unknown_unit_names_the_units():
    text = "obligations: [{id: a, within: {busines_days: 3}}]"
    unknown = only_problem_in(text)
    assert (
        "1:32: obligations[0].within: unknown key `busines_days`; allowed here: elapsed, business_days"
        in unknown
    )
    assert "(did you mean `business_days`?)" in unknown


def test_a_document_that_is_a_list_is_refused_as_a_whole():
    assert only_problem_in("- a\n").startswith("plan.yaml:1:1: a list stands where a mapping belongs")


def test_problems_come_in_the_order_of_the_file():
    with pytest.raises(YamlError) as refused:
        parse("zzz: 1\nseverity: x\nplan: 1\n", Plan)
    assert [line.split(":")[1] for line in str(refused.value).splitlines()] == ["1", "2", "3"]
    assert refused.value.problems[0].file == "<text>"


# ---- problems found later ----


def test_a_reference_that_leads_nowhere_can_be_located_after_validation():
    document = read_text(
        "roles: {oncall: {}}\nobligations:\n  - id: a\n    page: onccall\n", name="plan.yaml"
    )
    assert (
        locate(document, ("obligations", 0, "page"))
        == document.position(("obligations", 0, "page"))
        == (4, 11)
    )
    assert document.problem(("obligations", 0, "page"), "no such role") == Problem(
        "plan.yaml", 4, 11, "obligations[0].page", "no such role"
    )


def test_a_place_that_is_not_written_is_located_at_what_surrounds_it():
    document = read_text("obligations:\n  - id: a\n")
    assert document.position(("obligations", 0, "page", "role")) == (2, 5)
    assert document.position(("nowhere",)) == (1, 1)


def test_a_long_plan_is_read_in_the_blink_of_an_eye():
    block = """\
  - id: report-{0}
    from: aware   # the clock starts here
    within: {{business_days: 3}}
    every: {{high: PT4H, medium: PT8H, low: P1D}}
    remind: [PT1H, PT15M]
    does:
      kind: page
      role: oncall
"""
    text = "obligations:\n" + "".join(block.format(number) for number in range(50))
    started = time.perf_counter()
    plan = parse(text, Plan)
    assert len(plan.obligations) == 50
    assert time.perf_counter() - started < 1.5  # about 0.07 s on an idle machine
