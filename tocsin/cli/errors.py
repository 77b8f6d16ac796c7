"""What can go wrong at the command line, and the exit code that says so.

CliError
├── Refused        1   the incident refused the command; its reason is the text
├── Closed         1   the incident is closed: nothing can be done to it any more
├── Failed         1   the incident took the question or the command and could not deal with it
├── Problems       1   plans have problems; each is a line of the text
├── Ambiguous      2   a reference, or a meeting, stands for more than one
├── Usage          2   the command line makes no sense; click's own errors count as this
├── NotFound       3   no incident has this id
└── Unavailable   69   Temporal does not answer (EX_UNAVAILABLE of sysexits.h)
    └── NoWorker  69   Temporal answers, but no worker does
Gone                   a workflow ended before it could answer; never reaches the user
"""

from __future__ import annotations

from typing import Any, ClassVar


class CliError(Exception):
    """Something that ends a command; `details` go beside the text when JSON is asked for."""

    kind: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class Refused(CliError):
    """The incident refused the command."""

    kind = "refused"


class Closed(CliError):
    """The incident is closed."""

    kind = "closed"


class Failed(CliError):
    """The incident could not deal with what it was asked."""


class Problems(CliError):
    """Plans have problems."""

    kind = "problems"


class Ambiguous(CliError):
    """What was named stands for more than one."""

    kind = "ambiguous"
    exit_code = 2


class Usage(CliError):
    """The command line makes no sense."""

    kind = "usage"
    exit_code = 2


class NotFound(CliError):
    """No incident has this id."""

    kind = "not found"
    exit_code = 3


class Unavailable(CliError):
    """Temporal does not answer."""

    kind = "unavailable"
    exit_code = 69


class NoWorker(Unavailable):
    """Temporal answers, but no worker does."""

    kind = "no worker"


class Gone(Exception):
    """The workflow ended before it could answer; the incident may go on in another."""
