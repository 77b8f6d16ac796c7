"""Metrics as Prometheus reads them, for the text collector of its node exporter or anything that serves a file.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tocsin.domain.performance import Measure, Spread, Summary
from tocsin.domain.words import Verdict

_TIMES: dict[Measure, str] = {
    "acknowledge": "From awareness until a page was acknowledged.",
    "notify": "From awareness until the first notice was delivered.",
    "mitigate": "From awareness until the impact was over.",
    "resolve": "From awareness until the resolution.",
}

_QUANTILES: dict[str, Callable[[Spread], float]] = {
    "0.5": lambda times: times.median.total_seconds(),
    "0.9": lambda times: times.p90.total_seconds(),
    "1": lambda times: times.worst.total_seconds(),
}

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def written(groups: Iterable[Summary]) -> str:
    """Every metric with its help and type, the samples of each together; times in seconds, shares from 0 to 1."""
    groups = list(groups)
    lines = [*_incidents(groups), *_promises(groups), *_shares(groups)]
    for measure, help in _TIMES.items():
        lines += _times(groups, measure, help)
    return "\n".join(lines) + "\n"


def _incidents(groups: list[Summary]) -> Iterator[str]:
    yield from _head("tocsin_incidents", "gauge", "Incidents that were measured.")
    for group in groups:
        yield _sample("tocsin_incidents", group, group.incidents)


def _promises(groups: list[Summary]) -> Iterator[str]:
    yield from _head("tocsin_promises", "gauge", "Promises of the policy by what became of them.")
    for group in groups:
        for verdict in Verdict:
            yield _sample("tocsin_promises", group, group.verdicts.get(verdict, 0), verdict=verdict)


def _shares(groups: list[Summary]) -> Iterator[str]:
    name = "tocsin_promises_met_ratio"
    yield from _head(name, "gauge", "Promises that were met, as a share of those met, late and missed.")
    for group in groups:
        if group.met is not None:
            yield _sample(name, group, group.met)


def _times(groups: list[Summary], measure: Measure, help: str) -> Iterator[str]:
    name = f"tocsin_time_to_{measure}_seconds"
    yield from _head(name, "summary", help)
    for group in groups:
        if (times := group.times.get(measure)) is not None:
            for quantile, of in _QUANTILES.items():
                yield _sample(name, group, of(times), quantile=quantile)
            yield _sample(f"{name}_sum", group, times.total.total_seconds())
            yield _sample(f"{name}_count", group, times.count)


def _head(name: str, kind: str, help: str) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, group: Summary, value: float, **more: str) -> str:
    labels = {"plan": group.plan, "severity": group.severity, "drill": str(group.is_drill).lower(), **more}
    told = ",".join(f'{label}="{each.translate(_ESCAPES)}"' for label, each in labels.items())
    return f"{name}{{{told}}} {value}"
