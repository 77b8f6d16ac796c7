"""A record for somebody else: a copy of it as a folder or as one ZIP file, whole or not at all."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

ZIP = ".zip"

Files = Mapping[str, Path | bytes]
"""What goes into an export: by its path there, the file that it is a copy of, or what it says."""


class NotExported(Exception):
    """An export could not be written; the text says where, and why."""


def export(files: Files, target: Path) -> None:
    """Write `files` to a folder, or to a ZIP file when `target` ends in `.zip`. Raises `NotExported`."""
    if target.exists():
        raise NotExported(f"{target} is there already: name another, or take it away")
    part = target.with_name(f".{target.name}.part")
    try:
        if target.suffix.lower() == ZIP:
            _as_zip(files, part)
        else:
            _as_folder(files, part)
        part.rename(target)
    except OSError as error:
        _discard(part)
        raise NotExported(f"{target} could not be written: {error}") from error


def _as_folder(files: Files, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            shutil.copyfile(source, path)


def _as_zip(files: Files, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for name, source in files.items():
            if isinstance(source, bytes):
                archive.writestr(name, source)
            else:
                archive.write(source, name)


def _discard(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    elif part.exists():
        part.unlink()
