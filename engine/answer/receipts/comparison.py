"""Two receipts → whether the number is still that, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.answer.receipts.receipt import Receipt

# Fields that say what is asked, with what is to be told where they differ.
ASKED = {
    "comparison": "it is compared with another period",
    "grain": "it is asked in other buckets",
    "sources": "other sources are connected or switched on",
    "filters": "other filters apply",
    "others": "other parameters of the widget's own are given, such as `by` or `limit`",
}


@dataclass(frozen=True, slots=True)
class ReceiptChange:
    """One thing that differs between two receipts."""

    what: str
    detail: str


def is_same_number(before: Receipt, now: Receipt) -> bool:
    """Whether the answer to the same question has the same numbers."""
    asked = (*ASKED, "start", "end")
    is_same_question = all(getattr(before.question, name) == getattr(now.question, name) for name in asked)
    return is_same_question and before.numbers == now.numbers


def list_changes(before: Receipt, now: Receipt) -> list[ReceiptChange]:
    """List what differs; that rows were restated is said where nothing else explains other numbers."""
    changes = []
    asked_before, asked_now = before.question, now.question
    if asked_before.definition != asked_now.definition:
        changes.append(ReceiptChange("definition", "the metric, its table or its operands are defined otherwise"))
    if before.window != now.window:
        detail = f"the days are {format_window(now)}; they were {format_window(before)}"
        changes.append(ReceiptChange("window", detail))
    changes += [
        ReceiptChange(name if name != "others" else "parameters", detail)
        for name, detail in ASKED.items()
        if getattr(asked_before, name) != getattr(asked_now, name)
    ]
    is_explained = bool(changes)
    if before.through != now.through:
        detail = f"the data is known {format_through(now)}; it was known {format_through(before)}"
        changes.append(ReceiptChange("extent", detail))
    if before.numbers != now.numbers and not is_explained:
        changes.append(ReceiptChange("rows", "rows of these days were added, restated or deleted"))
    if before.data_version != now.data_version:
        changes.append(ReceiptChange("data", "the user's data has been written since, by a sync or a load"))
    if asked_before.program != asked_now.program:
        detail = "another version of the program has written the SQL, or for another kind of database"
        changes.append(ReceiptChange("statement", detail))
    return changes


def format_window(receipt: Receipt) -> str:
    start, end = receipt.window
    return f"{start} to {end}"


def format_through(receipt: Receipt) -> str:
    return f"up to {date.fromordinal(receipt.through)}" if receipt.through else "for none of these days"
