"""What is wrong with the metric files, where, and how it is shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]

EXCERPT_WIDTH = 120
MOST_PROBLEMS = 200


class Position(NamedTuple):
    """A place in a file; line and column count from 1, a column is a character."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem at one place; `code` is stable and listed in docs/errors.md, `metric` the key it is in."""

    file: str
    line: int
    column: int
    severity: Severity
    code: str
    metric: str | None
    message: str

    def __str__(self) -> str:
        subject = f" {self.metric}:" if self.metric else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.code}]{subject} {self.message}"


class Diagnostics:
    """Collects problems so that all of them are reported at once, each only once.

    Of one file at most MOST_PROBLEMS are kept: no one reads more, and each costs time.
    """

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}
        self._places: set[tuple[str, Position]] = set()
        self._counts: Counter[str] = Counter()

    def error(self, file: str, position: Position, code: str, message: str, *, metric: str | None = None) -> None:
        found = Diagnostic(file, *position, "error", code, metric, message)
        if found not in self._found and not self.full(file):
            self._found[found] = None
            self._places.add((file, position))
            self._counts[file] += 1

    def full(self, file: str) -> bool:
        """Whether no more problems of this file are kept."""
        return self._counts[file] >= MOST_PROBLEMS

    def any_at(self, file: str, position: Position) -> bool:
        """Whether a problem has been reported at this very place."""
        return (file, position) in self._places

    def __bool__(self) -> bool:
        return bool(self._found)

    def in_file_order(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self._found, key=lambda found: (found.file, found.line, found.column, found.code)))


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON list of {file, line, column, severity, code, metric, message}."""
    return json.dumps([asdict(diagnostic) for diagnostic in diagnostics], indent=2, ensure_ascii=False)


def as_github(diagnostics: Iterable[Diagnostic]) -> str:
    """GitHub's workflow commands: each becomes an annotation on its line of the pull request."""
    return "\n".join(
        f"::{found.severity} file={github_property(found.file)},line={found.line},col={found.column},"
        f"title={github_property(found.code)}::{github_text(message_of(found))}"
        for found in diagnostics
    )


def as_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Sequence[str]]) -> str:
    """One paragraph a problem: its line and, where `sources` has its file's lines, an excerpt."""
    return "\n".join("\n".join((str(found), *excerpt(found, sources.get(found.file, ())))) for found in diagnostics)


def excerpt(found: Diagnostic, lines: Sequence[str]) -> tuple[str, ...]:
    """The line at fault and a caret under its column; nothing when the file has no such line."""
    if not 0 < found.line <= len(lines):
        return ()
    number = str(found.line)
    left = max(0, found.column - EXCERPT_WIDTH // 2)
    line = lines[found.line - 1][left : left + EXCERPT_WIDTH]
    # A tab before the caret is kept, so that the caret stands where the terminal shows the character.
    indent = "".join("\t" if character == "\t" else " " for character in line[: found.column - 1 - left])
    return (f"  {number} | {line}", f"  {' ' * len(number)} | {indent}^")


def message_of(found: Diagnostic) -> str:
    return f"{found.metric}: {found.message}" if found.metric else found.message


def github_text(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str) -> str:
    return github_text(text).replace(":", "%3A").replace(",", "%2C")
