"""Reports written into files: what is on the paper, whom a letter is for, and what is said when it can't be written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pytest

from tests.cli.office import FakeIncidents, execution, library_of_the_harbour
from tests.domain.world import World
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.settings import Settings

ADDRESS = "postal: [Orca Shipping, 1 Pier Road, 4400 Pedra]"


@dataclass
class Desk:
    """A desk beside a folder of plans."""

    world: World
    folder: Path
    directory: Path

    def types(self, line: str) -> int:
        incidents = FakeIncidents(listed=[execution(self.world.state.id)], world=self.world)
        settings = Settings(plans=self.folder / "plans", state=self.folder / "state")

        async def connect() -> FakeIncidents:
            return incidents

        office = Office(connect=connect, settings=lambda: settings, now=lambda: self.world.now)
        return run([word.format(folder=self.folder) for word in line.split()], office)

    def printed(self, name: str) -> str:
        with pypdfium2.PdfDocument(self.folder / name) as document:
            return "\n".join(page.get_textpage().get_text_bounded() for page in document)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A storm that concerns the owners of the Orca; its owner has an address since this morning."""
    world = World()
    world.alert("storm", customer="orca")
    world.passes(hours=5)
    plans = library_of_the_harbour(tmp_path)
    return Desk(world, tmp_path, plans / "harbour" / "directory.yaml")


@pytest.fixture
def ref(desk: Desk) -> str:
    return desk.world.state.reference


def gives_the_owner_an_address(desk: Desk) -> None:
    text = desk.directory.read_text()
    assert "name: Orca's desk" in text
    desk.directory.write_text(text.replace("name: Orca's desk", f"name: Orca's desk, {ADDRESS}", 1))


def test_a_report_is_written_as_a_paper_with_its_picture(desk: Desk, ref: str, capsys) -> None:
    assert desk.types(f"report {ref} interim --pdf {{folder}}/interim.pdf") == 0

    assert capsys.readouterr() == (f"wrote {desk.folder}/interim.pdf\n", "")
    text = desk.printed("interim.pdf")
    assert "Port of Pedra" in text
    assert "Not yet known" in text
    assert "What happened when" in text
    assert "The crews get an interim report" in text


def test_all_forms_may_be_written_at_once(desk: Desk, ref: str, capsys) -> None:
    files = " ".join(f"--{form} {{folder}}/interim.{form}" for form in ("pdf", "html", "svg"))
    assert desk.types(f"report {ref} interim {files} -o json") == 0

    assert "<svg" in (desk.folder / "interim.html").read_text()
    assert (desk.folder / "interim.svg").read_text().startswith("<svg")
    assert f'"{desk.folder}/interim.svg"' in capsys.readouterr().out


def test_a_letter_has_the_owners_address_and_a_date_and_no_picture(desk: Desk, ref: str) -> None:
    gives_the_owner_an_address(desk)

    assert desk.types(f"report {ref} interim --letter --pdf {{folder}}/letter.pdf") == 0

    text = desk.printed("letter.pdf")
    assert "Orca's desk\r\nOrca Shipping\r\n1 Pier Road\r\n4400 Pedra" in text
    assert "1 June 2026" in text
    assert "Dear Orca's desk" in text
    assert "What happened when" not in text


def test_a_letter_to_nobody_with_an_address_says_where_to_write_it(desk: Desk, ref: str, capsys) -> None:
    assert desk.types(f"report {ref} interim --letter --pdf {{folder}}/letter.pdf") == 2

    assert "no contact of the incident's customer has a postal address" in capsys.readouterr().err
    assert not (desk.folder / "letter.pdf").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--letter --pdf {folder}/letter.pdf --to ana", '"ana" has no postal address'),
        ("--letter --pdf {folder}/letter.pdf --to nemo", 'nobody is called "nemo"'),
        ("--letter", "say where to with --pdf FILE"),
        ("--pdf {folder}/letter.pdf --to ana", "add --letter"),
        ("--pdf {folder}/interim.pdf --send", "either send the report, or write it into files"),
    ],
)
def test_what_makes_no_sense_is_said_to_make_none(desk: Desk, ref: str, capsys, options, complaint) -> None:
    assert desk.types(f"report {ref} interim {options}") == 2
    assert complaint in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named(desk: Desk, ref: str, capsys) -> None:
    assert desk.types(f"report {ref} interim --svg {{folder}}/nowhere/interim.svg") == 1
    assert "nowhere/interim.svg could not be written: No such file or directory" in capsys.readouterr().err


def test_a_template_that_fails_is_told_beside_the_file(desk: Desk, ref: str, capsys) -> None:
    own = desk.directory.parent / "templates"
    own.mkdir()
    (own / "report.md.j2").write_text("{{ nothing }}")

    assert desk.types(f"report {ref} interim --pdf {{folder}}/interim.pdf") == 0

    assert "note: the md template of interim failed with UndefinedError" in capsys.readouterr().err
    assert "Not yet known" in desk.printed("interim.pdf")


def test_without_the_plan_there_are_no_words_for_a_paper(desk: Desk, ref: str, capsys) -> None:
    (desk.folder / "plans" / "harbour").rename(desk.folder / "plans" / "port")
    plan = desk.folder / "plans" / "port" / "plan.yaml"
    plan.write_text(plan.read_text().replace("plan: harbour", "plan: port", 1))

    assert desk.types(f"report {ref} interim --pdf {{folder}}/interim.pdf") == 1
    assert 'plan "harbour" is not in' in capsys.readouterr().err
