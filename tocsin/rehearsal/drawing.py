"""A rehearsal as a picture: phases, messages by party, and every promise from when it was counted to its verdict.

The axis is logarithmic in the time since the beginning: the first minutes decide, and the weeks after them fit beside.
Nothing is told by colour alone: late, missed and failed have shapes of their own, and every mark has a title.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import log
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from tocsin.cli.times import length
from tocsin.domain.view import LedgerRow
from tocsin.domain.words import Verdict
from tocsin.rehearsal.result import Received, Result, offset

WIDTH, LABELS, MARGIN = 980, 230, 16
ROW, GAP, HEAD = 22, 30, 104
"""The heights of a lane, of the heading over a group of lanes, and of what stands above them; pixels."""

KNEE = timedelta(minutes=5)
"""Up to here the axis is nearly even; from here on each doubling of the time takes the same room."""

TICKS = tuple(
    timedelta(minutes=minutes)
    for minutes in (0, 1, 5, 15, 60, 240, 720, 1440, 4320, 10080, 20160, 40320, 80640)
)

TICK_ROOM = 56
"""Pixels that the text of a tick needs."""

LABEL_LENGTH = 34
"""Characters of a name."""

_STYLE = """
svg{--ink:#1d2733;--soft:#5b6672;--rule:#e3e6ea;--paper:#fff;--accent:#2457c5;--met:#1a7f4b;--late:#b25e09;--missed:#b42318}
@media (prefers-color-scheme: dark){svg{--ink:#e8ebef;--soft:#a0a9b4;--rule:#323a45;--paper:#14181d;--accent:#7ea2f5;
--met:#4cc38a;--late:#f0a04b;--missed:#ff8077}}
text{fill:var(--ink)}.soft{fill:var(--soft)}.rule{stroke:var(--rule)}.paper{fill:var(--paper)}
.phase{fill:var(--accent)}.sent{fill:var(--accent);stroke:var(--accent)}
.met{fill:var(--met);stroke:var(--met)}.late{fill:var(--late);stroke:var(--late)}
.missed{fill:var(--missed);stroke:var(--missed)}.other{fill:var(--soft);stroke:var(--soft)}
.hollow{fill:var(--paper)}
""".replace("\n", "")

_CLASSES = {
    Verdict.MET: "met",
    Verdict.LATE: "late",
    Verdict.MISSED: "missed",
    Verdict.OVERDUE: "missed",
}
_FAILED = frozenset({"failed", "undelivered", "bounced", "dropped", "no answer", "busy"})


def drawn(result: Result) -> str:
    """The picture as an SVG document that is readable in light and in dark."""
    return _Drawing(result).whole()


class _Drawing:
    """One sheet while it is drawn from top to bottom; `_y` is where the next lane begins."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._zone = ZoneInfo(result.timezone)
        dues = [row.due for row in result.ledger if row.due]
        self._lasts = max([result.ended, *dues]) - result.began
        self._y = float(HEAD)

    def whole(self) -> str:
        lanes = [*self._phases(), *self._messages(), *self._promises()]
        axis, height = list(self._axis()), round(self._y + GAP)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                f'height="{height}" style="max-width:100%;height:auto" role="img" '
                "font-family=\"'Noto Sans','Segoe UI',Helvetica,Arial,sans-serif\" font-size=\"11.5\">",
                f"<title>{escape(self._title())}</title>",
                f"<style>{_STYLE}</style>",
                f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
                *self._heading(),
                *axis,
                *lanes,
                self._key(),
                "</svg>\n",
            ]
        )

    def _title(self) -> str:
        return f"Rehearsal of {self._result.plan_title}: {self._result.title}"

    def _heading(self) -> Iterator[str]:
        result, began = self._result, self._result.began.astimezone(self._zone)
        yield f'<text x="{MARGIN}" y="28" font-size="17" font-weight="600">{escape(result.title)}</text>'
        begins = f"{began:%A} {began.day} {began:%B %Y, %H:%M} {result.timezone}"
        words = f"{result.organisation} · {result.plan_title} · begins {begins}"
        yield f'<text class="soft" x="{MARGIN}" y="47">{escape(words)}</text>'

    def _key(self) -> str:
        self._y += 14
        words = (
            "Dot: sent; square: a page; hollow: did not reach anybody; ring: answered. "
            "Diamond: due; line: until it was settled, green when met; crossed: late or missed."
        )
        return f'<text class="soft" x="{MARGIN}" y="{self._y:.1f}" font-size="9.5">{words}</text>'

    # The axis

    def _axis(self) -> Iterator[str]:
        bottom, free = self._y + 4, 0.0
        for tick in TICKS:
            if tick > self._lasts or self._place(tick) < free:
                continue
            free = self._place(tick) + TICK_ROOM
            x, at = self._place(tick), (self._result.began + tick).astimezone(self._zone)
            yield f'<path class="rule" d="M{x:.1f} {HEAD - 14}V{bottom:.1f}"/>'
            yield _text(x, HEAD - 32, f"+{length(tick)}" if tick else "0", "")
            yield _text(
                x, HEAD - 20, f"{at:%a %H:%M}" if tick < timedelta(days=1) else f"{at:%a %d %b}", "soft"
            )

    def _x(self, moment: datetime) -> float:
        return self._place(max(moment - self._result.began, timedelta()))

    def _place(self, after: timedelta) -> float:
        room = WIDTH - MARGIN - LABELS - 40
        return LABELS + 24 + room * log(1 + after / KNEE) / log(1 + self._lasts / KNEE)

    # The lanes

    def _phases(self) -> Iterator[str]:
        yield self._group("Phases")
        entries = [entry for entry in self._result.timeline if entry.kind == "phase"]
        ends = [*(entry.at for entry in entries[1:]), self._result.ended]
        for entry, end in zip(entries, ends, strict=True):
            name, left, right = entry.text.removeprefix("phase "), self._x(entry.at), self._x(end)
            yield self._lane(name)
            yield (
                f'<rect class="phase" x="{left:.1f}" y="{self._y - 12:.1f}" width="{max(right - left, 3):.1f}" '
                f'height="10" rx="3"><title>{escape(f"{name}: {self._time(entry.at)} to {self._time(end)}")}'
                "</title></rect>"
            )

    def _messages(self) -> Iterator[str]:
        yield self._group("Who hears")
        for party in dict.fromkeys(message.to for message in self._result.messages):
            received = self._result.to(party)
            yield self._lane(f"{received[0].name} ({party})")
            yield from (self._message(message) for message in received)

    def _message(self, message: Received) -> str:
        x, y = self._x(message.at), self._y - 7
        failed = " hollow" if message.state in _FAILED else ""
        what = message.subject or message.text.partition("\n")[0]
        told = f"{message.channel}, {message.purpose}, {self._time(message.at)}: {what} – {message.state}"
        title = f"<title>{escape(told)}</title>"
        ring = f'<circle class="met hollow" cx="{x:.1f}" cy="{y:.1f}" r="8" stroke-width="1.5"/>'
        if message.purpose == "page":
            shape = f'<rect class="sent{failed}" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8">{title}</rect>'
        else:
            shape = f'<circle class="sent{failed}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{title}</circle>'
        return (ring if message.answer else "") + shape

    def _promises(self) -> Iterator[str]:
        yield self._group("What is promised")
        rows: dict[str, list[LedgerRow]] = {}
        for row in self._result.ledger:
            if row.due is not None:
                rows.setdefault(row.title, []).append(row)
        for title, dues in rows.items():
            yield self._lane(title)
            for row in dues:
                yield from self._promise(row, row.due or self._result.ended)

    def _promise(self, row: LedgerRow, due_at: datetime) -> Iterator[str]:
        """A line from when it was owed to where it was settled, and a diamond where it was due."""
        due, y, kind = self._x(due_at), self._y - 7, _CLASSES.get(row.verdict, "other")
        if row.settled is not None and kind != "other":
            begins = self._x(self._result.owed_since(row.key) or self._result.began)
            settled = self._x(row.settled)
            yield f'<path class="{kind}" d="M{begins:.1f} {y:.1f}H{settled:.1f}" stroke-width="2"/>'
            yield f'<circle class="{kind}" cx="{settled:.1f}" cy="{y:.1f}" r="3"/>'
        done = f", settled {self._time(row.settled)}" if row.settled else ""
        told = escape(f"{row.key}: due {self._time(due_at)}{done}: {row.verdict}")
        hollow = " hollow" if kind == "other" else ""
        yield (
            f'<path class="{kind}{hollow}" d="M{due:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z" '
            f'stroke-width="1.3"><title>{told}</title></path>'
        )
        if kind in {"late", "missed"}:
            yield f'<path class="{kind}" d="M{due - 8:.1f} {y - 8:.1f}l16 16m0 -16l-16 16" stroke-width="1.6"/>'

    def _group(self, name: str) -> str:
        self._y += GAP - ROW / 2
        return f'<text class="soft" x="{MARGIN}" y="{self._y:.1f}" font-size="10">{name}</text>'

    def _lane(self, name: str) -> str:
        self._y += ROW
        return (
            f'<path class="rule" d="M{MARGIN} {self._y + 3.5:.1f}H{WIDTH - MARGIN}"/>'
            f'<text x="{MARGIN}" y="{self._y - 3:.1f}">{escape(_cut(name))}</text>'
        )

    def _time(self, moment: datetime) -> str:
        local = moment.astimezone(self._zone)
        return f"{local:%a %d %b %H:%M} (+{length(offset(moment, self._result.began))})"


def _text(x: float, y: float, text: str, kind: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="middle" font-size="9.5">{escape(text)}</text>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= LABEL_LENGTH else f"{text[: LABEL_LENGTH - 1].rstrip()}…"
