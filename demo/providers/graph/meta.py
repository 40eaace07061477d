"""Meta's stand-in: ad accounts, their insights at once or as an asynchronous report, and longer-lived tokens."""

from __future__ import annotations

import re
from dataclasses import replace

from demo.providers.accounts import AdAccount
from demo.providers.graph import graph_faults
from demo.providers.graph.graph import GraphStandIn, names
from demo.providers.graph.meta_insights import Insights
from demo.providers.graph.meta_runs import Runs
from demo.providers.tokens import SIXTY_DAYS, Grant, Tokens
from demo.providers.wire import Answer, Refused, Request
from demo.providers.world import World

EXCHANGE = "/oauth/access_token"
ACCOUNT = re.compile(r"/(act_\d+)(/insights)?")
RUN = re.compile(r"/(\d+)(/insights)?")
OLDEST_VERSION = 23


class MetaStandIn(GraphStandIn):
    """The Marketing API. `runs` are its asynchronous reports."""

    name = "Meta"
    token_paths = frozenset({EXCHANGE})

    def __init__(self, world: World, *, port: int = 0, latency: float = 0.0, most_rows: int = 500) -> None:
        super().__init__(world, port=port, latency=latency, most_rows=most_rows)
        self.runs = Runs()

    @property
    def tokens(self) -> Tokens:
        return self.world.meta

    def account_of(self, path: str) -> str:
        if asked := ACCOUNT.fullmatch(path):
            return asked[1]
        run = self.runs.find(asked[1]) if (asked := RUN.fullmatch(path)) else None
        return run.insights.account.id if run is not None else ""

    def node(self, request: Request, path: str, grant: Grant) -> Answer:
        version = re.match(r"/v(\d+)\.", request.path)
        if version is None or int(version[1]) < OLDEST_VERSION:
            message = "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version"
            raise Refused(graph_faults.error(2635, message))
        account = self._account(path, grant)
        answer = self._of_account(request, path, account) if ACCOUNT.fullmatch(path) else self._of_run(request, path)
        return replace(answer, headers=graph_faults.usage(account.id))

    def _account(self, path: str, grant: Grant) -> AdAccount:
        account = self.world.ad_accounts.get(self.account_of(path))
        if account is None:
            raise Refused(graph_faults.missing(path.split("/")[1]))
        if account.id not in grant.accounts:
            raise Refused(graph_faults.error(200, graph_faults.PERMISSIONS[200]))
        return account

    def _of_account(self, request: Request, path: str, account: AdAccount) -> Answer:
        if not path.endswith("/insights"):
            return Answer.json(_described(account, names(request.fields, "fields")))
        at_once = request.method == "GET"
        insights = Insights(account, request.fields, self.world.now(), at_once=at_once)
        if not at_once:
            return Answer.json({"report_run_id": self.runs.start(insights, self.world.now()).id})
        return Answer.json(self.page(insights.rows(), request, self._token(request)))

    def _of_run(self, request: Request, path: str) -> Answer:
        run = self.runs.find(path.split("/")[1])
        if run is None or request.method != "GET":
            raise Refused(graph_faults.missing(path.split("/")[1]))
        if not path.endswith("/insights"):
            return Answer.json(run.poll(self.world.now()))
        if run.rows is None:
            message = "Loading async insights report error: the report is not ready. Please try again later."
            raise Refused(graph_faults.error(2601, message, 1815107, transient=True))
        return Answer.json(self.page(run.rows, request, self._token(request)))

    def _token(self, request: Request) -> str | None:
        return self.subject(request).token

    def exchange(self, request: Request) -> Answer:
        fields = request.fields
        secret = self.world.apps.get(fields.get("client_id", ""))
        if secret is None:
            raise Refused(graph_faults.error(101, "Error validating application. Invalid application ID."))
        if secret != fields.get("client_secret"):
            raise Refused(graph_faults.error(1, "Error validating client secret.", status=400))
        if fields.get("grant_type") != "fb_exchange_token":
            raise Refused(graph_faults.invalid("Invalid grant_type: only fb_exchange_token is known here"))
        old = self.granted(fields.get("fb_exchange_token"))
        token = self.tokens.renew(old, SIXTY_DAYS)
        content = {"access_token": token, "token_type": "bearer", "expires_in": int(SIXTY_DAYS.total_seconds()) - 56}
        return Answer.json(content)


def _described(account: AdAccount, fields: list[str]) -> dict[str, object]:
    known = {
        "account_id": account.id.removeprefix("act_"),
        "account_status": 1,
        "currency": account.currency,
        "id": account.id,
        "name": account.name,
        "timezone_name": account.zone,
    }
    for name in fields:
        if name not in known:
            message = f"Tried accessing nonexisting field ({name}) on node type (AdAccount)"
            raise Refused(graph_faults.invalid(message))
    return (
        {name: known[name] for name in dict.fromkeys([*fields, "id"])}
        if fields
        else {name: known[name] for name in ("account_id", "id")}
    )
