from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.common import WorkflowIDReusePolicy

from tests.ingest.harbour import NOON, Incident, unavailable
from tests.ingest.newsroom import Mail, Newsroom, basic
from tests.ingest.test_monitors import assert_problem
from tocsin.domain.state import Actor, Reporter
from tocsin.ingest.reports.words import NOTE_LENGTH

ID = "7F3K2XYZ90"


async def test_an_employees_mail_opens_an_incident_with_their_name_and_words_on_it(room: Newsroom) -> None:
    answer = await room.mail(Mail())

    assert answer.status_code == 202
    key = answer.json()["incident"]
    assert answer.json() == {
        "incident": key,
        "reference": key[:5],
        "workflow": f"incident-{key}",
        "outcome": "opened or joined",
    }
    start = room.start
    assert (start.key, start.title, start.severity) == (key, "Fog in the north basin", "slow")
    assert start.reporter == Actor(key="kit", via="email", proof="claimed")
    assert start.reported == Reporter(kind="employee", channel="email")
    assert (start.received, start.customer) == (NOON, None)
    [note] = room.said
    assert (note.kind, note.text, note.actor.key) == ("note", "Nothing can be seen.", "kit")


async def test_a_customers_mail_is_about_that_customer(room: Newsroom) -> None:
    await room.mail(Mail(sender='"The SOC" <SOC@Acme.example>'))

    assert room.start.customer == "acme"
    assert room.start.reporter == Actor(key="acme/soc-desk", via="email")
    assert room.start.reported == Reporter(kind="customer", channel="email")


async def test_anybody_else_is_a_stakeholder_in_their_own_words(room: Newsroom) -> None:
    await room.mail(Mail(sender="Jo Doe <jo@elsewhere.example>"))

    assert room.start.reporter == Actor(key="stakeholder", via="email")
    assert room.start.reported == Reporter(
        kind="stakeholder", channel="email", contact="Jo Doe <jo@elsewhere.example>"
    )


async def test_a_mail_that_is_delivered_twice_is_one_report(room: Newsroom) -> None:
    first, again, another = [
        await room.mail(Mail(headers=f"Message-ID: <{id}@example.com>\n")) for id in (1, 1, 2)
    ]

    assert first.json() == again.json() != another.json()
    once, twice, _ = room.said
    assert once.id == twice.id
    assert {start["id_reuse_policy"] for start in room.temporal.started} == {
        WorkflowIDReusePolicy.REJECT_DUPLICATE
    }


async def test_without_a_message_id_what_it_says_tells_one_mail_from_another(room: Newsroom) -> None:
    first, again, another = [await room.mail(Mail(headers="", text=text)) for text in ("a", "a", "b")]

    assert first.json()["incident"] == again.json()["incident"] != another.json()["incident"]


async def test_a_mail_that_comes_again_after_its_incident_ended_opens_nothing(room: Newsroom) -> None:
    first = await room.mail(Mail())
    room.temporal.ends(first.json()["workflow"])

    again = await room.mail(Mail())

    assert (again.status_code, again.json()["outcome"]) == (202, "over")
    assert len(room.temporal.started) == 1


@pytest.mark.parametrize(
    "answering",
    [
        {"subject": "Re: [7F3K2] Fog in the north basin"},
        {"subject": "Re: [DRILL] [7F3K2] Fog"},
        {"headers": "Message-ID: <2@x.example>\nIn-Reply-To: <7f3k2xyz90-m4@tocsin.example>\n"},
        {"headers": "References: <other@x.example>\n <7f3k2xyz90-m4@tocsin.example>\n"},
    ],
)
async def test_an_answer_to_a_mail_of_ours_is_a_note_on_that_incident(
    room: Newsroom, answering: dict[str, str]
) -> None:
    room.temporal.runs(Incident(f"incident-{ID}", ID))

    answer = await room.mail(Mail(text="It lifts.", **answering))

    assert (answer.status_code, answer.json()["incident"]) == (202, ID)
    assert room.temporal.started == []
    [note] = room.said
    assert (note.kind, note.incident, note.text) == ("note", ID, "It lifts.")
    assert "TocsinPlan = 'harbour'" in room.temporal.queries[0]


