"""Telling other workflows something: whoever has ended has nothing left to learn."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from temporalio import workflow
from temporalio.exceptions import ApplicationError


async def was_told(signalling: Awaitable[None]) -> bool:
    """Whether a signal found its workflow; false when none runs under that id."""
    try:
        await signalling
    except ApplicationError as error:
        if error.type != "ExternalWorkflowExecutionNotFound":
            raise
        return False
    return True


async def tell_first(homes: Iterable[str], signal: str, message: object) -> bool:
    """Signal the first of these workflows that runs; false when none does."""
    for home in homes:
        if await was_told(workflow.get_external_workflow_handle(home).signal(signal, message)):
            return True
    return False
