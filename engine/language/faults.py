"""What is wrong in a text, and at which offset of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """A problem in a text: at which offset, with which code, and what to change."""

    offset: int
    code: str
    message: str


class Faults(Exception):
    """A text with problems: all that were found."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.message for fault in faults))


def raise_if_any(faults: Iterable[Fault]) -> None:
    if found := tuple(dict.fromkeys(faults)):
        raise Faults(*found)
