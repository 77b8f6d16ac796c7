import base64
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pypdfium2
import pytest
from temporalio.testing import ActivityEnvironment

from activities.email import EmailActivities
from tests.gates import OpenGate
from tocsin import enclosures
from tocsin.domain.channel import Call, Email, Receipt, Sms
from tocsin.domain.directory import Contact
from tocsin.domain.messages import Dispatch
from tocsin.domain.reports import Line, Report
from tocsin.domain.sms_text import sms_segments
from tocsin.domain.state import Meeting, Target
from tocsin.library import PlanLibrary
from tocsin.pdf import NotPrintable
from tocsin.prompts import Prompt, Prompts
from tocsin.rendering import Templates

SHIPPED = Path(__file__).parents[1] / "plans"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DANA = Contact(name="Dana Reyes", email="dana.reyes@example.com", phone="+12025550101")
ROBIN = Contact(name="Robin Castillo", email="robin.castillo@acme.example.org")


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "plans"))


@pytest.fixture
def own(plans: Path) -> Path:
    """The folder of the plan's own templates."""
    folder = plans / "allcode" / "templates"
    folder.mkdir(exist_ok=True)
    return folder


@dataclass
class Writer:
    """Renders one message after the other, and keeps what was said about those that had to do without something."""

    templates: Templates
    library: PlanLibrary
    notes: list[str] = field(default_factory=list)

    def email(self, dispatch: Dispatch, contact: Contact, address: str) -> Email:
        return self._noted(self.templates.email(dispatch, contact, address))

    def sms(self, dispatch: Dispatch, address: str, person: str) -> Sms:
        return self._noted(self.templates.sms(dispatch, address, person))

    def call(self, dispatch: Dispatch, contact: Contact, address: str, person: str) -> Call:
        return self._noted(self.templates.call(dispatch, contact, address, person))

    def _noted(self, rendered):
        message, note = rendered
        self.notes += [note] if note else []
        return message


@pytest.fixture
def templates(plans: Path, tmp_path: Path) -> Writer:
    library = PlanLibrary(plans, tmp_path / "state")
    return Writer(Templates(library, "https://tocsin.example.com", "bell@example.com"), library)


def dispatch(**changes) -> Dispatch:
    usual = {
        "message": "7F3K2ABCDE-m3",
        "workflow": "incident-7F3K2ABCDE",
        "incident": "7F3K2ABCDE",
        "reference": "7F3K2",
        "plan": {"name": "allcode", "hash": "0" * 64},
        "channel": "email",
        "template": "notice",
        "purpose": "notice",
        "target": Target(role="oncall"),
        "is_drill": False,
        "is_for_outsiders": False,
        "subject": "Security incident notice",
        "text": "",
        "title": "checkout-api is down",
        "severity": "High",
        "status": "open",
        "phase": "1 immediate action",
        "customer": "acme",
        "created": NOON,
    }
    return Dispatch(**(usual | changes))


def page(**changes) -> Dispatch:
    usual = {
        "template": "page",
        "purpose": "page",
        "subject": "checkout-api is down",
        "code": "7F3K2-1",
        "page": 1,
    }
    return dispatch(**(usual | {"channel": "sms"} | changes))


def report(*lines: Line) -> Report:
    return Report(id="interim", title="Interim status report", at=NOON, lines=lines)


def content(attachment) -> str:
    return base64.b64decode(attachment.content).decode("utf-8-sig")


def printed(email: Email) -> str:
    """The text of the PDF that goes with an email."""
    (paper,) = (each for each in email.attachments if each.media_type == "application/pdf")
    with pypdfium2.PdfDocument(base64.b64decode(paper.content)) as document:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)


# ---- text messages ----


