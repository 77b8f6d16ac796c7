"""Reads the sources of an installation, and says of every mistake in which line and column it is.

Each `*.yaml` directly below the folder is one source; mappings and secrets are named by the sources and may be beside
them, in folders of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from tocsin import callbacks
from tocsin.settings import VARIABLES, Settings, SettingsError
from tocsin.sources import ALERTMANAGER, ALL_LOCKS, LOCKS, SOURCES_PATH, Source
from tocsin.yamlfile import Document, Problem, YamlError, read

RESERVED = (
    callbacks.APPROVALS_PATH,
    callbacks.CODEC_PATH,
    callbacks.PAGES_PATH,
    callbacks.PLANS_PATH,
    "/v1/reports",
    "/v1/sendgrid",
    "/v1/twilio",
    "/docs",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/readyz",
)
"""What the receiver uses itself, with everything below it."""

DEFAULT_FOLDER = Path("sources")

Sources = tuple[Source, ...]


def read_sources(settings: Settings, plans: Collection[str]) -> Sources:
    """The sources of this installation, Alertmanager among them. Raises `YamlError`, and `SettingsError` where the
    folder was named and does not exist."""
    folder = settings.sources or DEFAULT_FOLDER
    if folder.is_dir():
        return load_sources(folder, plans)
    if settings.sources:
        raise SettingsError(
            f"{VARIABLES['sources']}: there is no folder {folder}; make it, or leave the variable empty"
        )
    return (ALERTMANAGER,)


def load_sources(folder: Path, plans: Collection[str]) -> Sources:
    """Every source below `folder`, and Alertmanager unless one is called that. Raises `YamlError` with all mistakes."""
    found: list[tuple[Document, Source]] = []
    problems: list[Problem] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            found.append(load_source(file, plans))
        except YamlError as error:
            problems += error.problems
    problems += _clashes(found)
    if problems:
        raise YamlError(problems)
    return with_alertmanager(source for _, source in found)


def load_source(file: Path, plans: Collection[str]) -> tuple[Document, Source]:
    """One source and the document that describes it. Raises `YamlError` with all that is wrong in this file."""
    document = read(file)
    source = document.validate(Source, {"folder": file.parent})
    if problems := list(_mistakes(document, source, plans)):
        raise YamlError(problems)
    return document, source


def with_alertmanager(sources: Iterable[Source]) -> Sources:
    """The sources, with Alertmanager before them unless one of them is called that."""
    described = tuple(sources)
    is_there = any(source.source == ALERTMANAGER.source for source in described)
    return described if is_there else (ALERTMANAGER, *described)


def unsecured(sources: Sequence[Source], has_tokens: bool) -> list[str]:
    """The names of those at which anybody may report; `has_tokens` says whether the tokens secure Alertmanager."""
    return [
        source.source
        for source in sources
        if not (source.is_secured or (source is ALERTMANAGER and has_tokens))
    ]


def _mistakes(document: Document, source: Source, plans: Collection[str]) -> Iterator[Problem]:
    """What only a look at several keys shows, or at the rest of the installation."""
    if source.plan is not None and source.plan not in plans:
        yield document.problem(("plan",), f'there is no plan "{source.plan}"; there are {", ".join(plans)}')
    if any(source.path == path or source.path.startswith(f"{path}/") for path in RESERVED):
        yield document.problem(
            ("path",),
            f"the receiver uses {source.path} itself; take another, such as {SOURCES_PATH}/{source.source}",
        )
    if source.format == "mapping" and source.mapping is None:
        yield document.problem(
            ("format",), "the format `mapping` needs the key `mapping` with the mapping's file"
        )
    if source.format != "mapping" and source.mapping is not None:
        yield document.problem(
            ("mapping",),
            f"a mapping is for the format `mapping`, and this one is `{source.format}`; delete it",
        )
    yield from _wrong_locks(document, source)


def _wrong_locks(document: Document, source: Source) -> Iterator[Problem]:
    """Locks for which the senders of a format have no key."""
    if source.lock is None:
        return
    fitting, kinds = LOCKS[source.format], source.lock.kinds
    wanted = f"the format `{source.format}` is secured by {' or '.join(f'`{kind}`' for kind in fitting)}"
    if not kinds:
        yield document.problem(("lock",), f"names nothing to show; {wanted}")
    for kind in ALL_LOCKS:
        if kind in kinds and kind not in fitting:
            yield document.problem(("lock", kind), f"{wanted}; its senders have nothing else to show")


def _clashes(found: Sequence[tuple[Document, Source]]) -> Iterator[Problem]:
    """Names and paths that two sources claim; PagerDuty's may share theirs, because each has keys of its own."""
    names: dict[str, str] = {}
    paths: dict[str, Source] = {}
    for document, source in found:
        if (other := names.setdefault(source.source, document.file)) != document.file:
            yield document.problem(
                ("source",), f'"{source.source}" is described in {other} already; rename one'
            )
    if ALERTMANAGER.source not in names:
        paths[ALERTMANAGER.path] = ALERTMANAGER
    for document, source in found:
        other_source = paths.setdefault(source.path, source)
        if other_source is not source and not _tell_apart(source, other_source):
            yield document.problem(
                ("path",), f"{source.path} belongs to the source {other_source.source} already; take another"
            )


def _tell_apart(one: Source, other: Source) -> bool:
    return all(source.format == "pagerduty" and source.is_secured for source in (one, other))
