"""A definition's place in the files, from which its problems are reported at their tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from engine.diagnostics import START, Diagnostic, Diagnostics, Position, make_error, make_warning
from engine.faults import TextFault, TextFaults
from engine.files.document import KeyPath, get_child
from engine.files.folder import MetricFile
from engine.files.nodes import MappingNode, Node
from engine.language.jinja import RenderedText


class AlreadyReported(Exception):
    """A step failed, and its reason has been reported."""


class CollectErrors:
    """Several steps that are all taken, although each may raise AlreadyReported.

    A step is the block of a `with errors:`; `raise_if_failed` raises what a step raised.
    """

    def __init__(self) -> None:
        self.failed = False

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        reported = isinstance(error, AlreadyReported)
        self.failed = self.failed or reported
        return reported

    def raise_if_failed(self) -> None:
        """Raise AlreadyReported if any step did."""
        if self.failed:
            raise AlreadyReported


@dataclass(frozen=True, slots=True)
class Reporter:
    """The mapping at `path` of a file; `metric` is the key of its metric."""

    file: MetricFile
    path: KeyPath
    diagnostics: Diagnostics
    metric: str | None = None

    @property
    def name(self) -> str:
        """The last key of the path."""
        return str(self.path[-1])

    def descend(self, *segments: str | int) -> Reporter:
        return Reporter(self.file, (*self.path, *segments), self.diagnostics, self.metric)

    def list_keys(self, *segments: str | int) -> Collection[str]:
        """Return the keys that the mapping, or the one at `segments` below it, has in the file."""
        node: Node | None = self.file.document.find_node(self.path)
        for segment in segments:
            node = None if node is None else get_child(node, segment)
        return node.entries.keys() if isinstance(node, MappingNode) else ()

    def is_empty_mapping(self, *segments: str | int) -> bool:
        """Whether a mapping without any key stands at `segments` in the file."""
        node = self.file.document.find_node((*self.path, *segments))
        return isinstance(node, MappingNode) and not node.entries

    def locate_value(self, *segments: str | int) -> Position:
        return self.file.document.locate_value((*self.path, *segments))

    def locate_character(self, segments: KeyPath, offset: int) -> Position:
        return self.file.document.locate_character((*self.path, *segments), offset)

    def diagnose_key(self, code: str, message: str, *segments: str | int) -> Diagnostic:
        """Return a problem at a key: the definition's own, or the one at `segments` below it."""
        return self.file.document.diagnose_key((*self.path, *segments), code, message, metric=self.metric)

    def diagnose_value(self, code: str, message: str, *segments: str | int) -> Diagnostic:
        """Return a problem at the value at `segments`."""
        return self.file.document.diagnose_value((*self.path, *segments), code, message, metric=self.metric)

    def report_at_key(self, code: str, message: str, *segments: str | int) -> None:
        """Report a problem at a key: the definition's own, or the one at `segments` below it."""
        self.diagnostics.add(self.diagnose_key(code, message, *segments))

    def report_at_value(self, code: str, message: str, *segments: str | int) -> None:
        """Report a problem at the value at `segments`."""
        self.diagnostics.add(self.diagnose_value(code, message, *segments))

    def report_at_position(self, position: Position, code: str, message: str) -> None:
        self.diagnostics.add(make_error(self.file.name, position, code, message, metric=self.metric))

    def report_faults(self, faults: TextFaults, *segments: str | int, rendered: RenderedText | None = None) -> None:
        """Report faults of the text at `segments`, or of its `rendered` form."""
        for fault in faults.faults:
            position = self.locate_fault(fault, segments, rendered)
            self.report_at_position(position, fault.code, fault.message)

    def warn_of_doubts(
        self, doubts: Iterable[TextFault], *segments: str | int, rendered: RenderedText | None = None
    ) -> None:
        """Report what is legal, but doubtful, in the text at `segments`, or in its `rendered` form."""
        for doubt in doubts:
            position = self.locate_fault(doubt, segments, rendered)
            self.diagnostics.add(make_warning(self.file.name, position, doubt.code, doubt.message, metric=self.metric))

    def locate_fault(self, fault: TextFault, segments: KeyPath, rendered: RenderedText | None) -> Position:
        offset = fault.offset if rendered is None else rendered.get_origin(fault.offset)
        return self.locate_character(segments, offset)

    def catch_unforeseen(self) -> AbstractContextManager[None]:
        """Report whatever exception is raised inside at the definition's key."""
        position = self.file.document.locate_key(self.path) if self.path else START
        return self.diagnostics.catch_unforeseen(self.file.name, position, metric=self.metric)

    @contextmanager
    def catch_faults(self, *segments: str | int, rendered: RenderedText | None = None) -> Iterator[None]:
        """Report the TextFaults that are raised inside, and raise AlreadyReported."""
        try:
            yield
        except TextFaults as faults:
            self.report_faults(faults, *segments, rendered=rendered)
            raise AlreadyReported from faults