def test_a_page_by_sms_says_what_and_how_to_answer(templates):
    sms = templates.sms(page(is_drill=True), "+12025550101", "dana")
    assert sms.body == "DRILL 7F3K2 High: checkout-api is down. Reply 7F3K2-1 to acknowledge."
    assert sms_segments(sms.body) == ("GSM-7", 1)
    assert sms.status_callback == (
        "https://tocsin.example.com/v1/twilio/status"
        "?workflow=incident-7F3K2ABCDE&incident=7F3K2ABCDE&message=7F3K2ABCDE-m3"
    )


@pytest.mark.parametrize(
    "title", ["checkout " * 80, "支払い停止" * 80, "{}[]" * 100], ids=["long", "UCS-2", "escapes"]
)
def test_however_long_the_title_the_code_survives_in_two_segments(templates, title):
    sms = templates.sms(page(subject=title, title=title), "+12025550101", "dana")
    assert "Reply 7F3K2-1 to acknowledge." in sms.body
    assert sms_segments(sms.body)[1] <= 2


def test_typographic_characters_do_not_make_a_text_message_cost_more(templates):
    sms = templates.sms(page(subject="“checkout” – it’s down…"), "+12025550101", "dana")
    assert '"checkout" - it\'s down...' in sms.body
    assert sms_segments(sms.body) == ("GSM-7", 1)


def test_a_refusal_says_what_was_refused_and_why(templates):
    refused = dispatch(
        channel="sms",
        template="refusal",
        purpose="refusal",
        subject="Your step was refused",
        text="step contain is already done",
    )
    assert "Your step was refused: step contain is already done." in templates.sms(refused, "+1", "dana").body


# ---- calls ----


def test_a_page_by_phone_is_spoken_and_takes_a_key_for_the_person_called(templates):
    call = templates.call(page(channel="phone", is_drill=True), DANA, "+12025550101", "dana")
    assert call.say == (
        "This is Tocsin, with a drill. AllCode, incident 7 F 3 K 2, severity High. checkout-api is down."
    )
    assert call.keys.text.startswith("Press 1 to accept. Press 2 to pass it on")
    assert call.silence.text == "We did not receive a key. Goodbye."
    assert call.answer_url == (
        "https://tocsin.example.com/v1/twilio/key?workflow=incident-7F3K2ABCDE&incident=7F3K2ABCDE&page=1"
        "&person=dana&message=7F3K2ABCDE-m3&plan=allcode&language=en-US&asked=1"
    )


def test_a_call_that_only_informs_asks_for_a_sign_that_it_was_heard(templates):
    call = templates.call(dispatch(channel="phone"), DANA, "+12025550101", "dana")
    assert call.keys.text.startswith("Press 1 to confirm that you heard this.")
    assert "page=" not in call.answer_url
    assert "Security incident notice. checkout-api is down." in call.say


# ---- languages ----

MARIA = DANA.model_copy(update={"language": "es-MX"})


def spoken_to(templates, contact, **changes):
    return templates.call(page(channel="phone", **changes), contact, "+1", "dana")


def test_a_call_is_in_the_language_of_whoever_is_called(templates):
    call = spoken_to(templates, MARIA, is_drill=True)
    assert call.say == (
        "Le llama Tocsin, por un simulacro. AllCode, incidente 7 F 3 K 2, gravedad High. "
        "checkout-api is down."
    )
    assert call.keys.text.startswith("Pulse 1 para aceptarlo.")
    assert {call.language, call.keys.language, call.silence.language} == {"es-MX"}


@pytest.mark.parametrize(("language", "spoken"), [("en-GB", "en-GB"), ("nl-NL", "en-US"), ("en", "en")])
def test_english_words_are_read_by_an_english_voice(templates, language, spoken):
    call = spoken_to(templates, DANA.model_copy(update={"language": language}))
    assert call.say.startswith("This is Tocsin.")
    assert {call.language, call.keys.language, call.silence.language} == {spoken}


def test_a_message_that_has_no_words_in_a_language_is_read_in_english_and_its_keys_are_not(templates):
    call = templates.call(dispatch(channel="phone"), MARIA, "+1", "dana")
    assert (call.say[:14], call.language) == ("This is Tocsin", "en-US")
    assert (call.keys.text[:5], call.keys.language) == ("Pulse", "es-MX")


