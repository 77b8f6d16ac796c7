"""Proof of the person: a signed link or a code that was sent to their own address, or their own token.

    link     goes out by email; says to whom, about what, and until when; the page behind it acts
    code     ten characters such as `8K3F2-9QX7M`, to be typed; derived, so that nothing need be kept
    token    `tocsin_p1_…`, issued to a person for some time. It stays with them: what is sent is a seal that it
             makes, which is good for one matter alone and gives nothing away to whoever reads it later

Each is bound to one matter and its very words (`tocsin.domain.proving`); other words need another proof.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from tocsin.domain import naming
from tocsin.domain.base import Moment, Value
from tocsin.domain.messages import CheckProof
from tocsin.domain.proving import Claim, Expired, Matter, NoSigningKeys, NotProven, Proven, matter_of
from tocsin.settings import Settings
from tocsin.signing import SigningKeys, decoded, parts_of
from tocsin.tokenregister import IssuedToken, TokenRegister

TOKEN = "tocsin_p1_"  # noqa: S105 — how tokens begin
SEAL = "tocsin_s1_"
"""How the seal begins that a token makes for one matter."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TokenBody(Value):
    """What a personal token says: whose it is, in which plans' directories, and until when."""

    id: str
    person: str
    plans: tuple[str, ...]
    expires: Moment


class Proofs:
    """Makes proofs and checks them."""

    def __init__(
        self, keys: SigningKeys, register: TokenRegister, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        self._keys = keys
        self._register = register
        self._clock = clock

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], datetime] = _utc_now) -> Proofs:
        """Those of this installation. Raises `SettingsError` for keys that cannot be used."""
        return cls(SigningKeys.read(settings), TokenRegister(settings.state), clock)

    def __bool__(self) -> bool:
        """Whether there are keys; without them nothing can be proven."""
        return bool(self._keys)

    # Making them

    def link(self, claim: Claim) -> str:
        """The token of a link. Raises `NoSigningKeys`."""
        return self._keys.sign("link", claim.compact())

    def code(self, matter: Matter, person: str) -> str:
        """The code that is sent to one person. Raises `NoSigningKeys`."""
        digits = self._codes(matter, person)[0]
        return f"{digits[:5]}-{digits[5:]}"

    def _codes(self, matter: Matter, person: str) -> list[str]:
        return [naming.identify(digest.hex()) for digest in self._keys.digests("code", f"{matter}\n{person}")]

    def issue(self, person: str, plans: Collection[str], lasts: timedelta) -> tuple[IssuedToken, str]:
        """A personal token, and its entry in the register. Raises `NoSigningKeys`, `OSError`."""
        now = self._clock()
        id = f"t-{naming.identify(secrets.token_hex())[:5].lower()}"
        body = TokenBody(id=id, person=person, plans=tuple(plans), expires=now + lasts)
        token = TOKEN + self._keys.sign("token", body.model_dump_json())
        issued = IssuedToken(**body.model_dump(), issued=now)
        self._register.add(issued)
        return issued, token

    # Checking them

    def check(self, request: CheckProof) -> Proven:
        """Whom a proof shows, for a decision on an approval. Raises `NotProven`."""
        return self.shows(matter_of(request), request.claimed, request.proof)

    def shows(self, matter: Matter, claimed: str, proof: str) -> Proven:
        """Whom a link's token, a code or a token's seal shows, for this matter. Raises `NotProven`, `OSError`."""
        proof = proof.strip()
        if proof.startswith(TOKEN):
            raise NotProven("this is a token itself, which nobody should see; send the seal that it makes")
        if proof.startswith(SEAL):
            return self._by_token(matter, claimed, proof.removeprefix(SEAL))
        return (
            self._by_link(matter, claimed, proof) if "." in proof else self._by_code(matter, claimed, proof)
        )

    def read_link(self, link: str) -> Claim:
        """What a link says. Raises `Expired`, `NotProven`, `NoSigningKeys`."""
        with _said_of("this link was not sent from here as it stands"):
            claim = Claim.read(self._keys.read_signed("link", link))
        if claim.expires <= self._clock():
            raise Expired(f"this link was good until {_said(claim.expires)}")
        return claim

    def _by_link(self, matter: Matter, claimed: str, link: str) -> Proven:
        claim = self.read_link(link)
        if claim.matter != matter:
            raise NotProven(
                "this link is about something else, or about words that were changed since it was sent"
            )
        _must_be(claim.person, claimed, "link")
        return Proven(person=claim.person, how=f"by the link sent to {claim.person}'s address")

    def _by_code(self, matter: Matter, claimed: str, typed: str) -> Proven:
        given = naming.as_typed("".join(typed.replace("-", " ").split())).encode()
        # All are compared, so that the time taken does not tell which one was nearly right.
        matches = [hmac.compare_digest(code.encode(), given) for code in self._codes(matter, claimed)]
        if not any(matches):
            raise NotProven(
                f"this code is not the one that was sent to {claimed} about this, or about words that were changed "
                "since; look at the newest message"
            )
        return Proven(person=claimed, how=f"by the code sent to {claimed}'s address")

    def _by_token(self, matter: Matter, claimed: str, sealed: str) -> Proven:
        body = self._body(matter, sealed)
        if body.id in self._register.revoked():
            raise NotProven(f"token {body.id} was revoked; have another issued")
        if body.expires <= self._clock():
            raise Expired(f"token {body.id} was good until {_said(body.expires)}; have another issued")
        if matter.plan not in body.plans:
            raise NotProven(f"token {body.id} is good for {', '.join(body.plans)}, not for {matter.plan}")
        _must_be(body.person, claimed, "token")
        return Proven(person=body.person, how=f"by their own token {body.id}")

    def _body(self, matter: Matter, sealed: str) -> TokenBody:
        """What the token says that made this seal: only who has its signature can have made it."""
        with _said_of("this is not the seal of a token that was issued here, for this matter"):
            name, payload, _ = parts_of(sealed)
            signature = self._keys.signature("token", name, payload)
            ours = seal(f"{TOKEN}{name}.{payload}.{signature}", matter)
            if not hmac.compare_digest(ours.encode(), f"{SEAL}{sealed}".encode()):
                raise NotProven("it was changed, or is about something else")
        return TokenBody.model_validate_json(decoded(payload))


def seal(token: str, matter: Matter) -> str:
    """What the holder of a personal token sends as their proof in one matter. Raises `NotProven` for no token."""
    if not token.startswith(TOKEN):
        raise NotProven(f"this is no personal token: they begin with {TOKEN}")
    name, payload, signature = parts_of(token.removeprefix(TOKEN))
    digest = hmac.digest(signature.encode(), f"tocsin seal\n{matter}".encode(), "sha256")
    return f"{SEAL}{name}.{payload}.{digest.hex()}"


def holder_of(token: str) -> str:
    """The key of the person whose token it says to be. Raises `NotProven` for no token."""
    _, payload, _ = parts_of(token.removeprefix(TOKEN))
    try:
        return TokenBody.model_validate_json(decoded(payload)).person
    except ValidationError as error:
        raise NotProven("this is no personal token: copy it again, whole") from error


@contextmanager
def _said_of(what: str) -> Iterator[None]:
    """Say what it is that proves nothing. That there are no keys is said as it is."""
    try:
        yield
    except NoSigningKeys:
        raise
    except NotProven as error:
        raise NotProven(f"{what}: {error}") from error


def _must_be(person: str, claimed: str, what: str) -> None:
    if person != claimed:
        raise NotProven(f"this {what} is {person}'s, and {claimed} speaks")


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
