"""What is wrong with the metric files, where, and how it is shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]

EXCERPT_WIDTH = 120
MAX_PROBLEMS = 200


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
        self._diagnostics: dict[Diagnostic, None] = {}
        self._places: set[tuple[str, Position]] = set()
        self._counts: Counter[str] = Counter()

    def add_error(self, file: str, position: Position, code: str, message: str, *, metric: str | None = None) -> None:
        found = Diagnostic(file, *position, "error", code, metric, message)
        if found not in self._diagnostics and not self.is_full(file):
            self._diagnostics[found] = None
            self._places.add((file, position))
            self._counts[file] += 1

    def is_full(self, file: str) -> bool:
        """Whether no more problems of this file are kept."""
        return self._counts[file] >= MAX_PROBLEMS

    def has_problem_at(self, file: str, position: Position) -> bool:
        """Whether a problem has been reported at this very place."""
        return (file, position) in self._places

    def __bool__(self) -> bool:
        return bool(self._diagnostics)

    def list_in_file_order(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self._diagnostics, key=lambda found: (found.file, found.line, found.column, found.code)))


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON list of {file, line, column, severity, code, metric, message}."""
    return json.dumps([asdict(diagnostic) for diagnostic in diagnostics], indent=2, ensure_ascii=False)


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """GitHub's workflow commands: each becomes an annotation on its line of the pull request."""
    return "\n".join(
        f"::{found.severity} file={escape_github_property(found.file)},line={found.line},col={found.column},"
        f"title={escape_github_property(found.code)}::{escape_github_text(format_message(found))}"
        for found in diagnostics
    )


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Sequence[str]]) -> str:
    """One paragraph a problem: its line and, where `sources` has its file's lines, an excerpt."""
    return "\n".join(
        "\n".join((str(found), *extract_excerpt(found, sources.get(found.file, ())))) for found in diagnostics
    )


def extract_excerpt(diagnostic: Diagnostic, lines: Sequence[str]) -> tuple[str, ...]:
    """The line at fault and a caret under its column; nothing when the file has no such line."""
    if not 0 < diagnostic.line <= len(lines):
        return ()
    number = str(diagnostic.line)
    left = max(0, diagnostic.column - EXCERPT_WIDTH // 2)
    line = lines[diagnostic.line - 1][left : left + EXCERPT_WIDTH]
    # A tab before the caret is kept, so that the caret stands where the terminal shows the character.
    indent = "".join("\t" if character == "\t" else " " for character in line[: diagnostic.column - 1 - left])
    return (f"  {number} | {line}", f"  {' ' * len(number)} | {indent}^")


def format_message(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.metric}: {diagnostic.message}" if diagnostic.metric else diagnostic.message


def escape_github_text(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_github_property(text: str) -> str:
    return escape_github_text(text).replace(":", "%3A").replace(",", "%2C")