def test_the_nearest_variant_of_a_language_goes_first(templates, own):
    (own / "page.es-MX.voice.j2").write_text("Bueno, {{ title }}")
    assert spoken_to(templates, MARIA).say == "Bueno, checkout-api is down"
    assert spoken_to(templates, DANA.model_copy(update={"language": "es-AR"})).say.startswith("Le llama")


def test_what_a_template_in_another_language_cannot_say_is_said_in_english(templates, own):
    (own / "page.es.voice.j2").write_text("{{ tile }}")
    (own / "call.es.voice.j2").write_text("{{ tile }}")
    call = spoken_to(templates, MARIA)
    assert (call.say, call.language) == ("7F3K2 High: checkout-api is down.", "en-US")
    assert (call.keys.text[:7], call.keys.language) == ("Pulse 1", "es-MX"), "Tocsin's own words are there"
    assert templates.notes == ["the voice template of page failed with UndefinedError"]


def test_a_prompt_that_a_plans_own_words_leave_out_is_said_as_tocsin_would(templates, own):
    (own / "call.voice.j2").write_text('{% if prompt == "silence" %}Bye.{% endif %}')
    call = spoken_to(templates, DANA)
    assert (call.silence.text, call.keys.text[:15]) == ("Bye.", "Press 1 to acce")


def test_texts_and_emails_are_in_the_readers_language_where_the_plan_has_it(templates, plans, own):
    directory = plans / "allcode" / "directory.yaml"
    dana = 'phone: "+12025550101"'
    directory.write_text(directory.read_text().replace(dana, f"{dana}, language: es-MX", 1))
    (own / "page.es.md.j2").write_text("Responda {{ code }}.")
    assert templates.sms(page(is_drill=True), "+12025550101", "dana").body == (
        "SIMULACRO 7F3K2 High: checkout-api is down. Responda 7F3K2-1 para aceptar el aviso."
    )
    assert "Reply 7F3K2-1" in templates.sms(page(), "+1", "sam").body
    assert "Responda 7F3K2-1." in templates.email(page(channel="email"), MARIA, "m@example.com").text
    assert "Responda" not in templates.email(page(channel="email"), DANA, "d@example.com").text


@pytest.mark.parametrize(
    ("language", "said"), [("es", "Estado: abierto."), ("fr", "Statut: ouvert."), ("de", "Stand: offen.")]
)
def test_other_texts_are_in_the_readers_language_too(templates, plans, language, said):
    directory = plans / "allcode" / "directory.yaml"
    dana = 'phone: "+12025550101"'
    directory.write_text(directory.read_text().replace(dana, f"{dana}, language: {language}", 1))
    reminder = dispatch(channel="sms", template="reminder", purpose="reminder")
    text = templates.sms(reminder, "+12025550101", "dana").body
    assert text == f"7F3K2 High: Security incident notice: checkout-api is down. AllCode. {said}"


@pytest.mark.parametrize("language", ["es", "fr", "de"])
def test_shipped_texts_in_other_languages_fit_gsm_7(templates, own, language):
    for kind in ("", f"{language}."):
        shipped = SHIPPED / "templates" / f"page.{language}.sms.j2"
        (own / f"page.{kind}sms.j2").write_text(shipped.read_text())
    sms = templates.sms(page(is_drill=True), "+1", "dana")
    assert "7F3K2-1" in sms.body
    assert sms_segments(sms.body) == ("GSM-7", 1)


@pytest.mark.parametrize("language", ["en", "es", "fr", "de"])
@pytest.mark.parametrize("prompt", get_args(Prompt))
def test_every_prompt_is_there_in_every_shipped_language(templates, language, prompt):
    said = Prompts(templates.library).say(prompt, "allcode", language, code="7F3K2-2", by="Sam Park")
    assert said.language == language
    assert said.text[-1] in ".:"
    if prompt in {"accepted", "passed_on", "kept", "already_yours", "taken", "ended"}:
        assert "7 F 3 K 2, 2" in said.text
    assert ("Sam Park" in said.text) == (prompt == "taken")


