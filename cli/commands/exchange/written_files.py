"""Files that a command writes: never over others unasked, and only what is valid with the rest of the folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from cli.new_files import load_changed_catalog


def check_free_names(folder: Path, names: Iterable[str]) -> None:
    """Check that no file of these names exists. Raises ClickException."""
    existing = sorted(str(path) for name in names if (path := folder / name).exists())
    if existing:
        verb = "exists" if len(existing) == 1 else "exist"
        raise click.ClickException(f"{', '.join(existing)} {verb} already; --force overwrites")


def write_checked_files(folder: Path, texts: Mapping[str, str]) -> Iterator[Path]:
    """Write metric files, each at once and whole, and yield their paths. Raises InvalidCatalog."""
    load_changed_catalog(folder, {name: text.encode() for name, text in texts.items()})
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        yield write_text(folder / name, text)


def write_text(path: Path, text: str) -> Path:
    """Write a file so that nobody ever sees half of it."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(path)
    return path
