"""Mail through a server of one's own, as a real server hears it."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tocsin.channels.smtp_email import SmtpEmail
from tocsin.domain.channel import AccountRefused, Attachment, Email, OutcomeUnknown, Refused, TryAgain

from .mailserver import PASSWORD, USER, Certificate, MailServer, hang_up

INVITATION = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:m1\r\n"
    "SUMMARY:Réunion\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def attached(name: str, media_type: str, content: bytes) -> Attachment:
    return Attachment(filename=name, media_type=media_type, content=base64.b64encode(content).decode())


EMAIL = Email(
    to="ada@example.org",
    to_name="Ågren, Ada",
    subject="7F3K2 hoch: Ausfall – bitte bestätigen ✋",
    text="Bitte bestätigen.\n.\nEin Punkt allein beendet nichts.",
    html=f"<p>Bitte bestätigen.</p>{'<br>' * 500}",
    message_id="<notice-1@tocsin.example>",
    correlation={"incident": "7f3k2"},
    attachments=(
        attached("bericht.pdf", "application/pdf", b"%PDF-1.7\0\xff"),
        attached("termin.ics", "text/calendar", INVITATION.encode()),
    ),
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificate: Certificate) -> Iterator[MailServer]:
    with MailServer(certificate, asks_who=True) as server:
        yield server


def mailing(server: MailServer, certificate: Certificate | None, **other: Any) -> SmtpEmail:
    settings: dict[str, Any] = {
        "port": server.port,
        "user": USER,
        "password": PASSWORD,
        "ca_file": certificate.file if certificate else None,
        "timeout_seconds": 3,
    }
    return SmtpEmail("127.0.0.1", "oncall@tocsin.example", "Tocsin", **(settings | other))


@pytest.fixture
def smtp(server: MailServer, certificate: Certificate) -> SmtpEmail:
    return mailing(server, certificate)


def test_a_mail_that_the_server_takes_is_known_by_its_message_id(smtp: SmtpEmail, server: MailServer) -> None:
    receipt = smtp.send(EMAIL)

    assert (receipt.vendor, receipt.vendor_id) == ("smtp", "notice-1@tocsin.example")
    (envelope,) = server.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("oncall@tocsin.example", ["ada@example.org"])


def test_names_and_subjects_arrive_in_their_own_letters(smtp: SmtpEmail, server: MailServer) -> None:
    smtp.send(EMAIL)

    (mail,) = server.mails
    assert mail["Subject"] == EMAIL.subject
    assert mail["From"] == "Tocsin <oncall@tocsin.example>"
    (to,) = mail["To"].addresses
    assert (to.display_name, to.addr_spec) == ("Ågren, Ada", "ada@example.org")
    assert mail["Message-ID"] == "<notice-1@tocsin.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert server.envelopes[0].content is not None
    assert server.envelopes[0].content.isascii(), "any server can carry it"


def test_a_mail_has_its_words_twice_and_its_files(smtp: SmtpEmail, server: MailServer) -> None:
    smtp.send(EMAIL)

    (mail,) = server.mails
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().splitlines() == EMAIL.text.splitlines()
    assert rich.get_content().strip() == EMAIL.html
    files = {part.get_filename(): part for part in mail.iter_attachments()}
    assert list(files) == ["bericht.pdf", "termin.ics"]
    assert files["bericht.pdf"].get_content() == b"%PDF-1.7\0\xff"


def test_an_invitation_is_one_that_calendars_find_and_answer(smtp: SmtpEmail, server: MailServer) -> None:
    smtp.send(EMAIL)

    (mail,) = server.mails
    (invitation,) = [
        part
        for part in mail.walk()
        if part.get_content_type() == "text/calendar" and not part.is_attachment()
    ]
    assert invitation["Content-Type"].params["method"] == "REQUEST"
    assert "SUMMARY:Réunion" in invitation.get_content()


def test_a_subject_of_several_lines_adds_no_header(smtp: SmtpEmail, server: MailServer) -> None:
    smtp.send(EMAIL.model_copy(update={"subject": "one\r\nBcc: eve@example.org"}))

    (mail,) = server.mails
    assert mail["Subject"] == "one Bcc: eve@example.org"
    assert mail["Bcc"] is None


def test_an_address_in_other_letters_goes_as_it_is_where_the_server_knows_them(
    smtp: SmtpEmail, server: MailServer
) -> None:
    smtp.send(EMAIL.model_copy(update={"to": "jörg@bücher.example"}))

    assert server.envelopes[0].rcpt_tos == ["jörg@bücher.example"]
    assert "SMTPUTF8" in server.envelopes[0].mail_options
    (to,) = server.mails[0]["To"].addresses
    assert to.addr_spec == "jörg@bücher.example"


def test_where_it_does_not_a_domain_is_spelled_out_and_a_name_is_refused(certificate: Certificate) -> None:
    with MailServer(certificate, smtputf8=False) as old:
        smtp = mailing(old, certificate, user="", password="")

        smtp.send(EMAIL.model_copy(update={"to": "ada@bücher.example"}))
        with pytest.raises(Refused, match="SMTPUTF8") as refused:
            smtp.send(EMAIL.model_copy(update={"to": "jörg@example.org"}))

    assert old.envelopes[0].rcpt_tos == ["ada@xn--bcher-kva.example"]
    assert "jörg" not in str(refused.value)


def test_many_threads_send_at_once(smtp: SmtpEmail, server: MailServer) -> None:
    emails = [EMAIL.model_copy(update={"message_id": f"n{number}@t.example"}) for number in range(12)]

    with ThreadPoolExecutor(4) as threads:
        receipts = list(threads.map(smtp.send, emails))

    assert [receipt.vendor_id for receipt in receipts] == [email.message_id for email in emails]
    assert len(server.mails) == 12


# ---- safety on the way


def test_a_server_whose_certificate_nobody_vouches_for_is_told_nothing(
    server: MailServer, certificate: Certificate
) -> None:
    with pytest.raises(TryAgain, match="could not be reached, or not in safety"):
        mailing(server, certificate, ca_file=None).send(EMAIL)

    assert server.envelopes == []


def test_a_server_without_tls_is_told_nothing() -> None:
    with MailServer() as plain:
        with pytest.raises(TryAgain, match="STARTTLS"):
            mailing(plain, None, user="", password="").send(EMAIL)

        mailing(plain, None, user="", password="", tls="none").send(EMAIL)

    assert len(plain.mails) == 1


# ---- what a server answers


def test_a_server_that_does_not_let_us_in_is_no_fault_of_the_recipient(
    server: MailServer, certificate: Certificate
) -> None:
    with pytest.raises(TryAgain, match=r"535.*SMTP_PASSWORD") as refused:
        mailing(server, certificate, password="wrong").send(EMAIL)

    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_cannot_now_may_be_tried_again(smtp: SmtpEmail, server: MailServer, step: str) -> None:
    server.will(**{step: "451 4.7.1 Greylisted, try again"})

    with pytest.raises(TryAgain, match=r"answered 451: .*Greylisted"):
        smtp.send(EMAIL)


@pytest.mark.parametrize(
    ("step", "reply", "kind"),
    [
        pytest.param("RCPT", "550 5.1.1 <ada@example.org> is unknown", Refused, id="nobody of that name"),
        pytest.param("DATA", "552 5.3.4 too big", Refused, id="too big"),
        pytest.param(
            "RCPT", "554 5.7.1 <ada@example.org>: relay access denied", AccountRefused, id="no relay"
        ),
        pytest.param("MAIL", "553 5.1.8 not your sender", AccountRefused, id="not our sender"),
        pytest.param("DATA", "550 5.7.26 unauthenticated mail", AccountRefused, id="policy"),
    ],
)
def test_a_refusal_is_the_recipients_or_ours(
    smtp: SmtpEmail, server: MailServer, step: str, reply: str, kind: type[Refused]
) -> None:
    server.will(**{step: reply})

    with pytest.raises(Refused) as refused:
        smtp.send(EMAIL)

    assert type(refused.value) is kind
    assert refused.value.code == reply[:3]
    assert EMAIL.to not in str(refused.value)
    assert refused.value.__cause__ is None, "the server's own words would be kept in history"


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_a_connection_that_is_lost_before_the_content_took_nothing(
    smtp: SmtpEmail, server: MailServer, step: str
) -> None:
    server.will(**{step: hang_up})

    with pytest.raises(TryAgain):
        smtp.send(EMAIL)


def test_a_connection_that_is_lost_after_the_content_may_have_taken_it(
    smtp: SmtpEmail, server: MailServer
) -> None:
    server.will(DATA=hang_up)

    with pytest.raises(OutcomeUnknown, match="may have been accepted"):
        smtp.send(EMAIL)


def test_a_server_that_says_nothing_is_given_up_after_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        smtp = SmtpEmail(
            "127.0.0.1",
            "oncall@tocsin.example",
            "Tocsin",
            port=silent.getsockname()[1],
            timeout_seconds=0.3,
        )
        with pytest.raises(TryAgain, match="could not be reached"):
            smtp.send(EMAIL)


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(TryAgain, match=rf"127\.0\.0\.1:{port}"):
        SmtpEmail("127.0.0.1", "oncall@tocsin.example", "Tocsin", port=port).send(EMAIL)


def test_a_ca_file_that_is_not_there_is_found_out_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SmtpEmail("mail.example", "oncall@tocsin.example", "Tocsin", ca_file=tmp_path / "none.pem")