# ---- email ----


def test_an_email_is_named_for_its_message_and_comes_back_with_its_delivery(templates):
    email = templates.email(dispatch(), ROBIN, "robin.castillo@acme.example.org")
    assert email.subject == "[7F3K2] Security incident notice"
    assert email.message_id == "<7f3k2abcde-m3@tocsin.example.com>"
    assert email.correlation == {
        "workflow": "incident-7F3K2ABCDE",
        "incident": "7F3K2ABCDE",
        "message": "7F3K2ABCDE-m3",
    }
    assert email.to_name == "Robin Castillo"


def test_the_same_message_rendered_twice_is_the_same(templates):
    assert templates.email(dispatch(), ROBIN, "r@example.org") == templates.email(
        dispatch(), ROBIN, "r@example.org"
    )


def test_a_page_in_plain_text_has_no_markup_and_what_to_type_on_a_line_of_its_own(templates):
    lines = templates.email(page(channel="email"), DANA, "d@example.com").text.splitlines()
    assert lines[0] == "checkout-api is down"
    assert "tocsin ack 7F3K2-1" in lines
    assert not any(sign in line for line in lines for sign in ("**", "`", "]("))


@pytest.mark.parametrize(
    ("language", "word"), [("de", "übernehmen"), ("es-MX", "cargo"), ("fr-CA", "en charge")]
)
def test_a_page_by_email_is_in_the_language_of_whoever_is_asked(templates, language, word):
    email = templates.email(
        page(channel="email"), DANA.model_copy(update={"language": language}), "d@example.com"
    )
    assert word in email.text
    assert "tocsin ack 7F3K2-1" in email.text.splitlines()
    assert templates.notes == []


def test_a_drill_says_so_everywhere_and_whom_it_would_reach_in_earnest(templates):
    target = Target(audience="customer_soc", member="acme-soc", customer="acme")
    drill = dispatch(is_drill=True, is_for_outsiders=True, target=target, purpose="report", report=report())
    email = templates.email(drill, ROBIN, "drill@example.com")
    assert email.subject.startswith("[DRILL] [7F3K2]")
    for part in (email.text, email.html):
        assert "is a drill" in part.lower()
        assert "Security Operations Center (Acme Corporation)" in part
    assert "This is a drill" in printed(email)


def test_keys_become_names_and_contacts_at_the_last_moment(templates):
    told = report(
        Line(heading="Coordinator", text="@@kim"),
        Line(heading="Done", text="- Contain it (@dana (by phone))"),
        Line(heading="Company", text="for @acme, told @acme-soc, not @nobody, nor dana@kim.example.com"),
    )
    text = templates.email(dispatch(report=told), ROBIN, "r@example.org").text
    assert "Kim Larsen, kim.larsen@example.com, +12025550103" in text
    assert "- Contain it (Dana Reyes (by phone))" in text
    assert "for Acme Corporation, told Acme Security Operations Center, not @nobody" in text
    assert "dana@kim.example.com" in text


def test_a_report_goes_along_as_a_paper_that_can_be_kept(templates):
    told = dispatch(
        template="interim", purpose="report", report=report(Line(heading="Impact", text="none — yet"))
    )
    email = templates.email(told, ROBIN, "r@example.org")
    (attached,) = email.attachments
    assert (attached.filename, attached.media_type) == ("7F3K2-interim.pdf", "application/pdf")
    assert "none — yet" in printed(email)
    assert templates.notes == []


