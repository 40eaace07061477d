"""GA4's stand-in: the Data API's `runReport`, its quotas, and Google's token endpoint beside it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

from demo.providers.google import google_faults
from demo.providers.google.ga4_report import MOST_ROWS, Report
from demo.providers.google.google_tokens import token_answer
from demo.providers.server import StandIn, Subject
from demo.providers.wire import Answer, Refused, Request
from demo.providers.world import World

RUN_REPORT = re.compile(r"/v1beta/properties/([^/:]+):runReport")
EXCHANGE = "/token"
AT_ONCE = 10
AN_HOUR = timedelta(hours=1)
ERRORS_AN_HOUR = 10
TOKENS_A_DAY = 200_000
TOKENS_AN_HOUR = 40_000
TOKENS_A_PROJECT = 14_000


class GA4StandIn(StandIn):
    """The Data API and the token endpoint.

    A property takes 10 calls at once and, after 10 server errors within an hour, none until the hour is over.
    `most_rows` is the longest page, whatever is asked for.
    """

    name = "GA4"

    def __init__(self, world: World, *, port: int = 0, latency: float = 0.0, most_rows: int = MOST_ROWS) -> None:
        super().__init__(world, port=port, latency=latency)
        self.most_rows = most_rows
        self._reports: Counter[str] = Counter()

    @property
    def token_url(self) -> str:
        """The URL of the token endpoint."""
        return f"{self.url}{EXCHANGE}"

    def subject(self, request: Request) -> Subject:
        asked = RUN_REPORT.fullmatch(request.path)
        leaked = "access_token" in request.query or "refresh_token" in request.query
        token = request.form.get("refresh_token") if request.path == EXCHANGE else request.bearer
        return Subject(asked[1] if asked else "", token, leaked)

    def answer(self, request: Request, subject: Subject) -> Answer:
        if request.path == EXCHANGE and request.method == "POST":
            return token_answer(self.world, request.form, self.token_url)
        if not RUN_REPORT.fullmatch(request.path) or request.method != "POST":
            raise Refused(google_faults.error(404, "NOT_FOUND", "Requested entity was not found."))
        self._authorize(subject)
        self._check_quotas(subject.account)
        account = self.world.properties[subject.account]
        report = Report(account, request.json(), self.world.now(), most_rows=self.most_rows)
        self._reports[account.id] += 1
        content = report.content()
        if report.shows_quota:
            content["propertyQuota"] = self._quota(account.id)
        return Answer.json(content)

    def _authorize(self, subject: Subject) -> None:
        now = self.world.now()
        grant = self.world.google.find(subject.token) if subject.token else None
        if grant is None or grant.expired(now):
            raise Refused(google_faults.refused_token())
        # What does not exist is not told apart from what is forbidden.
        if subject.account not in grant.accounts or subject.account not in self.world.properties:
            raise Refused(google_faults.error(403, "PERMISSION_DENIED", google_faults.PERMISSION_DENIED))

    def _check_quotas(self, account: str) -> None:
        if self.calls.server_errors(account, self.world.now() - AN_HOUR) >= ERRORS_AN_HOUR:
            raise Refused(google_faults.error(429, "RESOURCE_EXHAUSTED", google_faults.SERVER_ERRORS))
        if self.calls.under_way(account) > AT_ONCE:
            raise Refused(google_faults.error(429, "RESOURCE_EXHAUSTED", google_faults.TOO_MANY_AT_ONCE))

    def _quota(self, account: str) -> dict[str, dict[str, int]]:
        used = self._reports[account]
        return {
            "tokensPerDay": {"consumed": 1, "remaining": max(0, TOKENS_A_DAY - used)},
            "tokensPerHour": {"consumed": 1, "remaining": max(0, TOKENS_AN_HOUR - used)},
            "concurrentRequests": {"remaining": AT_ONCE - self.calls.under_way(account)},
            "serverErrorsPerProjectPerHour": {
                "remaining": ERRORS_AN_HOUR - self.calls.server_errors(account, self.world.now() - AN_HOUR)
            },
            "potentiallyThresholdedRequestsPerHour": {"remaining": 120},
            "tokensPerProjectPerHour": {"consumed": 1, "remaining": max(0, TOKENS_A_PROJECT - used)},
        }
