"""The stand-in for GA4: the Data API's `runReport`, its quotas, and Google's token endpoint."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

from demo.providers.google import google_errors
from demo.providers.google.ga4_report import MAX_ROWS, Ga4Report
from demo.providers.google.google_tokens import exchange_token
from demo.providers.server import CallSubject, StandIn
from demo.providers.wire import ErrorResponse, StandInRequest, StandInResponse
from demo.providers.world import ProviderWorld

RUN_REPORT = re.compile(r"/v1beta/properties/([^/:]+):runReport")
EXCHANGE = "/token"
MAX_CONCURRENT_CALLS = 10
AN_HOUR = timedelta(hours=1)
MAX_ERRORS_PER_HOUR = 10
MAX_TOKENS_PER_DAY = 200_000
MAX_TOKENS_PER_HOUR = 40_000
MAX_TOKENS_PER_PROJECT = 14_000


class GA4StandIn(StandIn):
    """A server of the Data API and the token endpoint.

    A property accepts 10 calls at once and, after 10 server errors within an hour, none until the hour is over.
    `most_rows` limits a page, whatever the request's limit.
    """

    name = "GA4"

    def __init__(self, world: ProviderWorld, *, port: int = 0, latency: float = 0.0, most_rows: int = MAX_ROWS) -> None:
        super().__init__(world, port=port, latency=latency)
        self.most_rows = most_rows
        self._reports: Counter[str] = Counter()

    @property
    def token_url(self) -> str:
        """The URL of the token endpoint."""
        return f"{self.url}{EXCHANGE}"

    def identify_subject(self, request: StandInRequest) -> CallSubject:
        match = RUN_REPORT.fullmatch(request.path)
        leaked = "access_token" in request.query or "refresh_token" in request.query
        token = request.form.get("refresh_token") if request.path == EXCHANGE else request.bearer
        return CallSubject(match[1] if match else "", token, leaked)

    def respond(self, request: StandInRequest, subject: CallSubject) -> StandInResponse:
        if request.path == EXCHANGE and request.method == "POST":
            return exchange_token(self.world, request.form, self.token_url)
        if not RUN_REPORT.fullmatch(request.path) or request.method != "POST":
            raise ErrorResponse(google_errors.build_error(404, "NOT_FOUND", "Requested entity was not found."))
        self._authorize(subject)
        self._check_quotas(subject.account)
        account = self.world.properties[subject.account]
        report = Ga4Report(account, request.json(), self.world.now(), most_rows=self.most_rows)
        self._reports[account.id] += 1
        content = report.build_content()
        if report.shows_quota:
            content["propertyQuota"] = self._build_quota(account.id)
        return StandInResponse.json(content)

    def _authorize(self, subject: CallSubject) -> None:
        now = self.world.now()
        grant = self.world.google.find(subject.token) if subject.token else None
        if grant is None or grant.is_expired(now):
            raise ErrorResponse(google_errors.build_refused_token())
        # Like Google, answer the same for a property that does not exist as for a forbidden one.
        if subject.account not in grant.accounts or subject.account not in self.world.properties:
            raise ErrorResponse(google_errors.build_error(403, "PERMISSION_DENIED", google_errors.PERMISSION_DENIED))

    def _check_quotas(self, account: str) -> None:
        if self.calls.count_server_errors(account, self.world.now() - AN_HOUR) >= MAX_ERRORS_PER_HOUR:
            raise ErrorResponse(google_errors.build_error(429, "RESOURCE_EXHAUSTED", google_errors.SERVER_ERRORS))
        if self.calls.count_under_way(account) > MAX_CONCURRENT_CALLS:
            raise ErrorResponse(google_errors.build_error(429, "RESOURCE_EXHAUSTED", google_errors.TOO_MANY_AT_ONCE))

    def _build_quota(self, account: str) -> dict[str, dict[str, int]]:
        used = self._reports[account]
        return {
            "tokensPerDay": {"consumed": 1, "remaining": max(0, MAX_TOKENS_PER_DAY - used)},
            "tokensPerHour": {"consumed": 1, "remaining": max(0, MAX_TOKENS_PER_HOUR - used)},
            "concurrentRequests": {"remaining": MAX_CONCURRENT_CALLS - self.calls.count_under_way(account)},
            "serverErrorsPerProjectPerHour": {
                "remaining": MAX_ERRORS_PER_HOUR - self.calls.count_server_errors(account, self.world.now() - AN_HOUR)
            },
            "potentiallyThresholdedRequestsPerHour": {"remaining": 120},
            "tokensPerProjectPerHour": {"consumed": 1, "remaining": max(0, MAX_TOKENS_PER_PROJECT - used)},
        }
