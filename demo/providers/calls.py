"""The log of a stand-in's calls, and the number of simultaneous ones."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demo.providers.wire import StandInRequest, drop_secrets

# A demo may run for weeks, so its log must not grow without limit.
MAX_CALLS = 100_000


@dataclass(slots=True)
class LoggedCall:
    """A logged call, without secrets.

    `status` and `seconds` are None until it is answered. `account` is "" for a token endpoint. `token_in_query` is true
    if a token was in the query string of a path that takes it from a header.
    """

    number: int
    at: datetime
    method: str
    path: str
    account: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    token_in_query: bool
    status: int | None = None
    seconds: float | None = None
    fault: str | None = None
    started: float = field(default_factory=time.perf_counter)


class CallLog:
    """The calls in order of arrival; written by the server's thread, read by any."""

    def __init__(self) -> None:
        self._calls: deque[LoggedCall] = deque(maxlen=MAX_CALLS)
        self._under_way: Counter[str] = Counter()
        self._peaks: Counter[str] = Counter()
        self._errors: dict[str, list[datetime]] = defaultdict(list)
        self.max_at_once = 0

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[LoggedCall]:
        return iter(list(self._calls))

    def filter_calls(
        self,
        *,
        account: str | None = None,
        path: str | None = None,
        status: int | None = None,
        method: str | None = None,
    ) -> list[LoggedCall]:
        """Return the calls that match all given filters; `path` matches a part of a call's path."""
        return [
            call
            for call in self
            if (account is None or call.account == account)
            and (path is None or path in call.path)
            and (status is None or call.status == status)
            and (method is None or call.method == method)
        ]

    @property
    def leaks(self) -> list[LoggedCall]:
        """The calls with a token in the query string where it is not allowed."""
        return [call for call in self if call.token_in_query]

    def get_peak(self, account: str) -> int:
        """Return the largest number of simultaneous calls for an account."""
        return self._peaks[account]

    @property
    def peaks(self) -> dict[str, int]:
        """The largest number of simultaneous calls, by account."""
        return dict(self._peaks)

    def count_under_way(self, account: str | None = None) -> int:
        """Count the calls that have been read and not yet answered."""
        return self._under_way.total() if account is None else self._under_way[account]

    def count_server_errors(self, account: str, since: datetime) -> int:
        """Count the calls for the account that were answered with a 5xx since then."""
        return sum(at > since for at in self._errors[account])

    def clear(self) -> None:
        """Delete the calls and the peaks; running calls and errors that count for a quota are kept."""
        self._calls.clear()
        self._peaks.clear()
        self.max_at_once = 0

    def begin_call(self, request: StandInRequest, account: str, at: datetime, *, token_in_query: bool) -> LoggedCall:
        """Log a call that was read."""
        sent = request.form or request.json()
        body = drop_secrets(sent) if isinstance(sent, dict) else {}
        query = drop_secrets(request.query)
        call = LoggedCall(len(self._calls) + 1, at, request.method, request.path, account, query, body, token_in_query)
        self._calls.append(call)
        self._under_way[account] += 1
        self._peaks[account] = max(self._peaks[account], self._under_way[account])
        self.max_at_once = max(self.max_at_once, self._under_way.total())
        return call

    def end_call(self, call: LoggedCall) -> None:
        """Log the end of a call."""
        call.seconds = time.perf_counter() - call.started
        self._under_way[call.account] -= 1
        if call.status is not None and call.status >= 500:
            self._errors[call.account].append(call.at)
