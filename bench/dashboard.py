"""A dashboard of nine widgets with comparison: ours, and the handlers that most would write, in turns.

    python -m bench.dashboard

A usual handler opens a session and runs four statements, the days and the total of both windows, which makes 36 for
nine widgets. Each dashboard that is asked for is of other days or of another tenant: nobody has an answer of it.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.request import Request as Sent
from urllib.request import urlopen

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import Column, Date, MetaData, String, Table, create_engine, literal_column, select
from sqlalchemy.orm import Session, sessionmaker

from bench.caching import NINE
from bench.engine import DAYS, LAST, make_tenant
from bench.http import (
    PAGE,
    WINDOW,
    Requests,
    format_ratios,
    read_cpu_seconds,
    run_ours,
    run_peer,
    share_cores,
    write_section,
)
from bench.http_load import send_load
from bench.http_peers import UserId, get_user, open_session
from bench.scale import run_postgres, settle_table
from demo.history import generate_history
from demo.tenants import EVERYTHING
from engine import Warehouse, load_catalog
from runtime.shipped import get_shipped_folder
from state import State

TENANTS = 20
ROUNDS = 6
SECONDS = 2.0
SECTION = "## A dashboard of nine widgets"
AIM = 0.2
USUAL, BATCH, AT_ONCE = "the usual handlers, 36 statements", "ours as one batch", "ours as nine requests at once"


@dataclass(frozen=True, slots=True)
class UsualWidget:
    """What a usual handler reads: expressions of a table, for each member of a column if `by` names one."""

    table: str
    values: Mapping[str, str]
    by: str | None = None
    day: str = "date"


WIDGETS = {
    "ga4.users": UsualWidget("ga4_daily", {"Users": "sum(users)"}),
    "ga4.sessions": UsualWidget("ga4_daily", {"Sessions": "sum(sessions)"}),
    "ga4.conv_rate": UsualWidget("ga4_daily", {"Rate": "1.0 * sum(converting_sessions) / sum(sessions)"}),
    "ga4.traffic_channels": UsualWidget("ga4_channels_daily", {"Sessions": "sum(sessions)"}, by="channel"),
    "meta.roas": UsualWidget("meta_ads_daily", {"ROAS": "sum(conversion_value) / sum(spend)"}),
    "meta.cost_metrics": UsualWidget(
        "meta_ads_daily",
        {
            "CPC": "sum(spend) / nullif(sum(clicks), 0)",
            "CPM": "1000 * sum(spend) / nullif(sum(impressions), 0)",
            "CPA": "sum(spend) / nullif(sum(conversions), 0)",
        },
    ),
    "ig.engagement_rate": UsualWidget("ig_account_daily", {"Rate": "1.0 * sum(interactions) / nullif(sum(reach), 0)"}),
    # Without the list of its posts, which would be a fifth statement.
    "ig.content_perf": UsualWidget(
        "ig_media", {"Interactions": "sum(interactions)", "Reach": "sum(reach)"}, day="posted_on"
    ),
}
CORRELATED = (
    UsualWidget("meta_ads_daily", {"Spend": "sum(spend)"}),
    UsualWidget("ga4_daily", {"Sessions": "sum(sessions)"}),
)


class UsualRow(BaseModel):
    """A day's value of a series, or a total where `t` is none."""

    t: date | None
    name: str
    v: float | None


class UsualSeries(BaseModel):
    """The usual answer: the days and the totals of both windows."""

    points: list[UsualRow]
    comparison: list[UsualRow]
    totals: list[UsualRow]
    previous: list[UsualRow]


class UsualCorrelation(BaseModel):
    """The usual answer of two series beside each other."""

    points: list[UsualRow]
    comparison: list[UsualRow]
    r: float | None
    previous: float | None


