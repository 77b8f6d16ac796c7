"""The picture of an incident as SVG: its phases, what happened, what was sent, and every deadline with its verdict.

Nothing is told by colour alone: the verdicts are counted in words under each promise, late and missed ones have a shape
of their own, and every mark has a title that a screen reader, or a pointer that rests on it, tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from unicodedata import east_asian_width
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from tocsin.domain.picturing import Due, Lane, Mark, Picture, Span
from tocsin.domain.words import Verdict
from tocsin.timeaxis import Axis

WIDTH, LABELS, MARGIN = 760, 214, 14
"""The sheet, the column of names on its left, and what stays free at its edges; pixels."""

ROW, TALL_ROW, HEAD = 19, 27, 40
"""The heights of a line, of a line with its verdicts in words, and of the axis."""

LABEL_LENGTH = 36
"""Characters of a name; wide ones count twice."""

INK, SOFT, RULE, BAND, ACCENT = "#1d2733", "#5b6672", "#e3e6ea", "#f4f5f7", "#2457c5"
FONTS = "'Noto Sans', 'Segoe UI', Helvetica, Arial, sans-serif"

VERDICT_COLOURS = {
    Verdict.PENDING: SOFT,
    Verdict.OVERDUE: "#b42318",
    Verdict.MET: "#1a7f4b",
    Verdict.LATE: "#b25e09",
    Verdict.MISSED: "#b42318",
    Verdict.WAIVED: SOFT,
    Verdict.NOT_APPLICABLE: SOFT,
}
"""Dark enough on white for WCAG AA."""


def draw(picture: Picture, zone: ZoneInfo) -> str:
    """The picture as an SVG document; times are those of `zone`. The same picture gives the same text."""
    return _Drawing(picture, zone).whole()


def told(picture: Picture, zone: ZoneInfo) -> str:
    """The picture in a sentence, for whoever can't see it."""
    verdicts = _in_words(due for lane in picture.lanes for due in lane.dues)
    return f"What happened until {_time(picture.at, zone)}. Promises: {verdicts or 'none'}."