async def test_an_answer_about_an_incident_that_nobody_knows_opens_one_of_its_own(room: Newsroom) -> None:
    await room.mail(Mail(subject="Re: [ZZZZZ] Fog"))

    assert room.start.title == "Re: [ZZZZZ] Fog"


async def test_an_answer_about_an_incident_that_is_over_opens_one_that_names_it(room: Newsroom) -> None:
    room.temporal.runs(Incident("archived", ID))  # found in the list, and no workflow takes the note any more

    await room.mail(Mail(subject="Re: [7F3K2] Fog"))

    assert room.start.follows == ID


@pytest.mark.parametrize(
    ("automatic", "reason"),
    [
        ({"headers": "Auto-Submitted: auto-replied\n"}, "Auto-Submitted: auto-replied"),
        ({"headers": "Precedence: bulk\n"}, "Precedence: bulk"),
        ({"envelope_from": ""}, "bounce"),
        ({"envelope_from": "<>"}, "bounce"),
        ({"headers": "Content-Type: multipart/report; report-type=delivery-status\n"}, "bounce"),
    ],
)
async def test_what_nobody_wrote_opens_nothing(
    room: Newsroom, automatic: dict[str, str], reason: str
) -> None:
    answer = await room.mail(Mail(**automatic))

    assert (answer.status_code, answer.json()["outcome"]) == (200, "ignored")
    assert reason in answer.json()["reason"]
    assert room.temporal.started == []


@pytest.mark.parametrize("header", ["Auto-Submitted: no\n", "Precedence: list\n"])
async def test_a_mail_through_a_mailing_list_was_written_by_somebody(room: Newsroom, header: str) -> None:
    assert (await room.mail(Mail(headers=header))).status_code == 202


async def test_attachments_are_kept_as_evidence_byte_by_byte(room: Newsroom) -> None:
    log = bytes(range(256)) * 10 + b"\r\n--xYzZY\r\n"

    answer = await room.mail(Mail(files=[("wacht-é.log", log), ("", b"picture")]))

    assert sorted(room.kept) == sorted([log, b"picture"])
    note, first, second = room.said
    assert note.text == "Attached: wacht-é.log, attachment\n\nNothing can be seen."
    assert (first.kind, first.name, first.size, first.origin) == (
        "evidence",
        "wacht-é.log",
        2571,
        "email from kit",
    )
    assert second.name == "attachment"
    assert [told.workflow for told in room.temporal.told] == [answer.json()["workflow"]] * 2


async def test_a_text_that_is_too_long_for_a_note_is_kept_whole(room: Newsroom) -> None:
    text = "Fog. " * 10_000

    await room.mail(Mail(text=text))

    note, whole = room.said
    assert len(note.text) == NOTE_LENGTH
    assert note.text.endswith("(cut here)")
    assert (whole.name, room.kept) == ("email.txt", [text.strip().encode()])


async def test_an_attachment_that_cannot_be_kept_is_asked_for_again_once_the_incident_is_open(
    room: Newsroom,
) -> None:
    (room.state / "evidence").parent.mkdir(parents=True, exist_ok=True)
    (room.state / "evidence").write_text("no folder")

    answer = await room.mail(Mail(files=[("log", b"log")]))

    assert_problem(answer, 503, "evidence-not-kept")
    assert len(room.temporal.started) == 1


@pytest.mark.parametrize(
    ("raw", "charset"),
    [
        ("Nebel über der Förde".encode("iso-8859-1"), "iso-8859-1"),
        ("Nebel über der Förde".encode(), "UTF-8"),
        ("Nebel über der Förde".encode(), "unicode_escape"),
        ("Nebel über der Förde".encode(), "utf-9000"),
        ("Nebel über der Förde".encode(), "\\u0000"),
    ],
)
async def test_a_text_is_read_in_its_own_character_set(room: Newsroom, raw: bytes, charset: str) -> None:
    await room.mail(Mail(more={"text": raw, "charsets": f'{{"text": "{charset}"}}'}))

    assert room.said[0].text == "Nebel über der Förde"