@dataclass(frozen=True, slots=True)
class Reader:
    """Runs the statements of a widget for one user."""

    session: Session
    tables: Mapping[str, Table]
    user: str

    def list_rows(self, widget: UsualWidget, first: date, last: date, *, daily: bool) -> list[UsualRow]:
        """List a row for each value of each day and member; without days, of the whole window."""
        table = self.tables[widget.table]
        day = table.c[widget.day]
        heads = ([day] if daily else []) + ([table.c[widget.by]] if widget.by else [])
        statement = (
            select(*heads, *map(literal_column, widget.values.values()))
            .where(table.c.user_id == self.user, day.between(first, last))
            .group_by(*heads)
            .order_by(*heads)
        )
        return [
            UsualRow(t=found[0] if daily else None, name=found[len(heads) - 1] if widget.by else name, v=value)
            for found in self.session.execute(statement)
            for name, value in zip(widget.values, found[len(heads) :], strict=True)
        ]

    def read_widget(self, widget: UsualWidget, start: date, end: date) -> UsualSeries:
        before, eve = start - (end - start) - timedelta(days=1), start - timedelta(days=1)
        return UsualSeries(
            points=self.list_rows(widget, start, end, daily=True),
            comparison=self.list_rows(widget, before, eve, daily=True),
            totals=self.list_rows(widget, start, end, daily=False),
            previous=self.list_rows(widget, before, eve, daily=False),
        )

    def read_correlation(self, start: date, end: date) -> UsualCorrelation:
        before, eve = start - (end - start) - timedelta(days=1), start - timedelta(days=1)
        now, then = (
            [self.list_rows(each, *window, daily=True) for each in CORRELATED]
            for window in ((start, end), (before, eve))
        )
        return UsualCorrelation(
            points=now[0] + now[1], comparison=then[0] + then[1], r=correlate(*now), previous=correlate(*then)
        )


def correlate(left: list[UsualRow], right: list[UsualRow]) -> float | None:
    """Correlate two series; a day that one of them lacks has 0, as both are sums."""
    days = {row.t for row in left + right}
    others = [{row.t: row.v or 0 for row in rows} for rows in (left, right)]
    pairs = [tuple(each.get(day, 0) for each in others) for day in days]
    return statistics.correlation(*zip(*pairs, strict=True)) if len(pairs) > 1 else None


def make_usual_dashboard() -> FastAPI:
    """Make what most would write for the nine widgets."""
    engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
    app = FastAPI()
    app.state.sessions = sessionmaker(engine)
    metadata = MetaData()
    tables = {
        widget.table: Table(
            widget.table,
            metadata,
            Column("user_id", UserId),
            Column(widget.day, Date),
            *([Column(widget.by, String)] if widget.by else []),
        )
        for widget in {each.table: each for each in WIDGETS.values()}.values()
    }

    @app.get("/v1/widgets/corr.spend_vs_sessions", response_model=UsualCorrelation)
    def correlation(
        start: date,
        end: date,
        session: Annotated[Session, Depends(open_session)],
        user: Annotated[str, Depends(get_user)],
    ) -> UsualCorrelation:
        return Reader(session, tables, user).read_correlation(start, end)

    @app.get("/v1/widgets/{key}", response_model=UsualSeries)
    def widget(
        key: str,
        start: date,
        end: date,
        session: Annotated[Session, Depends(open_session)],
        user: Annotated[str, Depends(get_user)],
    ) -> UsualSeries:
        if key not in WIDGETS:
            raise HTTPException(404)
        return Reader(session, tables, user).read_widget(WIDGETS[key], start, end)

    return app


class Dashboards(Requests):
    """The requests of dashboards as bytes, each of other days or of another tenant."""

    def pick_window(self, number: int) -> tuple[str, date, date]:
        """Pick the token and the days of a dashboard."""
        tenant, end = self.pick(number)
        return self.tokens[tenant], end - WINDOW, end

    def make_batch(self, number: int) -> bytes:
        token, start, end = self.pick_window(number)
        period = {"start": str(start), "end": str(end), "compare": "previous_period"}
        return build_request("POST /v1/widgets/batch", token, json.dumps({"keys": NINE, **period}))

    def make_single(self, number: int) -> bytes:
        """Make one of the nine requests of a dashboard."""
        dashboard, widget = divmod(number, len(NINE))
        token, start, end = self.pick_window(dashboard)
        return build_request(f"GET /v1/widgets/{NINE[widget]}?start={start}&end={end}&compare=previous_period", token)


def build_request(target: str, token: str, body: str = "") -> bytes:
    head = f"{target} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
    content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{head}{content}\r\n{body}".encode()


def main() -> None:
    figures = {}
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        cores = share_cores()
        urls = {
            "SQLite": f"sqlite:///{folder / 'dashboard.db'}",
            "PostgreSQL": opened.enter_context(run_postgres()),
        }
        for name, url in urls.items():
            secret = secrets.token_urlsafe(48)
            environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url, "JWT_SECRET": secret}
            environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
            fill_database(url)
            figures[name] = measure_dashboards(environment, Dashboards.sign(secret, TENANTS), cores)
    text = render_section(figures)
    print(text)
    write_section(PAGE, SECTION, text)


