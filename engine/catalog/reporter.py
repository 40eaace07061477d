"""A definition's place in the files: problems are reported from here, each at the token that it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.diagnostics import Diagnostics, Position
from engine.files.document import KeyPath, MappingNode
from engine.files.folder import MetricFile
from engine.language.faults import TextFault, TextFaults
from engine.language.jinja import RenderedText


class AlreadyReported(Exception):
    """What was asked for cannot be had, and the reason has been reported already."""


class CollectErrors:
    """Several steps of which each may raise Reported: the others are taken all the same, and `finish` raises it.

    A step is the block of a `with attempt:`.
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
        """Raise Reported if any step did."""
        if self.failed:
            raise AlreadyReported


@dataclass(frozen=True, slots=True)
class Reporter:
    """The mapping at `path` of a file; `metric` is the key of the metric that it belongs to."""

    file: MetricFile
    path: KeyPath
    diagnostics: Diagnostics
    metric: str | None = None

    def descend(self, *segments: str | int) -> Reporter:
        return Reporter(self.file, (*self.path, *segments), self.diagnostics, self.metric)

    def list_keys(self) -> Collection[str]:
        """The keys of the mapping, as they stand in the file."""
        node = self.file.document.find_node(self.path)
        return node.entries.keys() if isinstance(node, MappingNode) else ()

    def locate_value(self, *segments: str | int) -> Position:
        return self.file.document.locate_value((*self.path, *segments))

    def locate_character(self, segments: KeyPath, offset: int) -> Position:
        return self.file.document.locate_character((*self.path, *segments), offset)

    def report_at_key(self, code: str, message: str, *segments: str | int) -> None:
        """Report a problem at a key: the definition's own, or the one at `segments` below it."""
        position = self.file.document.locate_key((*self.path, *segments))
        self.report_at_position(position, code, message)

    def report_at_value(self, code: str, message: str, *segments: str | int) -> None:
        """Report a problem at the value that stands at `segments`."""
        self.report_at_position(self.locate_value(*segments), code, message)

    def report_at_position(self, position: Position, code: str, message: str) -> None:
        self.diagnostics.add_error(self.file.name, position, code, message, metric=self.metric)

    def report_faults(self, rendered: RenderedText, faults: Iterable[TextFault], *segments: str | int) -> None:
        """Report problems in the text at `segments`, at their characters."""
        for fault in faults:
            position = self.locate_character(segments, rendered.get_origin(fault.offset))
            self.report_at_position(position, fault.code, fault.message)

    def report_template_faults(self, faults: TextFaults, *segments: str | int) -> None:
        """Report problems in the template at `segments`."""
        for fault in faults.faults:
            self.report_at_position(self.locate_character(segments, fault.offset), fault.code, fault.message)

    @contextmanager
    def report_errors(self, rendered: RenderedText, *segments: str | int) -> Iterator[None]:
        """Turn the TextFaults of the text at `segments` into diagnostics, and then into Reported."""
        try:
            yield
        except TextFaults as faults:
            self.report_faults(rendered, faults.faults, *segments)
            raise AlreadyReported from faults
