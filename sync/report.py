"""The results of a job by account: the API's JSON, the job's progress and its status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import Window
from state.data_notes import OTHER_ROW, SAMPLED, THRESHOLDED, TRUNCATED

QUEUED, RUNNING = "queued", "running"
SUCCEEDED, PARTIAL, FAILED = "succeeded", "partial", "failed"
# The status of an external account, whose rows come from elsewhere.
SKIPPED = "skipped"
CANCELLED = "cancelled"

# What is known against some days, to be completed by their table and dates.
NOTE_TEXTS = {
    SAMPLED: "the provider estimated these days from a sample",
    THRESHOLDED: "the provider leaves out rows of few people",
    TRUNCATED: "the provider does not answer for all of these days; what was loaded of them before stays",
    OTHER_ROW: "the provider folds rare members into (other)",
}
NOTHING_TO_READ = "no connected account has credentials to read it with, so there was nothing to sync"


@dataclass(slots=True)
class AccountReport:
    """The result of one account.

    `rows` is the number restated so far, `error` is for its user, `skipped` counts what was left out by reason.
    `remarks` are sentences for the user, in order, and `notes` the days that have one, by table and code.
    `waiting` is how much of its reading waits for a place at this moment.
    """

    status: str = QUEUED
    rows: int = 0
    error: str | None = None
    skipped: dict[str, int] = field(default_factory=dict)
    fraction: float = 0.0
    waiting: int = 0
    remarks: dict[str, None] = field(default_factory=dict)
    notes: dict[tuple[str, str], Window] = field(default_factory=dict)

    def add_note(self, table: str, code: str, days: Window) -> None:
        """Add days that are noted; the report tells only the first and the last of a table."""
        before = self.notes.get((table, code), days)
        self.notes[table, code] = Window(min(before.start, days.start), max(before.end, days.end))

    def as_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "rows": self.rows,
            "error": self.error,
            "skipped": dict(self.skipped),
            "notes": [*self.remarks, *(format_note(*key, days) for key, days in self.notes.items())],
        }


class JobReport:
    """The results of a job's accounts, by source and id; those that succeeded `before` are kept."""

    def __init__(self, accounts: Iterable[tuple[str, str]], before: Mapping[str, Any] | None = None) -> None:
        self.accounts = {key: restore_report(before or {}, *key) for key in accounts}

    def as_json(self) -> dict[str, Any]:
        """Return `{source: {"status", "rows", "error", "accounts"}}`, the accounts' reports by id."""
        return {
            source: self.summarize_source(source) for source in dict.fromkeys(source for source, _ in self.accounts)
        }

    def summarize_source(self, source: str) -> dict[str, Any]:
        own = {account: report for (of, account), report in self.accounts.items() if of == source}
        faults = [(account, report.error) for account, report in own.items() if report.error]
        error = None
        if faults:
            account, text = faults[0]
            error = text if len(own) == 1 else f"account {account}: {text}"
        return {
            "status": combine_statuses([report.status for report in own.values()]),
            "rows": sum(report.rows for report in own.values()),
            "error": error,
            "accounts": {account: report.as_json() for account, report in own.items()},
        }

    @property
    def progress(self) -> float:
        """The finished share of the job, 0 to 1; each account counts the same."""
        read = [report for report in self.accounts.values() if report.status != SKIPPED]
        return sum(1.0 if has_ended(report.status) else report.fraction for report in read) / len(read) if read else 1.0

    @property
    def is_waiting(self) -> bool:
        """Whether all that is still to be read waits for a place."""
        unfinished = [report for report in self.accounts.values() if not has_ended(report.status)]
        return bool(unfinished) and all(report.waiting for report in unfinished)

    @property
    def status(self) -> str:
        """`succeeded`, `partial` or `failed`, once every account has ended."""
        statuses = [report.status for report in self.accounts.values() if report.status != SKIPPED]
        return combine_statuses(statuses) if statuses else SUCCEEDED

    @property
    def detail(self) -> str | None:
        """A message about the whole job, or None."""
        is_empty = all(report.status == SKIPPED for report in self.accounts.values())
        return NOTHING_TO_READ if is_empty else None

    def end_accounts(self, status: str, error: str | None = None) -> None:
        """End every account that has not ended."""
        for report in self.accounts.values():
            if not has_ended(report.status):
                report.status, report.error = status, error


def has_ended(status: str) -> bool:
    return status not in (QUEUED, RUNNING)


def restore_report(before: Mapping[str, Any], source: str, account: str) -> AccountReport:
    """Restore an account's result if an earlier attempt succeeded; otherwise begin anew."""
    report = before.get(source, {}).get("accounts", {}).get(account, {})
    if report.get("status") != SUCCEEDED:
        return AccountReport()
    remarks = dict.fromkeys(report.get("notes", ()))
    return AccountReport(SUCCEEDED, report["rows"], None, dict(report["skipped"]), 1.0, remarks=remarks)


def format_note(table: str, code: str, days: Window) -> str:
    """Format a note as a sentence."""
    span = days.start.isoformat() if days.days == 1 else f"{days.start} to {days.end}"
    return f"{table}, {span}: {NOTE_TEXTS.get(code, code)}"


def combine_statuses(statuses: Iterable[str]) -> str:
    """Combine the statuses of several accounts into one."""
    read = set(statuses) - {SKIPPED}
    if len(read) <= 1:
        return next(iter(read), SKIPPED)
    if read & {QUEUED, RUNNING}:
        return RUNNING
    if CANCELLED in read:
        return CANCELLED
    return PARTIAL