def fill_database(url: str) -> None:
    """Give each tenant two years of all three sources."""
    catalog = load_catalog(get_shipped_folder())
    warehouse, state = Warehouse(url), State.open(url)
    warehouse.create_tables(catalog.tables.values())
    history = generate_history(EVERYTHING, until=LAST, days=DAYS)
    for number in range(TENANTS):
        tenant = make_tenant(number)
        for name, rows in history.items():
            warehouse.upsert(catalog.tables[name], ({**row, "user_id": tenant} for row in rows))
        for account in EVERYTHING.accounts:
            state.connections.put(tenant, account.source, account.id)
    for name in history:
        settle_table(warehouse, catalog.tables[name])
    warehouse.close()
    state.close()


# Of each subject: a round's seconds of the processor a dashboard, and dashboards a second.
Figures = dict[str, list[tuple[float, float]]]


def measure_dashboards(environment: Mapping[str, str], dashboards: Dashboards, cores: frozenset[int]) -> Figures:
    """Ask for dashboards in turns, after both have answered the same."""
    figures: Figures = {USUAL: [], BATCH: [], AT_ONCE: []}
    with ExitStack() as opened:
        ours = opened.enter_context(run_ours(environment, cores))
        usual = opened.enter_context(run_peer("bench.dashboard:make_usual_dashboard", environment, cores))
        compare_answers(ours[0], usual[0], dashboards)
        nine = len(NINE)
        subjects = {
            USUAL: (*usual, dashboards.make_single, nine),
            BATCH: (*ours, dashboards.make_batch, 1),
            AT_ONCE: (*ours, dashboards.make_single, nine),
        }
        # Ours have a cache: no two of their dashboards may be the same.
        asked = dict.fromkeys(subjects, 0) | {AT_ONCE: len(dashboards.order) // 2}
        for turn in range(ROUNDS + 1):
            for name, (port, process, make, requests) in subjects.items():
                before = read_cpu_seconds(process)
                load = send_load(
                    port,
                    partial(make_later, make, asked[name] * requests),
                    clients=requests,
                    seconds=SECONDS if turn else SECONDS / 4,
                    most=10**9,
                )
                answered = len(load.seconds) / requests
                asked[name] += math.ceil(answered)
                if turn:
                    figures[name].append(((read_cpu_seconds(process) - before) / answered, load.rate / requests))
    return figures


def make_later(make: Callable[[int], bytes], first: int, number: int) -> bytes:
    return make(first + number)


def compare_answers(ours: int, usual: int, dashboards: Dashboards) -> None:
    """Compare the totals of both windows of a dashboard that nobody asks for later. Raises ValueError."""
    for name, answer in iter_answers(ours, dashboards):
        theirs = fetch_answer(usual, name, dashboards)
        if "r" in theirs:
            expected = {"value": theirs["r"], "previous": theirs["previous"]}
        elif len(theirs["totals"]) > 1:
            continue
        else:
            expected = {"value": theirs["totals"][0]["v"], "previous": theirs["previous"][0]["v"]}
        if name == "ga4.users":
            # Its total is the average day, which the usual handler leaves to the page.
            expected["value"] /= len(theirs["points"])
            expected["previous"] /= len(theirs["comparison"])
        for key, value in expected.items():
            if not math.isclose(answer["stats"][key], value, rel_tol=1e-9):
                raise ValueError(f"{name} has {answer['stats'][key]} for {key}, and the usual handler {value}")


def iter_answers(port: int, dashboards: Dashboards) -> Iterator[tuple[str, Any]]:
    for name in NINE:
        yield name, fetch_answer(port, name, dashboards)


def fetch_answer(port: int, name: str, dashboards: Dashboards) -> Any:
    token, start, end = dashboards.pick_window(-1)
    target = f"http://127.0.0.1:{port}/v1/widgets/{name}?start={start}&end={end}&compare=previous_period"
    with urlopen(Sent(target, headers={"Authorization": f"Bearer {token}"})) as response:
        return json.load(response)


def render_section(figures: Mapping[str, Figures]) -> str:
    heads = [f"{name}, {what}" for name in figures for what in ("the processor's ms", "a second", "times the usual")]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for subject in (USUAL, BATCH, AT_ONCE):
        cells = []
        for measured in figures.values():
            costs, rates = zip(*measured[subject], strict=True)
            theirs = [cost for cost, _ in measured[USUAL]]
            ratios = [cost / other for cost, other in zip(costs, theirs, strict=True)]
            cells += [
                f"{statistics.median(costs) * 1e3:.1f}",
                f"{statistics.median(rates):.0f}",
                "1" if subject == USUAL else format_ratios(ratios),
            ]
        lines.append(f"| {subject} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
