"""The stand-in for Meta: ad accounts, insights at once or as a report, token exchange."""

from __future__ import annotations

import re
from dataclasses import replace

from demo.providers.accounts import AdAccount
from demo.providers.graph import graph_errors
from demo.providers.graph.graph import EXCHANGE, GraphStandIn, split_names
from demo.providers.graph.meta_insights import InsightsRequest
from demo.providers.graph.meta_runs import ReportRuns
from demo.providers.tokens import Grant, Tokens
from demo.providers.wire import ErrorResponse, StandInRequest, StandInResponse
from demo.providers.world import ProviderWorld

ACCOUNT = re.compile(r"/(act_\d+)(/insights)?")
# A report or a campaign.
NODE = re.compile(r"/(\d+)(/insights)?")
MIN_VERSION = 23


class MetaStandIn(GraphStandIn):
    """A server of the Marketing API; `runs` are its asynchronous reports."""

    name = "Meta"
    token_paths = frozenset({EXCHANGE})

    def __init__(self, world: ProviderWorld, *, port: int = 0, latency: float = 0.0, most_rows: int = 500) -> None:
        super().__init__(world, port=port, latency=latency, most_rows=most_rows)
        self.runs = ReportRuns()

    @property
    def tokens(self) -> Tokens:
        return self.world.meta

    def find_account_id(self, path: str) -> str:
        if match := ACCOUNT.fullmatch(path):
            return match[1]
        match = NODE.fullmatch(path)
        run = self.runs.find(match[1]) if match else None
        if run is not None:
            return run.insights.account.id
        owner = self.world.find_owner_of_campaign(match[1]) if match else None
        return "" if owner is None else owner

    def read_node(self, request: StandInRequest, path: str, grant: Grant) -> StandInResponse:
        version = re.match(r"/v(\d+)\.", request.path)
        if version is None or int(version[1]) < MIN_VERSION:
            message = "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version"
            raise ErrorResponse(graph_errors.build_error(2635, message))
        account = self._find_account(path, grant)
        answer = (
            self._read_account(request, path, account)
            if ACCOUNT.fullmatch(path)
            else self._read_node(request, path, account)
        )
        return replace(answer, headers=graph_errors.build_usage_headers(account.id))

    def _find_account(self, path: str, grant: Grant) -> AdAccount:
        account = self.world.ad_accounts.get(self.find_account_id(path))
        if account is None:
            raise ErrorResponse(graph_errors.build_missing_object(path.split("/")[1]))
        if account.id not in grant.accounts:
            raise ErrorResponse(graph_errors.build_error(200, graph_errors.PERMISSIONS[200]))
        return account

    def _read_account(self, request: StandInRequest, path: str, account: AdAccount) -> StandInResponse:
        if not path.endswith("/insights"):
            return StandInResponse.json(_describe_account(account, split_names(request.fields, "fields")))
        at_once = request.method == "GET"
        insights = InsightsRequest(account, request.fields, self.world.now(), at_once=at_once)
        if not at_once:
            return StandInResponse.json({"report_run_id": self.runs.start(insights, self.world.now()).id})
        return StandInResponse.json(self.build_page(insights.build_rows(), request, self._find_token(request)))

    def _read_node(self, request: StandInRequest, path: str, account: AdAccount) -> StandInResponse:
        """Answer for a report, or for the insights of a campaign, whatever its status."""
        node = path.split("/")[1]
        run = self.runs.find(node)
        if request.method != "GET" or (run is None and not path.endswith("/insights")):
            raise ErrorResponse(graph_errors.build_missing_object(node))
        if run is None:
            insights = InsightsRequest(account, request.fields, self.world.now(), at_once=True, campaign=node)
            return StandInResponse.json(self.build_page(insights.build_rows(), request, self._find_token(request)))
        if not path.endswith("/insights"):
            return StandInResponse.json(run.poll(self.world.now()))
        if run.rows is None:
            message = "Loading async insights report error: the report is not ready. Please try again later."
            raise ErrorResponse(graph_errors.build_error(2601, message, 1815107, transient=True))
        return StandInResponse.json(self.build_page(run.rows, request, self._find_token(request)))

    def _find_token(self, request: StandInRequest) -> str | None:
        return self.identify_subject(request).token

    def exchange_token(self, request: StandInRequest) -> StandInResponse:
        return self.exchange_facebook_token(request)


def _describe_account(account: AdAccount, fields: list[str]) -> dict[str, object]:
    values = {
        "account_id": account.id.removeprefix("act_"),
        "account_status": 1,
        "currency": account.currency,
        "id": account.id,
        "name": account.name,
        "timezone_name": account.zone,
    }
    for name in fields:
        if name not in values:
            message = f"Tried accessing nonexisting field ({name}) on node type (AdAccount)"
            raise ErrorResponse(graph_errors.build_invalid_parameter(message))
    return (
        {name: values[name] for name in dict.fromkeys([*fields, "id"])}
        if fields
        else {name: values[name] for name in ("account_id", "id")}
    )
