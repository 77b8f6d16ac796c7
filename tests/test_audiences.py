"""Lists of recipients: what is read, and what is said of a row, or a list, that makes no sense."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests import adapters
from tests.crowds import plans_with
from tocsin.audiences import (
    AdapterFailed,
    ListError,
    Lists,
    Malformed,
    ask_adapter,
    read_csv,
    row_of,
    trouble_with,
)
from tocsin.domain.broadcasts import Row
from tocsin.library import PlanLibrary, examine


def a_list(folder: Path, content: str | bytes) -> Path:
    path = folder / "ships.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(path: Path, channel: str = "email") -> list[Row]:
    return [row_of(entry, channel) for entry in read_csv(path)]


@pytest.mark.parametrize(
    "content",
    [
        'email,name\nada@example.org,"Lovelace, Ada"\n',
        "email;name\nada@example.org;Lovelace, Ada\n",
        '\ufeffEmail , NAME , remark\nada@example.org, "Lovelace, Ada", met in London\n',
        'name,email\r\n"Lovelace, Ada",ada@example.org\r\n\r\n',
        'email;name\n;\nada@example.org;"Lovelace, Ada"',
    ],
    ids=["commas", "semicolons", "byte order mark", "Windows", "empty rows"],
)
def test_a_list_is_read_however_a_spreadsheet_wrote_it(tmp_path, content):
    (row,) = rows(a_list(tmp_path, content))

    assert (row.to, row.name) == ("ada@example.org", "Lovelace, Ada")


def test_a_row_has_its_line_its_key_and_its_language(tmp_path):
    path = a_list(tmp_path, "email,key,language\n\nada@example.org,4711,de-AT\nbo@example.org,,Klingon!\n")

    assert rows(path) == [
        Row(3, "ada@example.org", key="4711", language="de-AT"),
        Row(4, "bo@example.org"),
    ]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (b'"ada@example.org,Ada', "has a quote too many or too few"),
        (
            b"ada@example.org,Ada,Lovelace",
            "has 3 cells, and the header has 2; put what has a `,` in it into quotes",
        ),
        (b"ada@example.org,Ad\xe4", "is not UTF-8"),
        (b",Ada", "has no email address"),
        (b"ada,Ada", "has an email address that is none"),
        (b"ada@example..org,Ada", "has an email address that is none"),
        (b"ada@localhost,Ada", "has an email address that is none"),
        (b"Ada <ada@example.org>,Ada", "has an email address that is none"),
    ],
)
def test_a_broken_row_is_named_with_its_line_and_costs_nobody_else_anything(tmp_path, line, wrong):
    path = a_list(tmp_path, b"email,name\nfirst@example.org,A\n" + line + b"\nlast@example.org,Z\n")

    first, broken, last = read_csv(path)

    assert (row_of(first, "email").to, row_of(last, "email").to) == ("first@example.org", "last@example.org")
    assert broken.number == 3
    with pytest.raises(Malformed, match=wrong.replace("`,`", ".,.")) as caught:
        row_of(broken, "email")
    assert "ada" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+12025550111", "+12025550111"),
        ("+1 (202) 555-0111", "+12025550111"),
        ("+49 30/123456", "+4930123456"),
    ],
)
def test_a_number_is_read_as_people_write_it(tmp_path, written, read):
    assert rows(a_list(tmp_path, f"phone\n{written}\n"), "sms")[0].to == read


@pytest.mark.parametrize("written", ["2025550111", "+0123456", "+1", "555-CALL-NOW"])
def test_a_number_without_its_country_is_none(tmp_path, written):
    (entry,) = read_csv(a_list(tmp_path, f"phone,name\n{written},Ada\n"))

    with pytest.raises(Malformed, match="country code"):
        row_of(entry, "sms")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("", "ships.csv:1: has no column `email` and none `phone`"),
        ("ada@example.org,Ada\n", "write a header line such as `email,name,language`"),
        ("email,name,Email\n", "ships.csv:1: has two columns `email`"),
    ],
)
def test_a_list_without_a_header_that_makes_sense_is_refused_with_what_to_write(tmp_path, content, wrong):
    with pytest.raises(ListError) as caught:
        list(read_csv(a_list(tmp_path, content)))
    assert wrong in str(caught.value)


# ---- adapters ----


def test_an_adapter_gives_rows_as_objects_or_mappings():
    ada, bo, nobody = ask_adapter("tests.adapters:customers")

    assert row_of(ada, "email") == Row(1, "ada@example.org", name="Ada", key="4711")
    assert row_of(bo, "email").language == "de"
    with pytest.raises(Malformed, match="has no email address"):
        row_of(nobody, "email")
    assert nobody.given["key"] == "4713"


@pytest.mark.parametrize(
    ("name", "kind", "place"),
    [
        ("tests.adapters:broken", "ConnectionError", 'raise ConnectionError("ada'),
        ("tests.adapters:detached", "RuntimeError", 'raise RuntimeError("the row'),
    ],
)
def test_what_an_adapter_or_its_rows_raise_is_named_by_its_kind_and_place_alone(name, kind, place):
    source = Path(adapters.__file__)
    line = 1 + next(number for number, text in enumerate(source.read_text().splitlines()) if place in text)

    with pytest.raises(AdapterFailed) as caught:
        list(ask_adapter(name))

    assert f"{name} failed with {kind} at {source}:{line};" in str(caught.value)
    assert "ada@" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_adapter_that_gives_nothing_to_go_through_has_failed():
    with pytest.raises(AdapterFailed, match="failed with TypeError"):
        list(ask_adapter("tests.adapters:Lazy"))


def test_an_adapter_whose_module_cannot_be_imported_is_told_with_the_reason(tmp_path, monkeypatch):
    (tmp_path / "unready_adapters.py").write_text("address = {}['CRM_URL']\n")
    monkeypatch.syspath_prepend(tmp_path)

    trouble = trouble_with(tmp_path, "unready_adapters:customers")

    assert "unready_adapters:customers cannot be imported: KeyError: 'CRM_URL'" in trouble


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("tests.nowhere:customers", "tests.nowhere:customers is not there"),
        ("tests.adapters:clients", "tests.adapters:clients is not there"),
        ("tests.adapters:nothing_to_call", "is no function"),
    ],
)
def test_an_adapter_that_is_not_there_is_found_before_anybody_waits_for_it(tmp_path, name, wrong):
    assert wrong in trouble_with(tmp_path, name)


def test_code_that_no_plan_names_is_not_called(tmp_path):
    lists = Lists(PlanLibrary(plans_with(tmp_path, []), tmp_path / "state"))

    with pytest.raises(ListError, match="is not called"):
        lists.entries("lighthouse", "tests.adapters:customers")


def test_a_list_that_can_be_read_has_no_trouble(tmp_path):
    plans_with(tmp_path, [])

    assert trouble_with(tmp_path / "plans" / "lighthouse", "ships.csv") == ""
    assert trouble_with(tmp_path, "tests.adapters:customers") == ""
    assert "put the list there" in trouble_with(tmp_path, "boats.csv")


def test_the_check_of_a_plan_finds_a_list_that_cannot_be_read_and_the_plan_is_loaded_all_the_same(tmp_path):
    plan = plans_with(tmp_path, []) / "lighthouse"
    (plan / "lists" / "ships.csv").write_text("ada@example.org\n")

    problems = [str(problem) for problem in examine(plan, date(2026, 11, 24)).problems]

    (problem,) = problems
    assert problem.startswith(f"{plan}/plan.yaml:")
    assert "audiences.ships.list" in problem
    assert "write a header line such as `email,name,language`" in problem
    PlanLibrary(tmp_path / "plans", tmp_path / "state")


def advice_about_the_list(plan):
    return [each for each in examine(plan, date(2026, 11, 24)).advice if each.path == "audiences.ships.list"]


def test_the_check_of_a_plan_tells_the_rows_that_nobody_can_write_to(tmp_path):
    rows = ["ada@example.org,Ada", "ada@,Ada", ",Bo", "cy@example.org,Cy", '"dee', "eve@example.org,Eve,1"]
    plan = plans_with(tmp_path, rows) / "lighthouse"

    (advice,) = advice_about_the_list(plan)

    assert str(advice).startswith(f"{plan}/plan.yaml:")
    assert advice.message.startswith(
        "4 of 6 rows of ships.csv can't be written to by email: row 3 has an email address that is none; row 4 has no "
        "email address; row 6 has a quote too many"
    )


def test_of_many_broken_rows_the_check_tells_the_first(tmp_path):
    plan = plans_with(tmp_path, [f"ship-{number}@" for number in range(1_200)]) / "lighthouse"

    (advice,) = advice_about_the_list(plan)

    assert advice.message.startswith("1,200 of 1,200 rows")
    assert advice.message.endswith("row 6 has an email address that is none; and 1,195 more")


def test_the_check_of_a_plan_tells_a_list_that_holds_nobody(tmp_path):
    (advice,) = advice_about_the_list(plans_with(tmp_path, []) / "lighthouse")

    assert advice.message == (
        "ships.csv has no row below its header, so nobody is told; add a line for each recipient"
    )


def test_a_list_is_checked_for_the_channels_over_which_it_is_used(tmp_path):
    plan = plans_with(tmp_path, ["+12025550101,Ada", "+12025550102,Bo"], header="phone,name") / "lighthouse"
    assert advice_about_the_list(plan) == []

    plan_file = plan / "plan.yaml"
    text = plan_file.read_text()
    by_email = "do: [{notify: {audience: ships, via: [phone, email]}}, "
    assert "do: [" in text
    plan_file.write_text(text.replace("do: [", by_email, 1))

    (advice,) = advice_about_the_list(plan)
    assert (
        "2 of 2 rows of ships.csv can't be written to by email: row 2 has no email address" in advice.message
    )


def test_an_adapter_is_not_asked_by_the_check(tmp_path):
    plan = plans_with(tmp_path, []) / "lighthouse"
    written = (plan / "plan.yaml").read_text()
    (plan / "plan.yaml").write_text(written.replace("list: ships.csv", "list: tests.adapters:broken"))

    assert examine(plan, date(2026, 11, 24)).problems == ()
    assert advice_about_the_list(plan) == []
