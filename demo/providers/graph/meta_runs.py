"""Meta's asynchronous reports: requested, polled, and read once they are complete."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from demo.providers.graph.graph import Json
from demo.providers.graph.meta_insights import InsightsRequest

REPORT_ERROR = {
    "error_code": 2601,
    "error_subcode": 1815107,
    "error_message": "The report could not be made. Please try again.",
    "error_user_title": "Report unavailable",
    "error_user_msg": "Your report could not be made. Ask for a shorter one.",
}

End = Literal["Job Completed", "Job Failed", "Job Skipped", "never"]


@dataclass(slots=True)
class ReportRun:
    """An asynchronous report; each poll advances it by a step."""

    id: str
    insights: InsightsRequest
    started_at: datetime
    end: End
    polls: int
    error: Json
    poll_count: int = 0
    ended_at: datetime | None = None
    _rows: list[Json] = field(default_factory=list)

    def poll(self, now: datetime) -> Json:
        """Advance the report and return its node's content."""
        self.poll_count += 1
        status, percent = self._get_status()
        if status == "Job Completed" and self.ended_at is None:
            self.ended_at = now
            self._rows = self.insights.build_rows()
        content: Json = {
            "id": self.id,
            "account_id": self.insights.account.id.removeprefix("act_"),
            "time_ref": int(self.started_at.timestamp()),
            "async_status": status,
            "async_percent_completion": percent,
            "date_start": self.insights.first.isoformat(),
            "date_stop": self.insights.last.isoformat(),
        }
        if self.ended_at is not None:
            content["time_completed"] = int(self.ended_at.timestamp())
        if status == "Job Failed":
            content |= self.error
        return content

    def _get_status(self) -> tuple[str, int]:
        if self.poll_count > self.polls and self.end != "never":
            # A failed report keeps the percentage at which it stopped.
            return self.end, 100 if self.end == "Job Completed" else 62
        if self.poll_count == 1:
            return "Job Not Started", 0
        if self.poll_count == 2:
            return "Job Started", 0
        return "Job Running", min(99, 100 * (self.poll_count - 1) // (self.polls + 1))

    @property
    def rows(self) -> list[Json] | None:
        """The rows at the time of completion; None before."""
        return None if self.ended_at is None else self._rows


class ReportRuns:
    """The reports of a stand-in; `polls` is the number of polls that find one unfinished.

    `error` is the reason of those that fail.
    """

    def __init__(self, polls: int = 2) -> None:
        self.polls = polls
        self.error: Json = REPORT_ERROR
        self._runs: dict[str, ReportRun] = {}
        self._ends: deque[End] = deque()

    def end_with(self, *ends: End) -> None:
        """Set the ends of the next reports, in order of request; later ones complete."""
        self._ends.extend(ends)

    def start(self, insights: InsightsRequest, now: datetime) -> ReportRun:
        end = self._ends.popleft() if self._ends else "Job Completed"
        run_id = str(6_023_920_149_000 + len(self._runs))
        run = self._runs[run_id] = ReportRun(run_id, insights, now, end, self.polls, self.error)
        return run

    def find(self, run_id: str) -> ReportRun | None:
        return self._runs.get(run_id)

    def __len__(self) -> int:
        return len(self._runs)
