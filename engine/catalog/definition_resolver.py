"""The steps that the resolvers of tables and of metrics share."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, NamedTuple, NoReturn, TypeVar

from engine.catalog.reporter import AlreadyReported, Reporter
from engine.diagnostics import Diagnostics, Position
from engine.files.folder import MetricFile, MetricFolder
from engine.language.jinja import RenderedText, Sandbox, find_call_offset, render_template
from engine.suggestions import suggest_name

MAX_REFERENCE_DEPTH = 10

DefinitionType = TypeVar("DefinitionType")
Resolved = TypeVar("Resolved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of metric files, and the words of the errors about its names.

    In templates, a call of `noun` refers to another definition. A call of `foreign`, which is the other section's, is
    the error `foreign_error`.
    """

    name: Literal["tables", "metrics"]
    noun: str
    unknown_code: str
    duplicate_code: str
    duplicate_error: str
    relation: str
    foreign: str
    foreign_error: str


class Reference(NamedTuple):
    """A reference from a definition to a name, and its position."""

    reporter: Reporter
    position: Position
    name: str


class DefinitionResolver(ABC, Generic[DefinitionType, Resolved]):
    """Resolver of a section's definitions: each once, after those that it refers to."""

    section: ClassVar[Section]

    def __init__(
        self, folder: MetricFolder, sandbox: Sandbox, names: Mapping[str, Any], diagnostics: Diagnostics
    ) -> None:
        self.sandbox = sandbox
        self.names = names
        self.diagnostics = diagnostics
        sections = [file.document.data.get(self.section.name, {}) for file in folder.files]
        self.complete = folder.complete and all(isinstance(section, dict) for section in sections)
        self.declared: dict[str, tuple[Reporter, DefinitionType]] = {}
        self.resolved: dict[str, Resolved | None] = {}
        self.references: list[Reference] = []
        self.depths: Counter[str] = Counter()
        for file in folder.files:
            self.resolved.update(dict.fromkeys(file.list_malformed(self.section.name)))
            for name, definition in getattr(file.definition, self.section.name).items():
                self.declare(self.make_reporter(file, name), definition)

    def make_reporter(self, file: MetricFile, name: str) -> Reporter:
        return Reporter(file, (self.section.name, name), self.diagnostics)

    @abstractmethod
    def resolve_definition(self, reporter: Reporter, definition: DefinitionType) -> Resolved:
        """Resolve one definition. Raises AlreadyReported."""

    def declare(self, reporter: Reporter, definition: DefinitionType) -> None:
        if reporter.name in self.declared:
            other = self.declared[reporter.name][0].file.name
            message = self.section.duplicate_error.format(name=reporter.name, file=other)
            reporter.report_at_key(self.section.duplicate_code, message)
            return
        self.declared[reporter.name] = (reporter, definition)

    def resolve_all(self) -> Mapping[str, Resolved]:
        """Resolve all definitions, and leave out those with errors."""
        found = {name: self.find_resolved(name) for name in self.declared}
        return {name: each for name, each in found.items() if each is not None}

    def find_resolved(self, name: str) -> Resolved | None:
        """Return what a name means; None if it is unknown or its definition has errors."""
        if name not in self.resolved and name in self.declared:
            self.resolved[name] = None
            reporter, definition = self.declared[name]
            with reporter.catch_unforeseen(), contextlib.suppress(AlreadyReported):
                self.resolved[name] = self.resolve_definition(reporter, definition)
        return self.resolved.get(name)

    def require_declared(self, reporter: Reporter, position: Position, name: str) -> None:
        """Report an unknown name. Raises AlreadyReported.

        If a file or its section could not be read, the name may be declared there, so it is not reported.
        """
        if name in self.declared or name in self.resolved:
            return
        if self.complete:
            likely = suggest_name(name, {**self.declared, **self.resolved})
            message = f"no {self.section.noun} {name!r} is declared{likely}"
            reporter.report_at_position(position, self.section.unknown_code, message)
        raise AlreadyReported

    def follow_reference(self, reporter: Reporter, position: Position, name: str) -> Resolved:
        """Return the meaning of a reference.

        Raises AlreadyReported for an unknown name, a cycle, too long a chain, or a definition with errors.
        """
        self.require_declared(reporter, position, name)
        reference = Reference(reporter, position, name)
        self.raise_if_cycle(reference)
        self.references.append(reference)
        try:
            too_deep = len(self.references) > MAX_REFERENCE_DEPTH
            found = None if too_deep else self.find_resolved(name)
        finally:
            self.references.pop()
        if found is not None:
            depth = self.depths[reporter.name] = max(self.depths[reporter.name], self.depths[name] + 1)
            too_deep = depth > MAX_REFERENCE_DEPTH
        if too_deep:
            message = f"{self.section.relation} more than {MAX_REFERENCE_DEPTH} deep"
            reporter.report_at_position(position, "too-deep", message)
        if too_deep or found is None:
            raise AlreadyReported
        return found

    def raise_if_cycle(self, last: Reference) -> None:
        """Report a cycle at its first reference in file order. Raises AlreadyReported."""
        route = [*self.references, last]
        names = [reference.reporter.name for reference in route]
        if last.name not in names:
            return
        cycle = route[names.index(last.name) :]
        first = min(range(len(cycle)), key=lambda index: (cycle[index].reporter.file.name, cycle[index].position))
        cycle = cycle[first:] + cycle[:first]
        named = " → ".join(reference.reporter.name for reference in (*cycle, cycle[0]))
        cycle[0].reporter.report_at_position(cycle[0].position, "cycle", f"{self.section.relation}: {named}")
        raise AlreadyReported

    def render_text(
        self, reporter: Reporter, text: str, follow: Callable[[Position, str], str], *path: str | int
    ) -> RenderedText:
        """Render the template at `path`. Raises AlreadyReported.

        `follow` returns the text for a reference, given its position and its name.
        """

        def follow_call(name: str) -> str:
            return follow(reporter.locate_character(path, find_call_offset(text, self.section.noun, name)), name)

        def reject_call(name: str) -> NoReturn:
            raise ValueError(self.section.foreign_error)

        # Errors about a call's arguments show these names.
        follow_call.__qualname__, reject_call.__qualname__ = self.section.noun, self.section.foreign
        functions = {self.section.noun: follow_call, self.section.foreign: reject_call}
        with reporter.catch_faults(*path):
            return render_template(self.sandbox, text, {**self.names, **functions})
