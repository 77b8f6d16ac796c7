"""Proof of the person: what somebody may be asked to prove, and what was found when they did.

NotProven           nothing is proven; the text says why, and what to do
├── Expired         it was a proof once
└── NoSigningKeys   nothing can be proven here: this installation has no signing keys
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

from tocsin.domain import naming
from tocsin.domain.base import Moment, Value
from tocsin.domain.messages import CheckProof
from tocsin.domain.state import Sha256, Witness


class NotProven(Exception):
    """What was given proves nothing, or not this."""


class Expired(NotProven):
    """What was given proved it once, and does not any more."""


class NoSigningKeys(NotProven):
    """There is no key under which anything could have been signed."""


class Matter(Value):
    """What a proof is about, and about nothing else.

    `purpose` is what is done with it, such as `approval` or `page`; `plan` the one whose directory names the people;
    `about` the thing itself, such as `7F3K2ABCDE/2`; `subject` the hash of the words, so that other words need another
    proof.
    """

    purpose: str
    plan: str
    about: str
    subject: Sha256

    def __str__(self) -> str:
        """One line that no other matter has."""
        return "\n".join((self.purpose, self.plan, self.about, self.subject))


class Claim(Value):
    """What a signed link says: that it was sent to `person`, for a matter, until a moment.

    `workflow` is the one that asked, which answers.
    """

    matter: Matter
    workflow: str
    person: str
    expires: Moment

    def compact(self) -> str:
        """The claim in as few letters as say it, a field a line: it is part of a URL that people see in plain text.

        What follows from the rest is left out; the hash of words is written as base64, the time as whole seconds.
        """
        matter = self.matter
        fields = (
            matter.purpose,
            matter.plan,
            matter.about,
            "" if matter.subject == _hash_of(matter.about) else _short(matter.subject),
            "" if self.workflow == _first_home(matter.about) else self.workflow,
            self.person,
            f"{int(self.expires.timestamp()):x}",
        )
        return "\n".join(fields)

    @classmethod
    def read(cls, text: str) -> Claim:
        """The claim that `compact` wrote. Raises `NotProven` for anything else."""
        try:
            purpose, plan, about, subject, workflow, person, expires = text.split("\n")
            return cls(
                matter=Matter(
                    purpose=purpose,
                    plan=plan,
                    about=about,
                    subject=_long(subject) if subject else _hash_of(about),
                ),
                workflow=workflow or _first_home(about),
                person=person,
                expires=datetime.fromtimestamp(int(expires, 16), UTC),
            )
        except (ValueError, OverflowError, OSError) as error:  # of `fromtimestamp`: the last two
            raise NotProven("it does not say what a link says") from error


class Proven(Value):
    """Who it is, and how they proved it: `by the link sent to ceo's address`."""

    person: str
    how: str


class Finding(Value):
    """What came of a proof: a witness, or the reason why there is none."""

    witness: Witness | None = None
    reason: str = ""


def approval_matter(plan: str, incident: str, approval: int, subject: str) -> Matter:
    """The decision on an approval of an incident, about the words or the reason with the hash `subject`."""
    return Matter(purpose="approval", plan=plan, about=f"{incident}/{approval}", subject=subject)


def page_matter(plan: str, incident: str, page: int) -> Matter:
    """The answer to a page of an incident. It has no words that could be changed: the subject stands for the page."""
    about = f"{incident}/{page}"
    return Matter(purpose="page", plan=plan, about=about, subject=_hash_of(about))


def matter_of(request: CheckProof) -> Matter:
    """What a proof is asked for."""
    return approval_matter(request.plan, request.incident, request.approval, request.subject)


def _hash_of(about: str) -> str:
    return hashlib.sha256(about.encode()).hexdigest()


def _first_home(about: str) -> str:
    """The workflow in which an incident begins that has its id from its key, as most have."""
    return naming.incident_workflow(about.partition("/")[0])


def _short(sha256: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")


def _long(short: str) -> str:
    """The hash in hexadecimal digits. Raises `ValueError`."""
    return base64.b64decode(f"{short}=", altchars=b"-_", validate=True).hex()
