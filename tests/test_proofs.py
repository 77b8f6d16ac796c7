"""Who approves is who they say: by a link, a code or a token of their own, and only for what they were asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.domain.messages import CheckProof
from tocsin.domain.proving import (
    Claim,
    Expired,
    Matter,
    NoSigningKeys,
    NotProven,
    approval_matter,
    page_matter,
)
from tocsin.proofs import SEAL, TOKEN, Proofs, holder_of, seal
from tocsin.settings import Settings, SettingsError
from tocsin.signing import DEFAULT_FILE, SigningKeys, ensure_file
from tocsin.tokenregister import TokenRegister

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD, NEW = "old:" + "o" * 32, "new:" + "n" * 32
WORDS = hashlib.sha256(b"We were breached.").hexdigest()
OTHER_WORDS = hashlib.sha256(b"All is well.").hexdigest()
MATTER = approval_matter("harbour", "7F3K2ABCDE", 2, WORDS)


def request(proof: str, claimed: str = "ceo", subject: str = WORDS, approval: int = 2) -> CheckProof:
    return CheckProof(
        plan="harbour",
        incident="7F3K2ABCDE",
        approval=approval,
        subject=subject,
        claimed=claimed,
        proof=proof,
    )


def claim(person: str = "ceo", matter: Matter = MATTER) -> Claim:
    return Claim(matter=matter, workflow="incident-X", person=person, expires=NOON + timedelta(hours=4))


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def under(tmp_path: Path, clock: Clock) -> Callable[[str], Proofs]:
    """Proofs under some keys."""
    return lambda keys: Proofs(SigningKeys.parse(keys, "the test"), TokenRegister(tmp_path), clock)


@pytest.fixture
def proofs(under: Callable[[str], Proofs]) -> Proofs:
    return under(NEW)


def token_of(proofs: Proofs, person: str = "ceo", plan: str = "harbour") -> tuple[str, str]:
    """A personal token, with its id."""
    issued, token = proofs.issue(person, [plan], timedelta(days=30))
    return issued.id, token


# ---- the three ways ----


def test_the_link_shows_whom_it_was_sent_to(proofs: Proofs) -> None:
    proven = proofs.check(request(proofs.link(claim())))

    assert (proven.person, proven.how) == ("ceo", "by the link sent to ceo's address")


def test_the_code_shows_whom_it_was_sent_to_however_it_is_typed(proofs: Proofs) -> None:
    code = proofs.code(MATTER, "ceo")

    assert (len(code), code[5]) == (11, "-")
    sloppy = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    for typed in (code, sloppy, f"  {code.replace('-', '')} "):
        assert proofs.check(request(typed)).how == "by the code sent to ceo's address"


def test_the_token_shows_its_holder_and_never_leaves_them(proofs: Proofs) -> None:
    id, token = token_of(proofs)
    proof = seal(token, MATTER)

    assert proofs.check(request(proof)).how == f"by their own token {id}"
    assert token.rpartition(".")[2] not in proof
    assert holder_of(token) == "ceo"


def test_a_token_that_was_sent_as_it_is_is_refused(proofs: Proofs) -> None:
    _, token = token_of(proofs)

    with pytest.raises(NotProven, match="which nobody should see"):
        proofs.check(request(token))


# ---- what they do not show ----


def every_proof(proofs: Proofs) -> dict[str, str]:
    return {
        "link": proofs.link(claim()),
        "code": proofs.code(MATTER, "ceo"),
        "token": seal(token_of(proofs)[1], MATTER),
    }


@pytest.mark.parametrize("way", ["link", "code", "token"])
def test_a_proof_of_the_ceo_is_none_of_somebody_else(proofs: Proofs, way: str) -> None:
    with pytest.raises(NotProven, match="cfo"):
        proofs.check(request(every_proof(proofs)[way], claimed="cfo"))


@pytest.mark.parametrize("way", ["link", "code", "token"])
def test_a_proof_for_these_words_is_none_for_others(proofs: Proofs, way: str) -> None:
    with pytest.raises(NotProven):
        proofs.check(request(every_proof(proofs)[way], subject=OTHER_WORDS))


@pytest.mark.parametrize("way", ["link", "code", "token"])
def test_a_proof_for_one_approval_is_none_for_another(proofs: Proofs, way: str) -> None:
    with pytest.raises(NotProven):
        proofs.check(request(every_proof(proofs)[way], approval=3))


@pytest.mark.parametrize("way", ["link", "token"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_forged_proof_shows_nobody(proofs: Proofs, way: str, place: int) -> None:
    parts = every_proof(proofs)[way].split(".")
    parts[place] = parts[place][:-2] + ("AA" if parts[place][-2:] != "AA" else "BB")

    with pytest.raises(NotProven):
        proofs.check(request(".".join(parts)))


@pytest.mark.parametrize(
    "nonsense", ["8K3F2-9QX7M", "ä-ö", "a.b", "new.a.b", "new.ä.b", "....", SEAL, f"{SEAL}new.x.y", TOKEN]
)
def test_nonsense_shows_nobody(proofs: Proofs, nonsense: str) -> None:
    with pytest.raises(NotProven):
        proofs.check(request(nonsense))


def test_a_link_for_a_plan_is_none_for_an_approval(proofs: Proofs) -> None:
    other = MATTER.model_copy(update={"purpose": "plan"})

    with pytest.raises(NotProven, match="about something else"):
        proofs.check(request(proofs.link(claim(matter=other))))


def test_a_token_of_another_plans_ceo_shows_nobody_here(proofs: Proofs) -> None:
    _, token = token_of(proofs, plan="lighthouse")

    with pytest.raises(NotProven, match="good for lighthouse, not for harbour"):
        proofs.check(request(seal(token, MATTER)))


# ---- time, and keys that change ----


def test_a_link_expires_with_what_it_is_about(proofs: Proofs, clock: Clock) -> None:
    link = proofs.link(claim())
    clock.now += timedelta(hours=4)

    with pytest.raises(Expired, match="good until 2026-11-24 16:00 UTC"):
        proofs.check(request(link))


def test_a_token_expires(proofs: Proofs, clock: Clock) -> None:
    _, token = token_of(proofs)
    clock.now += timedelta(days=30)

    with pytest.raises(Expired, match="have another issued"):
        proofs.check(request(seal(token, MATTER)))


def test_a_revoked_token_shows_nobody_and_stays_on_the_register(
    proofs: Proofs, clock: Clock, tmp_path: Path
) -> None:
    id, token = token_of(proofs)
    TokenRegister(tmp_path).revoke(id, clock.now)

    with pytest.raises(NotProven, match=f"token {id} was revoked"):
        proofs.check(request(seal(token, MATTER)))
    [listed] = TokenRegister(tmp_path).tokens()
    assert (listed.person, listed.revoked) == ("ceo", NOON)
    assert token not in TokenRegister(tmp_path).path.read_text()


@pytest.mark.parametrize("way", ["link", "code", "token"])
def test_the_old_key_counts_beside_the_new_one_and_no_longer_without_it(
    under: Callable[[str], Proofs], way: str
) -> None:
    proof = every_proof(under(OLD))[way]

    assert under(f"{NEW},{OLD}").check(request(proof)).person == "ceo"
    with pytest.raises(NotProven):
        under(NEW).check(request(proof))


def test_what_is_made_anew_is_signed_under_the_new_key(under: Callable[[str], Proofs]) -> None:
    for proof in every_proof(under(f"{NEW},{OLD}")).values():
        assert under(NEW).check(request(proof)).person == "ceo"


def test_without_keys_nothing_is_made_or_believed_and_it_says_what_to_set(
    under: Callable[[str], Proofs],
) -> None:
    keyless = under("")

    assert not keyless
    for attempt in (
        lambda: keyless.link(claim()),
        lambda: keyless.code(MATTER, "ceo"),
        lambda: keyless.check(request("8K3F2-9QX7M")),
        lambda: keyless.check(request(under(NEW).link(claim()))),
    ):
        with pytest.raises(NoSigningKeys, match="set TOCSIN_SIGNING_KEYS"):
            attempt()


@pytest.mark.parametrize(
    "wrong", ["k1:tooshort", "o" * 40, f"{NEW},{NEW}", f"a.b:{'o' * 32}", ":" + "o" * 32]
)
def test_keys_that_make_no_sense_are_refused_and_not_shown(wrong: str) -> None:
    with pytest.raises(SettingsError, match="at least 32 characters") as refusal:
        SigningKeys.parse(wrong, "TOCSIN_SIGNING_KEYS")

    assert "ooo" not in str(refusal.value)


def test_the_keys_of_a_state_folder_are_made_once_for_their_owners_eyes(tmp_path: Path) -> None:
    assert not SigningKeys.read(Settings(state=tmp_path))

    path = ensure_file(tmp_path)
    made = path.read_text()
    ensure_file(tmp_path)

    assert (path.name, path.read_text(), path.stat().st_mode & 0o777) == (DEFAULT_FILE, made, 0o600)
    assert repr(SigningKeys.read(Settings(state=tmp_path))) == "SigningKeys(k1)"
    assert repr(SigningKeys.read(Settings(state=tmp_path, signing_keys=NEW))) == "SigningKeys(new)"


def test_a_link_for_a_page_is_good_for_that_page_and_for_no_approval(proofs: Proofs) -> None:
    matter = page_matter("harbour", "7F3K2ABCDE", 2)
    link = proofs.link(claim(matter=matter))

    assert proofs.shows(matter, "ceo", link).person == "ceo"
    for other in (page_matter("harbour", "7F3K2ABCDE", 3), page_matter("harbour", "9ABCDABCDE", 2), MATTER):
        with pytest.raises(NotProven, match="about something else"):
            proofs.shows(other, "ceo", link)


# ---- how long a link is ----


def test_a_link_is_short_enough_to_be_seen_in_plain_text(proofs: Proofs) -> None:
    matter = page_matter("allcode", "7F3K2ABCDE", 1)
    usual = claim(matter=matter).model_copy(update={"workflow": "incident-7F3K2ABCDE"})

    link = proofs.link(usual)

    assert len(link) < 110
    assert proofs.read_link(link) == usual


@pytest.mark.parametrize("matter", [MATTER, page_matter("harbour", "7F3K2ABCDE", 2)])
@pytest.mark.parametrize("workflow", ["incident-7F3K2ABCDE", "incident-OTHER", "post-incident-7F3K2ABCDE"])
def test_what_a_link_leaves_out_is_read_out_of_it_again(
    proofs: Proofs, matter: Matter, workflow: str
) -> None:
    whole = claim(matter=matter).model_copy(update={"workflow": workflow})

    assert proofs.read_link(proofs.link(whole)) == whole


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "page\nharbour",
        "page\nharbour\n7F3K2/1\nnot base64\n\nceo\n6a000000",
        "page\nharbour\n7F3K2/1\nAAAA\n\nceo\n6a000000",
        "page\nharbour\n7F3K2/1\n\n\nceo\nsoon",
        "page\nharbour\n7F3K2/1\n\n\nceo\nffffffffffffffffff",
    ],
)
def test_what_says_no_claim_is_none_whoever_signed_it(text: str) -> None:
    keys = SigningKeys.parse(NEW, "the test")

    with pytest.raises(NotProven, match="was not sent from here"):
        Proofs(keys, TokenRegister(Path("nowhere"))).read_link(keys.sign("link", text))
