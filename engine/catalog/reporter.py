"""A definition's place in the files: problems are reported from here, each at the token that it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.diagnostics import Diagnostics, Position
from engine.files.document import MappingNode, Path
from engine.files.folder import File
from engine.language.faults import Fault, Faults
from engine.language.jinja import Rendered, TemplateFaults


class Reported(Exception):
    """What was asked for cannot be had, and the reason has been reported already."""


class Attempt:
    """Several steps of which each may raise Reported: the others are taken all the same, and `finish` raises it.

    A step is the block of a `with attempt:`.
    """

    def __init__(self) -> None:
        self.failed = False

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        reported = isinstance(error, Reported)
        self.failed = self.failed or reported
        return reported

    def finish(self) -> None:
        """Raise Reported if any step did."""
        if self.failed:
            raise Reported


@dataclass(frozen=True, slots=True)
class Place:
    """The mapping at `path` of a file; `metric` is the key of the metric that it belongs to."""

    file: File
    path: Path
    diagnostics: Diagnostics
    metric: str | None = None

    def within(self, *segments: str | int) -> Place:
        return Place(self.file, (*self.path, *segments), self.diagnostics, self.metric)

    def stated(self) -> Collection[str]:
        """The keys of the mapping, as they stand in the file."""
        node = self.file.document.node(self.path)
        return node.entries.keys() if isinstance(node, MappingNode) else ()

    def position(self, *segments: str | int) -> Position:
        return self.file.document.position((*self.path, *segments))

    def text_position(self, segments: Path, offset: int) -> Position:
        return self.file.document.text_position((*self.path, *segments), offset)

    def at_key(self, code: str, message: str, *segments: str | int) -> None:
        """Report a problem at a key: the definition's own, or the one at `segments` below it."""
        position = self.file.document.key_position((*self.path, *segments))
        self.at_position(position, code, message)

    def at_value(self, code: str, message: str, *segments: str | int) -> None:
        """Report a problem at the value that stands at `segments`."""
        self.at_position(self.position(*segments), code, message)

    def at_position(self, position: Position, code: str, message: str) -> None:
        self.diagnostics.error(self.file.name, position, code, message, metric=self.metric)

    def in_text(self, rendered: Rendered, faults: Iterable[Fault], *segments: str | int) -> None:
        """Report problems in the text at `segments`, at their characters."""
        for fault in faults:
            position = self.text_position(segments, rendered.origin(fault.offset))
            self.at_position(position, fault.code, fault.message)

    def in_template(self, faults: TemplateFaults, *segments: str | int) -> None:
        """Report problems in the template at `segments`."""
        for fault in faults.faults:
            self.at_position(self.text_position(segments, fault.offset), fault.code, fault.message)

    @contextmanager
    def reporting(self, rendered: Rendered, *segments: str | int) -> Iterator[None]:
        """Turn the Faults of the text at `segments` into diagnostics, and then into Reported."""
        try:
            yield
        except Faults as faults:
            self.in_text(rendered, faults.faults, *segments)
            raise Reported from faults
