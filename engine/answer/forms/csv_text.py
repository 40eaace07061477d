"""Columns → CSV, which a spreadsheet opens without computing anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from engine.answer.forms.columns import AnswerColumn

# A spreadsheet takes a text that begins with one of these for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
CONTROL_CHARACTERS = ("\t", "\r", "\n")


def write_csv(columns: Sequence[AnswerColumn]) -> bytes:
    """Write a line of names and a line for each row; a missing value is empty."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([guard_cell(column.name) for column in columns])
    writer.writerows(zip(*(map(guard_cell, column.cells) for column in columns), strict=True))
    return output.getvalue().encode()


def guard_cell(cell: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would compute."""
    if isinstance(cell, str) and (cell.startswith(CONTROL_CHARACTERS) or cell.lstrip().startswith(FORMULA_SIGNS)):
        return f"'{cell}"
    return cell
