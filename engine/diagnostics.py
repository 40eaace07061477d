"""Problems at a position of a file: collected, and rendered as text, as JSON and for GitHub."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

from engine.faults import TextFault

logger = logging.getLogger("metric_engine.diagnostics")

Severity = Literal["error", "warning"]

EXCERPT_WIDTH = 120
MAX_PROBLEMS = 200


class Position(NamedTuple):
    """A position in a file; line and column count from 1, a column is a character."""

    line: int
    column: int

    def advance(self, text: str) -> Position:
        """Return the position after a text that begins here."""
        lines = text.replace("\r\n", "\n").split("\n")
        if len(lines) == 1:
            return Position(self.line, self.column + len(text))
        return Position(self.line + len(lines) - 1, len(lines[-1]) + 1)


START = Position(1, 1)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A problem at a position, in the metric `metric`; docs/errors.md lists the stable `code`s."""

    file: str
    line: int
    column: int
    severity: Severity
    code: str
    metric: str | None
    message: str

    @property
    def position(self) -> Position:
        return Position(self.line, self.column)

    def __str__(self) -> str:
        subject = f" {self.metric}:" if self.metric else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.code}]{subject} {self.message}"


def make_error(file: str, position: Position, code: str, message: str, *, metric: str | None = None) -> Diagnostic:
    return Diagnostic(file, *position, "error", code, metric, message)


def make_warning(file: str, position: Position, code: str, message: str, *, metric: str | None = None) -> Diagnostic:
    """Return a problem that is legal, but hardly what is meant."""
    return Diagnostic(file, *position, "warning", code, metric, message)


def make_error_at_offset(file: str, text: str, fault: TextFault) -> Diagnostic:
    """Return a fault of a file's whole text as an error at its position."""
    return make_error(file, START.advance(text[: fault.offset]), fault.code, fault.message)


UNREADABLE = "unreadable"


def make_unreadable(file: str, position: Position, error: Exception, *, metric: str | None = None) -> Diagnostic:
    """Return an exception that no check foresaw as an error: it may stop neither a server nor the other checks."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:EXCERPT_WIDTH]
    message = f"this cannot be read ({reason}); please report it with the lines that stand here"
    return make_error(file, position, UNREADABLE, message, metric=metric)


class Diagnostics:
    """A collection of problems, in which equal ones count once.

    It keeps at most `limit` of a file: nobody reads more, and each costs time.
    """

    def __init__(self, limit: int = MAX_PROBLEMS) -> None:
        self._limit = limit
        self._diagnostics: dict[Diagnostic, None] = {}
        self._places: set[tuple[str, Position]] = set()
        self._counts: Counter[tuple[str, Severity]] = Counter()

    def add(self, found: Diagnostic) -> None:
        # Warnings are counted by themselves: they may never keep an error out.
        kind = (found.file, found.severity)
        if found in self._diagnostics or self._counts[kind] >= self._limit:
            return
        self._diagnostics[found] = None
        self._places.add((found.file, found.position))
        self._counts[kind] += 1

    @contextmanager
    def catch_unforeseen(self, file: str, position: Position = START, *, metric: str | None = None) -> Iterator[None]:
        """Report whatever exception is raised inside, at the place that is read there."""
        try:
            yield
        except Exception as error:
            logger.exception("%s: a check has failed", file)
            self.add(make_unreadable(file, position, error, metric=metric))

    def is_full(self, file: str) -> bool:
        """Whether the collection keeps no more errors of this file."""
        return self._counts[file, "error"] >= self._limit

    def has_problem_at(self, file: str, position: Position) -> bool:
        """Whether the collection has a problem at exactly this position."""
        return (file, position) in self._places

    def __bool__(self) -> bool:
        return bool(self._diagnostics)

    @property
    def has_errors(self) -> bool:
        """Whether any problem is more than a warning."""
        return any(found.severity == "error" for found in self._diagnostics)

    def list_in_file_order(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self._diagnostics, key=lambda found: (found.file, found.line, found.column, found.code)))


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Render a JSON list of {file, line, column, severity, code, metric, message}."""
    return json.dumps([asdict(diagnostic) for diagnostic in diagnostics], indent=2, ensure_ascii=False)


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Render GitHub's workflow commands, which annotate the lines of a pull request."""
    return "\n".join(
        f"::{found.severity} file={escape_github_property(found.file)},line={found.line},col={found.column},"
        f"title={escape_github_property(found.code)}::{escape_github_text(format_message(found))}"
        for found in diagnostics
    )


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Sequence[str]]) -> str:
    """Render a paragraph for each problem, with an excerpt if `sources` has its file's lines."""
    return "\n".join(
        "\n".join((str(found), *extract_excerpt(found, sources.get(found.file, ())))) for found in diagnostics
    )


def extract_excerpt(diagnostic: Diagnostic, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the problem's line with a caret under its column, or nothing without the line."""
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