def test_a_mail_whose_paper_cannot_be_printed_goes_without_it_and_says_so(templates, monkeypatch):
    def runs_dry(paper):
        raise NotPrintable("the typesetter failed with TypstError")

    monkeypatch.setattr(enclosures, "to_pdf", runs_dry)
    told = dispatch(template="interim", purpose="report", report=report(Line(heading="Impact", text="none")))
    email = templates.email(told, ROBIN, "r@example.org")
    assert email.attachments == ()
    assert "none" in email.text
    assert templates.notes == ["without its PDF: the typesetter failed with TypstError"]


def test_what_a_report_does_not_know_stands_out(templates):
    gap = Line(heading="Root cause", text="Not yet known — owed by @dana", owed_by="@dana")
    html = templates.email(dispatch(report=report(gap)), ROBIN, "r@example.org").html
    assert "background:#fff6e0" in html
    assert ">Not yet known — owed by Dana Reyes</em>" in html


def test_what_a_monitor_says_is_text_and_never_markup(templates):
    title = "<script>x</script> [click](https://evil.example) **loud**"
    html = templates.email(dispatch(title=title), ROBIN, "r@example.org").html
    assert "<script" not in html
    assert 'href="https://evil' not in html
    assert "<strong>loud" not in html
    assert "[click](https://evil.example) **loud**" in html


def test_times_are_those_of_the_plans_clock(templates):
    told = dispatch(template="interim", purpose="report", report=report())
    assert "Monday 02 March 2026, 04:00 PST" in templates.email(told, ROBIN, "r@example.org").text


# ---- invitations ----


def meeting(**changes) -> Meeting:
    usual = {
        "id": "post-mortem-1",
        "title": "Post-mortem review",
        "starts": NOON,
        "ends": NOON + timedelta(hours=1),
    }
    return Meeting(**(usual | changes))


def invited(**changes) -> Dispatch:
    met = meeting(**changes)
    return dispatch(
        template="invitation",
        purpose="invitation",
        subject=met.title,
        text=met.id,
        meeting=met,
        is_drill=True,
    )


def test_an_invitation_can_be_put_into_a_calendar(templates):
    email = templates.email(invited(), ROBIN, "robin@example.org")
    (ics,) = email.attachments
    assert (ics.filename, ics.media_type) == ("invite.ics", "text/calendar")
    assert "UID:post-mortem-1-7F3K2ABCDE@tocsin.example.com" in content(ics)
    assert 'ORGANIZER;CN="AllCode":mailto:bell@example.com' in content(ics)
    assert "SUMMARY:[DRILL] [7F3K2] Post-mortem review" in content(ics)
    assert "Monday 02 March 2026, 04:00 PST, for 1 hour" in email.text


def test_a_meeting_that_is_called_off_is_taken_out_of_calendars(templates):
    email = templates.email(invited(status="cancelled", sequence=1), ROBIN, "robin@example.org")
    assert email.attachments[0].media_type == "text/calendar"
    assert "cancelled" in email.text


def test_a_new_time_is_called_one(templates):
    assert "has a new time" in templates.email(invited(sequence=1), ROBIN, "robin@example.org").text


# ---- whose words ----


def test_the_plans_own_words_go_before_the_shared_ones(templates, own):
    (own / "page.sms.j2").write_text("{{ code }}! {{ title }}")
    assert templates.sms(page(), "+1", "dana").body == "7F3K2-1! checkout-api is down"


def test_words_for_one_message_go_before_those_for_its_kind(templates, own):
    (own / "notice.md.j2").write_text("any notice")
    (own / "security_notice.md.j2").write_text("this very notice")
    assert (
        "this very notice"
        in templates.email(dispatch(template="security_notice"), ROBIN, "r@example.org").text
    )
    assert "any notice" in templates.email(dispatch(template="resolution"), ROBIN, "r@example.org").text


