"""Something wrong at an offset of a text: an expression, a query or a template. In a file it becomes a Diagnostic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class TextFault(NamedTuple):
    """A problem in a text: at which offset, with which code, and what to change."""

    offset: int
    code: str
    message: str


class TextFaults(Exception):
    """A text with problems: all that were found."""

    def __init__(self, *faults: TextFault) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.message for fault in faults))


def raise_if_any(faults: Iterable[TextFault]) -> None:
    """Raise TextFaults where there are any; one that is found twice counts once."""
    if distinct := tuple(dict.fromkeys(faults)):
        raise TextFaults(*distinct)