class _Drawing:
    """One sheet while it is drawn, from top to bottom; `y` is where the next line goes."""

    def __init__(self, picture: Picture, zone: ZoneInfo) -> None:
        self._picture = picture
        self._axis = _axis(picture, zone)
        self._zone = zone
        self._y = float(HEAD)

    def whole(self) -> str:
        lines = [*self._phases(), *self._events(), *self._sent(), *self._promises()]
        backdrop, foot = list(self._backdrop()), list(self._foot())
        height = round(self._y + MARGIN)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                f'height="{height}" style="max-width:100%;height:auto" role="img" '
                f'font-family="{FONTS}" font-size="10.5" fill="{INK}">',
                f"<title>{escape(told(self._picture, self._zone))}</title>",
                f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
                *backdrop,
                *lines,
                *foot,
                "</svg>\n",
            ]
        )

    # From top to bottom

    def _phases(self) -> Iterator[str]:
        by_label = sorted(self._picture.phases, key=lambda span: span.label)
        for label, spans in groupby(by_label, key=lambda span: span.label):
            yield self._name(f"Phase {label}")
            for span in spans:
                left, right = self._axis.x(span.begins), self._axis.x(span.ends or self._picture.at)
                yield (
                    f'<rect x="{left:.1f}" y="{self._y + 5:.1f}" width="{max(right - left, 2):.1f}" height="9" '
                    f'rx="2" fill="{ACCENT}" fill-opacity="{0.75 if span.ends else 0.4}">'
                    f"<title>{escape(self._told_of_phase(span))}</title></rect>"
                )
                if span.is_older:
                    yield f'<path d="M{left - 6:.1f} {self._y + 9.5:.1f}l5 -4.5v9z" fill="{ACCENT}"/>'
            self._y += ROW

    def _told_of_phase(self, span: Span) -> str:
        return f"phase {span.label} from {self._local(span.begins)}{' or earlier' if span.is_older else ''}"

    def _events(self) -> Iterator[str]:
        """Each with its name beside it, on the first line where that has room; those of one moment are one."""
        if not self._picture.anchors:
            return
        yield self._name("What happened")
        ends: list[float] = []
        for mark in _by_moment(self._picture.anchors):
            x, length = self._axis.x(mark.at), 5.4 * len(mark.label) + 16
            is_turned = x + length > WIDTH
            begins = x - length if is_turned else x - 4
            line = next((index for index, end in enumerate(ends) if begins >= end), len(ends))
            ends[line : line + 1] = [begins + length + 4]
            yield from self._event(mark, x, self._y + line * 14, is_turned)
        self._y += max(ROW, 14 * len(ends) + 6)

    def _event(self, mark: Mark, x: float, y: float, is_turned: bool) -> Iterator[str]:
        told = escape(f"{mark.label}: {self._local(mark.at)}")
        tip = f"M{x:.1f} {y + 5:.1f}l4 8h-8z"
        side = 'text-anchor="end" ' if is_turned else ""
        yield f'<path d="{tip}" fill="{INK}"><title>{told}</title></path>'
        yield (
            f'<text x="{x + (-7 if is_turned else 7):.1f}" y="{y + 13:.1f}" {side}font-size="9.5">'
            f"{escape(mark.label)}</text>"
        )

    def _sent(self) -> Iterator[str]:
        purposes = dict.fromkeys(mark.label for mark in self._picture.sent)
        for purpose in purposes:
            yield self._name(f"Sent: {purpose}s")
            for mark in (mark for mark in self._picture.sent if mark.label == purpose):
                told = escape(f"{purpose} sent {self._local(mark.at)}")
                yield (
                    f'<circle cx="{self._axis.x(mark.at):.1f}" cy="{self._y + 9.5:.1f}" r="3.2" fill="{ACCENT}">'
                    f"<title>{told}</title></circle>"
                )
            self._y += ROW

    def _promises(self) -> Iterator[str]:
        if self._picture.lanes:
            self._y += 6
            yield f'<text x="{MARGIN}" y="{self._y + 12:.1f}" font-size="9.5" fill="{SOFT}">Promises</text>'
            self._y += ROW
        for lane in self._picture.lanes:
            yield from self._promise(lane)

    def _promise(self, lane: Lane) -> Iterator[str]:
        yield self._name(lane.title)
        yield (
            f'<text x="{MARGIN}" y="{self._y + 23:.1f}" font-size="8.5" fill="{SOFT}">'
            f"{escape(_in_words(lane.dues))}</text>"
        )
        yield self._thread(self._y + 12, RULE, LABELS, WIDTH - MARGIN)
        for due in lane.dues:
            yield from self._due(lane.title, due, self._y + 12)
        self._y += TALL_ROW

    def _due(self, title: str, due: Due, y: float) -> Iterator[str]:
        """A diamond where it was due, hollow while it is owed; a dot where it was done; a cross where it never was."""
        x, colour = self._axis.x(due.due), VERDICT_COLOURS[due.verdict]
        if due.settled is not None and due.verdict in {Verdict.MET, Verdict.LATE}:
            done = self._axis.x(due.settled)
            yield self._thread(y, colour, *sorted((done, x)))
            yield f'<circle cx="{done:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>'
        is_hollow = due.verdict in {Verdict.PENDING, Verdict.OVERDUE, Verdict.WAIVED}
        yield (
            f'<path d="M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z" stroke="{colour}" stroke-width="1.3" '
            f'fill="{"#ffffff" if is_hollow else colour}"><title>{escape(self._told_of(title, due))}</title></path>'
        )
        if due.verdict in {Verdict.MISSED, Verdict.OVERDUE}:
            yield f'<path d="M{x - 7:.1f} {y - 7:.1f}l14 14m0 -14l-14 14" stroke="{colour}" stroke-width="1.5"/>'

    def _told_of(self, title: str, due: Due) -> str:
        settled = f", settled {self._local(due.settled)}" if due.settled else ""
        return f"{title}: due {self._local(due.due)}{settled}: {due.verdict}"

    # What lies behind and below

    def _backdrop(self) -> Iterator[str]:
        now, bottom = self._axis.x(self._picture.at), self._y + 4
        if WIDTH - MARGIN - now > 1:
            yield (
                f'<rect x="{now:.1f}" y="{HEAD - 6}" width="{WIDTH - MARGIN - now:.1f}" '
                f'height="{bottom - HEAD + 6:.1f}" fill="{BAND}"/>'
            )
        for tick in self._axis.ticks():
            yield f'<path d="M{tick.x:.1f} {HEAD - 6}V{bottom:.1f}" stroke="{RULE}"/>'
            yield _label(tick.x, HEAD - 12, f"{tick.at:%H:%M}")
            if tick.opens_a_day:
                yield _label(tick.x, HEAD - 23, f"{tick.at:%a} {tick.at.day} {tick.at:%b}")
        yield f'<path d="M{now:.1f} {HEAD - 6}V{bottom:.1f}" stroke="{INK}" stroke-dasharray="3 3"/>'

    def _foot(self) -> Iterator[str]:
        left_out = self._picture.left_out
        more = f" {left_out} earlier or further marks are left out." if left_out else ""
        words = (
            "Diamond: due; dot: done; hollow: still owed; crossed: overdue or missed; grey: still to come. "
            "Before, during and after have scales of their own."
        )
        times = f"Dashed: {self._local(self._picture.at)}, {self._zone.key} time.{more}"
        for line in (words, times):
            self._y += 13
            yield f'<text x="{MARGIN}" y="{self._y + 3:.1f}" font-size="8.5" fill="{SOFT}">{escape(line)}</text>'

    def _name(self, text: str) -> str:
        return f'<text x="{MARGIN}" y="{self._y + 13:.1f}">{escape(_cut(text, LABEL_LENGTH))}</text>'

    def _local(self, moment: datetime) -> str:
        return _time(moment, self._zone)

    def _thread(self, y: float, colour: str, left: float, right: float) -> str:
        return f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="{colour}"/>'