def test_a_plans_folder_without_templates_uses_those_that_come_with_tocsin(templates, plans):
    shutil.rmtree(plans / "templates")
    assert "Reply 7F3K2-1" in templates.sms(page(), "+1", "dana").body


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (b"{{ tile }}", "UndefinedError"),
        (b"{{ title / 0 }}", "TypeError"),
        (b"{{ 1 / 0 }}", "ZeroDivisionError"),
        (b"{{ 'x' * 10 ** 15 }}", "MemoryError"),
        (b"{% if %}", "TemplateSyntaxError"),
        (b"{{ ''.__class__.__mro__ }}", "SecurityError"),
        (b"{{ report.lines }}", "UndefinedError"),
        (b"{% macro round() %}{{ round() }}{% endmacro %}{{ round() }}", "RecursionError"),
        (b"{% include 'page.nowhere.j2' %}", "TemplateNotFound"),
        ("Zurück".encode("latin-1"), "UnicodeDecodeError"),
        (b"{% if false %}All is well.{% endif %}", "NoWords"),
    ],
)
def test_a_template_that_fails_costs_the_form_and_not_the_essentials(templates, own, broken, error, caplog):
    for kind in ("md", "sms", "voice"):
        (own / f"page.{kind}.j2").write_bytes(broken)
    essentials = "DRILL 7F3K2 High: checkout-api is down."
    drill = page(is_drill=True)
    assert templates.sms(drill, "+1", "dana").body == f"{essentials} Reply 7F3K2-1 to acknowledge."
    assert templates.call(drill, DANA, "+1", "dana").say == essentials
    assert f"{essentials} Reply 7F3K2-1 to acknowledge." in templates.email(drill, DANA, "d@example.com").text
    assert caplog.text.count("plain words go out instead") == 3
    assert templates.notes == [
        f"the {kind} template of page failed with {error}" for kind in ("sms", "voice", "md")
    ]


def test_where_a_template_fails_stands_in_the_log_and_what_it_was_about_does_not(templates, own, caplog):
    (own / "codes.j2").write_text("{{ code }}\n{{ title + 1 }}")
    (own / "page.sms.j2").write_text("\n\n{% include 'codes.j2' %}")

    templates.sms(page(), "+1", "dana")

    assert f"with TypeError at {own / 'codes.j2'}:2; plain words go out instead" in caplog.text
    assert "checkout-api" not in caplog.text


def test_a_report_whose_template_fails_still_has_every_line(templates, own):
    (own / "report.md.j2").write_text("{{ nothing }}")
    lines = [Line(heading="Impact", text="none"), Line(heading="Root cause", text="unknown")]
    told = dispatch(template="interim", purpose="report", report=report(*lines), text="Read this.")
    text = templates.email(told, ROBIN, "r@example.org").text
    assert "Read this." in text
    assert "Impact: none" in text
    assert "Root cause: unknown" in text


def test_a_frame_that_fails_leaves_the_message(templates, own):
    (own / "frame.html.j2").write_text("{{ nothing }}")
    assert "<h1" in templates.email(dispatch(), ROBIN, "r@example.org").html
    assert templates.notes == ["the frame.html template of notice failed with UndefinedError"]


def test_without_a_sender_invitations_come_from_the_public_name(plans, tmp_path):
    templates = Templates(PlanLibrary(plans, tmp_path / "state"), "https://tocsin.example.com:8443/")
    (ics,) = templates.email(invited(), ROBIN, "robin@example.org").message.attachments
    assert "mailto:tocsin@tocsin.example.com" in content(ics)


def test_the_activity_hands_back_what_a_message_had_to_go_without(templates, own):
    (own / "notice.md.j2").write_text("{{ nothing }}")
    channel = RecordingChannel()
    emails = EmailActivities(channel, templates.library, templates.templates, OpenGate())
    done = ActivityEnvironment().run(emails.send, dispatch())
    assert done.note == "the md template of notice failed with UndefinedError"
    assert "checkout-api is down" in channel.sent[0].text


@dataclass
class RecordingChannel:
    """Takes every email."""

    sent: list[Email] = field(default_factory=list)

    def send(self, email: Email) -> Receipt:
        self.sent.append(email)
        return Receipt(vendor="sendgrid", vendor_id="1", status="accepted")
