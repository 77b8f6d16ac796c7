"""What people report: by email, on the telephone, through a ticket system. Each opens an incident under the plan that
the address names, once, however often it arrives; 2xx means that Temporal has it."""

from __future__ import annotations

from fastapi import APIRouter

from tocsin.ingest.reception import Reception
from tocsin.ingest.reports.by_email import EmailReports
from tocsin.ingest.reports.by_phone import PhoneReports
from tocsin.ingest.reports.by_ticket import TicketReports
from tocsin.ingest.reports.desk import Desk
from tocsin.ingest.reports.gate import Gate


def reports_from_people(reception: Reception) -> APIRouter:
    """The three intakes. Raises `SettingsError` for tokens that make no sense."""
    desk, gate = Desk(reception), Gate(reception.settings)
    router = APIRouter(tags=["people"])
    for intake in (EmailReports(desk, gate), TicketReports(desk, gate), PhoneReports(desk)):
        router.include_router(intake.router)
    return router