def _axis(picture: Picture, zone: ZoneInfo) -> Axis:
    dues = [
        moment for lane in picture.lanes for due in lane.dues for moment in (due.due, due.settled) if moment
    ]
    known = [mark.at for mark in picture.anchors] + [picture.opened]
    begins = min(known)
    ends = max([picture.at, *dues])
    return Axis.between(
        begins, max(picture.opened, begins), picture.at, ends, LABELS + 8, WIDTH - MARGIN, zone
    )


def _time(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M}"


def _by_moment(marks: Iterable[Mark]) -> Iterator[Mark]:
    """The marks in the order of time, each with the names of all that happened at that moment."""
    ordered = sorted(marks, key=lambda mark: mark.at)
    for at, group in groupby(ordered, key=lambda mark: mark.at):
        yield Mark(label=", ".join(mark.label for mark in group), at=at)


def _in_words(dues: Iterable[Due]) -> str:
    """Such as `3 met, 1 late`, in the order in which they first come."""
    counted = Counter(due.verdict.value for due in dues)
    return ", ".join(f"{number} {verdict}" for verdict, number in counted.items())


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="middle" font-size="8.5" fill="{SOFT}">{text}</text>'


def _cut(text: str, longest: int) -> str:
    """`text` as far as it has room, with an ellipsis where it has not."""
    widths = _widths(text)
    if sum(widths) <= longest:
        return text
    kept = next(end for end in range(len(text), -1, -1) if sum(widths[:end]) < longest)
    return f"{text[:kept].rstrip()}…"


def _widths(text: str) -> Sequence[int]:
    return [2 if east_asian_width(character) in "WF" else 1 for character in text]
