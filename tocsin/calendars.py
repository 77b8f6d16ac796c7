"""Turns a plan's calendar rules into concrete days off, with the `holidays` library.

This happens once per incident, outside the workflow; what it found is kept with the incident.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date

import holidays
from holidays.registry import EntityLoader

from tocsin.domain.calendar import BusinessCalendar, CalendarSpec


def pin(spec: CalendarSpec, year_from: int, years: int = 3) -> BusinessCalendar:
    """Make `spec` concrete for `years` whole years, beginning with 1 January of `year_from`.

    Raises `ValueError` when the country or its subdivision is unknown, naming those that come near.
    """
    first, last = date(year_from, 1, 1), date(year_from + years - 1, 12, 31)
    public = _public_holidays(spec.holidays, range(year_from, year_from + years + 1)) if spec.holidays else ()
    return BusinessCalendar(
        timezone=spec.timezone,
        week=spec.week,
        hours=spec.hours,
        days_off=frozenset(day for day in public if first <= day <= last) | frozenset(spec.company_days),
        pinned_from=first,
        pinned_until=last,
    )


def _public_holidays(code: str, years: range) -> Iterable[date]:
    """Public holidays of `years`, with the days on which those that fall on a weekend are observed.

    A year more than is pinned has to be asked for: New Year's Day on a Saturday is observed the year before.
    """
    country, _, subdivision = code.partition("-")
    _check_country(country)
    if subdivision:
        _check_subdivision(country, subdivision)
    found: Iterable[date] = holidays.country_holidays(country, subdiv=subdivision or None, years=years)
    return found


def _check_country(country: str) -> None:
    known = set(EntityLoader.get_country_codes(include_aliases=True))
    if country not in known:
        raise ValueError(
            f'no holidays are known for the country "{country}"; '
            f"write an ISO 3166 code such as {_near(country, {code for code in known if len(code) == 2})}"
        )


def _check_subdivision(country: str, subdivision: str) -> None:
    known: tuple[str, ...] = holidays.country_holidays(country).subdivisions
    if not known:
        raise ValueError(f'the holidays of "{country}" are not kept by subdivision; write {country}')
    if subdivision not in known:
        written = {f"{country}-{code}" for code in known}
        raise ValueError(
            f'no holidays are known for "{country}-{subdivision}"; '
            f"write {country} or one of its subdivisions such as {_near(f'{country}-{subdivision}', written)}"
        )


def _near(code: str, known: set[str]) -> str:
    """The codes most like `code`; where none is like it, the first few."""
    near = difflib.get_close_matches(code, sorted(known), n=5, cutoff=0.4) or sorted(known)[:5]
    return ", ".join(near)
