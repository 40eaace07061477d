"""The errors of the engine.

MetricEngineError
├── InvalidCatalog          the metric files have errors; has all diagnostics
│   └── InvalidImport       a document of another format has errors
├── UnknownMetric           the key names no metric; has the nearest
├── InvalidQuery            a parameter of a query is invalid; has all problems
├── InvalidRows             a file of rows cannot be loaded; names line and column
├── UnavailableForm         an answer cannot be written in a form: its package is not installed
├── InvalidSetting          a setting is missing or invalid; names it
├── UncoveredScan           a statement would read a table without its tenant predicate
├── WarehouseUnavailable    the fact tables cannot be read
│   └── LayoutMismatch      they are not as they are declared: asking again is no help
└── StateUnavailable        the state tables cannot be read
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.diagnostics import Diagnostic
from engine.suggestions import MAX_COMPARED_LENGTH, did_you_mean, find_nearest_names


class MetricEngineError(Exception):
    """The root of all errors that the project raises on purpose."""


class InvalidCatalog(MetricEngineError):
    """Metric files with errors.

    `diagnostics` are all of them in file order, `texts` the lines of the files.
    """

    subject = "the metric files have"

    def __init__(self, diagnostics: Sequence[Diagnostic], texts: Mapping[str, Sequence[str]] | None = None) -> None:
        self.diagnostics = tuple(diagnostics)
        self.texts = texts or {}
        super().__init__("\n".join(map(str, self.diagnostics)))


class InvalidImport(InvalidCatalog):
    """A document of another format that has errors, or nothing that can be carried over."""

    subject = "the document has"


class UnknownMetric(MetricEngineError):
    """A key that names no metric; `nearest` are the closest keys, best first."""

    def __init__(self, key: str, known: Iterable[str]) -> None:
        self.key = key
        alike = find_nearest_names(key, known)
        self.nearest = alike or find_nearest_names(key, known, cutoff=0)
        hint = did_you_mean(alike) or f"; the nearest are {', '.join(self.nearest)}"
        super().__init__(f"no widget {key[:MAX_COMPARED_LENGTH]!r}{hint}")


@dataclass(frozen=True, slots=True)
class ParameterProblem:
    """An invalid parameter of a query: its name, and what is allowed.

    It has no position in a file, so it is no Diagnostic.
    """

    parameter: str
    message: str


class InvalidQuery(MetricEngineError):
    """A query with invalid parameters."""

    def __init__(self, problems: Sequence[ParameterProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.parameter}: {problem.message}" for problem in self.problems))


class InvalidRows(MetricEngineError):
    """A file of rows that cannot be loaded; the message names line, column and remedy.

    `remedies` are options of the command, each with its value, that would mend it.
    """

    def __init__(self, message: str, remedies: Sequence[tuple[str, ...]] = ()) -> None:
        self.remedies = tuple(remedies)
        super().__init__(message)


class UnavailableForm(MetricEngineError):
    """A form of an answer whose package is not installed; the message names what installs it."""


class InvalidSetting(MetricEngineError):
    """A missing or invalid setting; the message is one line and names it."""


class UncoveredScan(MetricEngineError):
    """A statement that reads a physical table without the tenant's predicate; it is never sent."""


class WarehouseUnavailable(MetricEngineError):
    """A warehouse that does not answer as declared; the message is one line without secrets."""


class LayoutMismatch(WarehouseUnavailable):
    """A warehouse whose tables, columns or types are not as they are declared."""


class WarehouseTimeout(WarehouseUnavailable):
    """A warehouse that has not answered in time: asking again at once would only take as long."""


class StateUnavailable(MetricEngineError):
    """A state database that does not answer; the message is one line without secrets."""
