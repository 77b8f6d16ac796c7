"""Checks everything that the folder of an installation's sources holds, without starting a receiver."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tocsin.ingest.intake import never_read
from tocsin.library import PlanLibrary
from tocsin.mappingfiles import MappingFile, load
from tocsin.sourcefiles import load_source, load_sources, with_alertmanager
from tocsin.sources import Source
from tocsin.yamlfile import Problem, YamlError

MAPPINGS = "mappings"
"""The folder beside the sources in which mappings are looked for that no source names yet."""


@dataclass(frozen=True)
class Checked:
    """What was found: the sources and the mappings that can be used, by their files, and all problems.

    `notes` are what is no mistake, and perhaps not meant, by the names of the sources.
    """

    sources: tuple[Source, ...]
    mappings: dict[Path, MappingFile]
    problems: tuple[Problem, ...]
    notes: dict[str, str] = field(default_factory=dict)


def check_sources(folder: Path, library: PlanLibrary | None) -> Checked:
    """Read every source and mapping below `folder`, and try the mappings' examples; no library has no plans."""
    plans = library.plans if library else ()
    problems: list[Problem] = []
    try:
        sources = load_sources(folder, plans)
    except YamlError as error:
        problems += error.problems
        sources = with_alertmanager(_sound(folder, plans))
    named = {source.mapping for source in sources if source.mapping is not None}
    mappings, wrong = _mappings(sorted({*named, *(folder / MAPPINGS).glob("*.yaml")}))
    everything = YamlError((*problems, *wrong)).problems  # which puts them in order
    return Checked(sources, mappings, tuple(everything), dict(_notes(sources, library)))


def check_mapping(path: Path) -> Checked:
    """The same for one mapping file."""
    mappings, problems = _mappings([path])
    return Checked((), mappings, tuple(problems))


def _notes(sources: Iterable[Source], library: PlanLibrary | None) -> Iterator[tuple[str, str]]:
    """Sources whose plan has no rule that says what their labels mean."""
    for source in sources:
        loaded = library.plans.get(source.plan) if library and source.plan else None
        if loaded and (note := never_read(loaded.plan, source)):
            yield source.source, note


def _sound(folder: Path, plans: Collection[str]) -> Iterable[Source]:
    """The sources that are in order, where others are not."""
    for path in sorted(folder.glob("*.yaml")):
        try:
            yield load_source(path, plans)[1]
        except YamlError:
            continue  # its problems are known already


def _mappings(paths: Iterable[Path]) -> tuple[dict[Path, MappingFile], list[Problem]]:
    found: dict[Path, MappingFile] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            found[path] = load(path)
            problems += found[path].failures()
        except YamlError as error:
            problems += error.problems
    return found, problems
