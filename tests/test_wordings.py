"""Words that wait for approval: put down once, shown in full, and sent exactly so or not at all."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.email import EmailActivities
from activities.wordings import Wordings
from tests.gates import OpenGate
from tests.test_rendering import NOON, ROBIN, SHIPPED, dispatch, report
from tocsin.asking import Asking
from tocsin.domain.channel import Email, Receipt
from tocsin.domain.messages import Asked, CheckProof, Dispatch, Drafting
from tocsin.domain.reports import Line
from tocsin.domain.state import Target
from tocsin.library import PlanLibrary
from tocsin.proofs import Proofs
from tocsin.rendering import Templates
from tocsin.signing import SigningKeys
from tocsin.tokenregister import TokenRegister
from tocsin.wordings import AlteredWording, Drafts, LostWording, TooLong, Wording, WordingStore

CUSTOMER = Target(audience="customer_soc", member="acme-soc", customer="acme")
BREACH = report(Line(heading="What happened", text="Somebody *read* the table users_<all>"))
NOTICE = dispatch(
    purpose="report", template="interim", subject="We were breached", report=BREACH, target=CUSTOMER
)
URL = "https://tocsin.example.com"


@dataclass
class Outbox:
    """Takes every email."""

    sent: list[Email] = field(default_factory=list)

    def send(self, email: Email) -> Receipt:
        self.sent.append(email)
        return Receipt(vendor="outbox", vendor_id="1", status="queued")


@dataclass
class Desk:
    """Where words are drafted, and from where they are sent."""

    library: PlanLibrary
    state: Path
    keys: str = "k1:" + "s" * 32
    outbox: Outbox = field(default_factory=Outbox)

    @property
    def store(self) -> WordingStore:
        return WordingStore(self.state)

    @property
    def proofs(self) -> Proofs:
        return Proofs(SigningKeys.parse(self.keys, "the test"), TokenRegister(self.state), lambda: NOON)

    @property
    def templates(self) -> Templates:
        asking = Asking(self.library, self.proofs, self.store, URL)
        return Templates(self.library, URL, "bell@example.com", asking)

    def draft(self, text: str = "", dispatch: Dispatch = NOTICE) -> str:
        drafts = Wordings(Drafts(self.templates, self.store))
        return ActivityEnvironment().run(drafts.draft, Drafting(dispatch=dispatch, text=text))

    def sends(self, dispatch: Dispatch) -> Email:
        sending = EmailActivities(self.outbox, self.library, self.templates, OpenGate())
        ActivityEnvironment().run(sending.send, dispatch)
        return self.outbox.sent[-1]

    def asks(self, wording: str | None, channel: str = "email", **changes: object) -> Dispatch:
        subject = wording or hashlib.sha256(b"They know already").hexdigest()
        asked = Asked(
            number=2,
            what="wording" if wording else "waiver",
            promise="The customer is told (notify#1)",
            obligation="notify#1",
            subject=subject,
            due=NOON + timedelta(hours=4),
            wording=wording,
        )
        usual = {
            "purpose": "approval",
            "template": "approval",
            "subject": "Approve by 16:00 UTC: The customer is told",
        }
        return dispatch(**usual, channel=channel, approval=asked, target=Target(role="oncall"), **changes)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(PlanLibrary(SHIPPED, tmp_path / "state"), tmp_path / "state")


# ---- put down ----


def test_the_words_are_those_of_the_message_with_nobodys_name(desk: Desk) -> None:
    wording = desk.store.find(desk.draft())

    assert wording.subject == "[7F3K2] We were breached"
    assert "Somebody *read* the table users_<all>" in wording.plain
    assert "Robin" not in wording.body


def test_somebodys_own_words_take_the_place_of_the_templates(desk: Desk) -> None:
    wording = desk.store.find(desk.draft("We are **sorry**."))

    assert (wording.subject, wording.body) == ("[7F3K2] We were breached", "We are **sorry**.")


def test_the_same_words_are_kept_once_under_the_hash_of_the_file(desk: Desk) -> None:
    first, second = desk.draft(), desk.draft()

    assert first == second
    [file] = desk.store.folder.iterdir()
    assert file.name == f"{hashlib.sha256(file.read_bytes()).hexdigest()}.json"


def test_words_that_were_altered_are_not_written_over_and_not_believed(desk: Desk) -> None:
    sha256 = desk.draft()
    path = desk.store.folder / f"{sha256}.json"
    path.write_text(path.read_text().replace("breached", "fine"))
    altered = path.read_text()

    with pytest.raises(AlteredWording):
        desk.store.find(sha256)
    with pytest.raises(AlteredWording):
        desk.draft()
    assert path.read_text() == altered


@pytest.mark.parametrize("hash", ["0" * 64, "../../etc/passwd", ""])
def test_words_that_are_not_there_are_lost(desk: Desk, hash: str) -> None:
    with pytest.raises(LostWording, match="bring the folder back"):
        desk.store.find(hash)


# ---- sent ----


def test_approved_words_are_sent_exactly_whatever_is_known_by_then(desk: Desk) -> None:
    sha256 = desk.draft()
    later = NOTICE.model_copy(
        update={
            "wording": sha256,
            "report": report(Line(heading="What happened", text="It was worse")),
            "title": "X",
        }
    )

    email = desk.sends(later)

    words = desk.store.find(sha256)
    assert email.subject == words.subject
    assert words.plain in email.text
    assert "Somebody *read* the table users_&lt;all&gt;" in email.html
    assert "worse" not in email.text + email.html


@pytest.mark.parametrize("harm", ["lost", "altered"])
def test_lost_or_altered_words_fail_the_send_and_no_others_take_their_place(desk: Desk, harm: str) -> None:
    sha256 = desk.draft()
    path = desk.store.folder / f"{sha256}.json"
    path.unlink() if harm == "lost" else path.write_text("{}")

    with pytest.raises(ApplicationError) as failure:
        desk.sends(NOTICE.model_copy(update={"wording": sha256}))

    assert (failure.value.type, failure.value.non_retryable) == ("Refused", True)
    assert sha256 in failure.value.message
    assert desk.outbox.sent == []


def test_a_text_message_has_all_the_words_or_is_not_sent(desk: Desk) -> None:
    short = desk.draft("We are **sorry**: users\\_all was read.")
    sms, _ = desk.templates.sms(NOTICE.model_copy(update={"wording": short, "channel": "sms"}), "+1", "soc")
    assert sms.body == "[7F3K2] We were breached\nWe are sorry: users_all was read."

    long = desk.draft("sorry " * 300)
    with pytest.raises(TooLong, match="1,600 at most"):
        desk.templates.sms(NOTICE.model_copy(update={"wording": long, "channel": "sms"}), "+1", "soc")


def test_a_call_reads_all_the_words(desk: Desk) -> None:
    sha256 = desk.draft("We are sorry. " * 100)
    call, _ = desk.templates.call(
        NOTICE.model_copy(update={"wording": sha256, "channel": "phone"}), ROBIN, "+1", "soc"
    )

    assert call.say == desk.store.find(sha256).as_speech()


def test_markup_is_not_read_aloud() -> None:
    body = "# Patients are told\n\n**Charts** were seen\n\n## What happened\n\n- one\n- two, *perhaps*"
    assert Wording(subject="Patients are told", body=body).as_speech() == (
        "Patients are told. Charts were seen. What happened. one. two, perhaps."
    )


# ---- shown to whoever approves ----


def test_the_email_quotes_the_words_and_brings_a_link_and_a_code(desk: Desk) -> None:
    ask = desk.asks(desk.draft("# Dear customer\n\nWe are **sorry**."))

    email = desk.sends(ask)

    for line in ("> [7F3K2] We were breached", "> Dear customer", "> We are sorry."):
        assert line in email.text
    assert "<blockquote" in email.html
    assert "We are <strong>sorry</strong>." in email.html
    link = email.text.split("decline:\n")[1].split("\n")[0]
    assert link.startswith(f"{URL}/v1/approvals/")
    assert f'href="{link}"' in email.html
    for proof in (link.rpartition("/")[2], email.text.split("--code ")[1][:11]):
        assert proven(desk, ask, proof) == "dana"


def proven(desk: Desk, ask: Dispatch, proof: str) -> str:
    assert ask.approval is not None
    request = CheckProof(
        plan="allcode",
        incident=ask.incident,
        approval=2,
        subject=ask.approval.subject,
        claimed="dana",
        proof=proof,
    )
    return desk.proofs.check(request).person


def test_a_waiver_is_asked_for_with_its_reason(desk: Desk) -> None:
    email = desk.sends(desk.asks(None, text="They know already"))

    assert "Their reason: They know already." in email.text
    assert "waive a promise" in email.text
    assert "/v1/approvals/" in email.text


def test_the_text_message_is_short_and_has_the_code(desk: Desk) -> None:
    sms, note = desk.templates.sms(desk.asks(desk.draft(), "sms"), "+1", "dana")

    code = sms.body.rsplit(": ", 1)[1]
    assert proven(desk, desk.asks(desk.draft()), code) == "dana"
    assert (len(sms.body) < 306, note) == (True, "")


def test_the_call_sends_whoever_answers_to_their_email(desk: Desk) -> None:
    call, note = desk.templates.call(desk.asks(desk.draft(), "phone"), ROBIN, "+1", "dana")

    assert "Please open the email" in call.say
    assert "Press 1 to confirm that you heard this" in call.keys.text
    assert note == ""


def test_without_keys_the_email_says_what_is_missing(desk: Desk) -> None:
    desk.keys = ""

    email = desk.sends(desk.asks(desk.draft()))

    assert "set TOCSIN_SIGNING_KEYS" in email.text
    assert "/v1/approvals/" not in email.text


def test_a_template_of_ones_own_that_fails_still_brings_the_code(desk: Desk, tmp_path: Path) -> None:
    plans = Path(shutil.copytree(SHIPPED, tmp_path / "plans"))
    (plans / "templates" / "approval.sms.j2").write_text("{{ nonsense }}")
    desk.library = PlanLibrary(plans, desk.state)
    ask = desk.asks(desk.draft(), "sms")

    sms, note = desk.templates.sms(ask, "+1", "dana")

    assert proven(desk, ask, sms.body.rsplit(" ", 1)[1]) == "dana"
    assert "the sms template of approval failed" in note


def test_what_keeps_text_from_being_markup_is_not_shown_to_those_who_read_plain_text() -> None:
    assert Wording(subject="", body=r"a\_b\*c \\ d\e").plain == r"a_b*c \ d\e"
