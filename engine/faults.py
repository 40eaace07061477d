"""Problems at an offset of a text, such as an expression, a template or a whole file.

What is wrong at a position of a file is a Diagnostic: a fault becomes one when its text's place is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class TextFault(NamedTuple):
    """A problem in a text: its offset, its code, and a message that says what to change."""

    offset: int
    code: str
    message: str


class TextFaults(Exception):
    """A text with problems, which are all given."""

    def __init__(self, *faults: TextFault) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.message for fault in faults))


def raise_if_any(faults: Iterable[TextFault]) -> None:
    """Raise TextFaults for one fault or more; equal ones count once."""
    if distinct := tuple(dict.fromkeys(faults)):
        raise TextFaults(*distinct)
