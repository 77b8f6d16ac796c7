"""The table of clauses: `make clauses` runs every test that is named after a row and prints what came of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import pytest

from tests.clauses.rows import HERE, Row, named_after, rows

WIDTHS = (4, 62, 46, 58)


@dataclass
class Outcomes:
    """A plugin of pytest that notes what became of each test, by its name."""

    of: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A failure in any of a test's stages is a failure of the test."""
        name = report.nodeid.rpartition("::")[2].partition("[")[0]
        if report.failed:
            self.of[name] = "failed"
        elif report.skipped:
            self.of.setdefault(name, "skipped")
        elif report.when == "call":
            self.of.setdefault(name, "passed")


def verdict(row: Row, outcomes: Outcomes) -> str:
    """`passed` when every test of the row did."""
    results = {outcomes.of.get(test, "not run") for test in named_after(row)}
    return "no test" if not results else "passed" if results == {"passed"} else ", ".join(sorted(results))


def lines(outcomes: Outcomes) -> list[str]:
    """The table, with its head."""
    head = _line("row", "demand", "in the plan", "test", "result")
    return [head, "-" * len(head), *(line for row in rows() for line in _lines_of(row, outcomes))]


def _lines_of(row: Row, outcomes: Outcomes) -> list[str]:
    tests, entries = named_after(row) or ["none"], list(row.entries) or ["none"]
    demand = _wrapped(row.demand, WIDTHS[1])
    height = max(len(tests), len(entries), len(demand))
    result = [verdict(row, outcomes)]
    columns = [[row.row], demand, entries, tests, result]
    return [_line(*(column[at] if at < len(column) else "" for column in columns)) for at in range(height)]


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _line(*cells: str) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=False)]
    return "  ".join([*padded, *cells[len(WIDTHS) :]]).rstrip()


def main() -> int:
    """Run and print; 1 unless every row passed."""
    outcomes = Outcomes()
    pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", str(HERE)], plugins=[outcomes])
    print("\n".join(["", *lines(outcomes)]))
    verdicts = [verdict(row, outcomes) for row in rows()]
    passed = verdicts.count("passed")
    print(f"\n{passed} of {len(verdicts)} rows passed")
    return 0 if passed == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