async def test_a_mail_without_plain_text_is_read_from_its_page(room: Newsroom) -> None:
    page = "<html><head><style>p {}</style></head><p>Fog &amp; ice<br>everywhere <script>1 < 2</script>"

    await room.mail(Mail(text=" ", more={"html": page}))

    assert room.said[0].text == "Fog & ice\neverywhere"


@pytest.mark.parametrize(
    ("subject", "text", "title"),
    [
        ("", "\n Fog\nand ice", "Fog"),
        ("\x00\t ", "", "An email without words"),
        ("Fog\r\n in  the\tbasin", "", "Fog in the basin"),
        ("f" * 999, "", "f" * 200),
    ],
)
async def test_an_incident_has_a_title_on_one_line(
    room: Newsroom, subject: str, text: str, title: str
) -> None:
    await room.mail(Mail(subject=subject, text=text))

    assert room.start.title == title


@pytest.mark.parametrize(
    ("line", "hours"),
    [
        ("Known since: 2026-11-23 10:00", 26),
        ("known since: 2026-11-23T10:00:00Z", 26),
        ("Known since: 2026-11-23T11:00+01:00 or so", 26),
        ("Known since: 2026-11-24 12:01", None),  # the future
        ("Known since: 2026-02-30 12:01", None),
        ("Known since: 0001-01-01T00:00+14:00", None),
        ("Known since: yesterday", None),
    ],
)
async def test_since_when_somebody_knew_is_said_on_a_line_of_the_mail(
    room: Newsroom, line: str, hours: int | None
) -> None:
    await room.mail(Mail(text=f"Fog.\n{line}\n"))

    assert room.start.reported.knew == (NOON - timedelta(hours=hours) if hours else None)


async def test_the_token_may_be_a_password_a_parameter_or_a_bearer_token(room: Newsroom) -> None:
    for query, headers in (
        ("", {"Authorization": basic("mail", "letter-box-at-the-door")}),
        ("", {"Authorization": "Bearer letter-box-at-the-door"}),
        ("token=letter-box-at-the-door", {}),
    ):
        assert (await room.mail(Mail(), query=query, **headers)).status_code == 202


@pytest.mark.parametrize(
    ("query", "authorization"),
    [
        ("", None),
        ("token=", None),
        ("token=letter", None),
        ("token=letter-box-at-the-door", "Basic !!!"),
        ("", "Basic " + "w6k="),
        ("", basic("letter-box-at-the-door", "")),
    ],
)
async def test_without_a_token_no_mail_is_taken(
    room: Newsroom, query: str, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    answer = await room.mail(Mail(), query=query, **headers)

    assert "TOCSIN_REPORT_TOKENS" in assert_problem(answer, 401, "unknown-token")["detail"]
    assert room.temporal.started == []


async def test_the_plan_must_exist(room: Newsroom) -> None:
    assert "harbour" in assert_problem(await room.mail(Mail(), plan="sea"), 404, "no-plan")["detail"]


async def test_while_temporal_is_away_the_mail_is_asked_for_again(room: Newsroom) -> None:
    room.temporal.failure = unavailable()

    answer = await room.mail(Mail())

    assert_problem(answer, 503, "temporal-unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_a_body_that_is_no_form_is_refused(room: Newsroom) -> None:
    url = "/v1/reports/email/harbour?token=letter-box-at-the-door"
    for content, kind in (
        (b"{}", "application/json"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nx\r\n--x--", "multipart/form-data; boundary=x"),
    ):
        answer = await room.http.post(url, content=content, headers={"Content-Type": kind})
        assert_problem(answer, 400, "not-a-form")
