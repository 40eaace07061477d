"""Many tenants at once: each answer holds its own tenant's numbers, and no name of another's.

Two processes on PostgreSQL and Redis. Each tenant's rows carry the tenant's number, in figures and in names, so that a
row of another would show in any answer, kept or not.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from api.tokens import create_token
from bench.caching import run_redis
from bench.engine import make_tenant
from bench.scale import run_postgres
from bench.syncing import run_server
from engine import Warehouse, load_catalog
from runtime.shipped import get_shipped_folder
from state import State

TENANTS = 1_000
REQUESTS = 200_000
CLIENTS = 16
DAYS = 56
# The names of tenant 7: an account own.0007, a channel "Mail own.0007" and so on.
NAME = re.compile(rb"own\.\d{4}")
TODAY = datetime.now(UTC).date()
FIRST = TODAY - timedelta(days=DAYS)
# A request: its method, path and body, and what its answer must hold.
Check = Callable[[Any], bool]
Asked = tuple[str, str, Any, int, Check]


def main(tenants: int = TENANTS, requests: int = REQUESTS) -> None:
    with ExitStack() as opened:
        url = opened.enter_context(run_postgres())
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        redis = opened.enter_context(run_redis(Path(folder)))
        secret = secrets.token_urlsafe(48)
        fill_databases(url, tenants)
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url, "REDIS_URL": redis, "JWT_SECRET": secret}
        _, address = opened.enter_context(run_server(environment, "--workers", "2"))
        signing = SecretStr(secret)
        tokens = [
            create_token(make_tenant(number), secret=signing, lifetime=timedelta(hours=2)) for number in range(tenants)
        ]
        began = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            share = requests // CLIENTS
            found = [*pool.map(lambda seed: TenantClient(address, tokens, seed).ask_many(share), range(CLIENTS))]
        print_findings(found, time.perf_counter() - began)


def fill_databases(url: str, tenants: int) -> None:
    """Give each tenant accounts, layouts and rows that carry its number."""
    catalog = load_catalog(get_shipped_folder())
    warehouse = Warehouse(url)
    warehouse.create_tables(catalog.tables.values())
    for table, make_rows in (
        ("ga4_daily", make_visits),
        ("ga4_channels_daily", make_channels),
        ("meta_ads_daily", make_ads),
    ):
        for start in range(0, tenants, 100):
            rows = [row for number in range(start, min(start + 100, tenants)) for row in make_rows(number)]
            warehouse.upsert(catalog.tables[table], rows)
    warehouse.close()
    state = State.open(url)
    for number in range(tenants):
        state.connections.put(make_tenant(number), "ga4", f"9{number:04d}")
        state.connections.put(make_tenant(number), "meta", f"act_9{number:04d}")
    state.close()


def iter_days(number: int) -> Iterator[dict[str, Any]]:
    for day in range(DAYS):
        yield {"user_id": make_tenant(number), "date": FIRST + timedelta(days=day)}


def make_visits(number: int) -> list[dict[str, Any]]:
    return [day | {"property_id": f"own.{number:04d}", "sessions": number + 1} for day in iter_days(number)]


def make_channels(number: int) -> list[dict[str, Any]]:
    own = {"property_id": f"own.{number:04d}", "channel": f"Mail own.{number:04d}", "sessions": number + 1}
    return [day | own for day in iter_days(number)]


def make_ads(number: int) -> list[dict[str, Any]]:
    own = {
        "account_id": f"own.{number:04d}",
        "campaign_id": f"own.{number:04d}",
        "campaign_name": f"Sale own.{number:04d}",
    }
    return [day | own | {"currency": "USD", "spend": number + 1} for day in iter_days(number)]


@dataclass
class TenantClient:
    """One connection that asks for a tenant after the other, drawn at random."""

    address: str
    tokens: list[str]
    seed: int
    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def ask_many(self, count: int) -> TenantClient:
        chance = random.Random(self.seed)
        connection = HTTPConnection(self.address.removeprefix("http://"), timeout=60)
        for _ in range(count):
            number = chance.randrange(len(self.tokens))
            kind = chance.choice(KINDS)
            other = chance.randrange(len(self.tokens))
            self.ask(connection, number, kind.__name__, kind(number, other, chance))
        connection.close()
        return self

    def ask(self, connection: HTTPConnection, number: int, kind: str, asked: Asked) -> None:
        method, path, body, status, check = asked
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip" if self.seed % 2 else "identity"}
        if status != 401:
            headers["Authorization"] = f"Bearer {self.tokens[number]}"
        began = time.perf_counter()
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        self.seconds.append(time.perf_counter() - began)
        if answer.getheader("Content-Encoding") == "gzip":
            text = gzip.decompress(text)
        self.statuses[answer.status] += 1
        self.kinds[kind] += 1
        own = b"own.%04d" % number
        names = {*NAME.findall(text)} - {own}
        # A filter's own words come back in what is said of it.
        echoed = {*NAME.findall(path.encode())}
        if answer.status != status or names - echoed or not check(json.loads(text)):
            self.wrong.append(f"{number} {method} {path} {answer.status}: {text[:300]!r}")


def draw_window(chance: random.Random) -> tuple[dict[str, str], int]:
    """A window within the rows, and its days."""
    days = chance.randrange(1, DAYS + 1)
    start = FIRST + timedelta(days=chance.randrange(DAYS - days + 1))
    end = start + timedelta(days=days - 1)
    compare = chance.choice(("off", "previous_period", "previous_year"))
    return {"start": start.isoformat(), "end": end.isoformat(), "compare": compare}, days


def ask_widget(number: int, other: int, chance: random.Random) -> Asked:
    query, days = draw_window(chance)
    key = chance.choice(("ga4.sessions", "meta.spend"))
    return "GET", f"/v1/widgets/{key}?{urlencode(query)}", None, 200, holds_total(days * (number + 1))


def ask_default_widget(number: int, other: int, chance: random.Random) -> Asked:
    return "GET", "/v1/widgets/ga4.sessions", None, 200, lambda body: body["stats"]["value"] % (number + 1) == 0


def ask_breakdown(number: int, other: int, chance: random.Random) -> Asked:
    query, days = draw_window(chance)
    name = f"Mail own.{number:04d}"

    def check(body: Any) -> bool:
        return [(each["name"], each["stats"]["value"]) for each in body["series"]] == [(name, days * (number + 1))]

    return "GET", f"/v1/widgets/ga4.traffic_channels?{urlencode(query)}", None, 200, check


def ask_for_another(number: int, other: int, chance: random.Random) -> Asked:
    query, days = draw_window(chance)
    query["filter.property"] = f"own.{other:04d}"
    wanted = days * (number + 1) if other == number else 0
    return "GET", f"/v1/widgets/ga4.sessions?{urlencode(query)}", None, 200, holds_total(wanted)


def ask_members(number: int, other: int, chance: random.Random) -> Asked:
    path = "/v1/widgets/meta.spend/members/campaign?search=own"

    def check(body: Any) -> bool:
        return [each["id"] for each in body["members"]] == [f"own.{number:04d}"]

    return "GET", path, None, 200, check


def ask_table(number: int, other: int, chance: random.Random) -> Asked:
    query, _ = draw_window(chance)

    def check(body: Any) -> bool:
        return [each["id"] for each in body["table"]["rows"]] == [f"own.{number:04d}"]

    return "GET", f"/v1/widgets/meta.campaign_table?{urlencode(query)}", None, 200, check


def ask_batch(number: int, other: int, chance: random.Random) -> Asked:
    query, days = draw_window(chance)
    keys = ["ga4.sessions", "meta.spend", "ga4.traffic_channels"]

    def check(body: Any) -> bool:
        return all(body["widgets"][key]["stats"]["value"] == days * (number + 1) for key in keys[:2])

    return "POST", "/v1/widgets/batch", {"keys": keys, **query}, 200, check


def ask_layout(number: int, other: int, chance: random.Random) -> Asked:
    return "GET", "/v1/dashboard/layout", None, 200, lambda body: body["widgets"] == []


def ask_connections(number: int, other: int, chance: random.Random) -> Asked:
    wanted = {f"9{number:04d}", f"act_9{number:04d}"}
    return "GET", "/v1/connections", None, 200, lambda body: all(f'"{each}"' in json.dumps(body) for each in wanted)


def ask_without_token(number: int, other: int, chance: random.Random) -> Asked:
    return "GET", "/v1/widgets/ga4.sessions", None, 401, lambda body: True


def ask_wrongly(number: int, other: int, chance: random.Random) -> Asked:
    path = chance.choice(("?user_id=", "?tenant=", "?filter.user_id=")) + make_tenant(other)
    return "GET", f"/v1/widgets/ga4.sessions{path}", None, 422, lambda body: True


KINDS = (
    *(ask_widget, ask_widget, ask_default_widget, ask_breakdown, ask_for_another, ask_members),
    *(ask_table, ask_batch, ask_layout, ask_connections, ask_without_token, ask_wrongly),
)


def holds_total(wanted: float | None) -> Check:
    return lambda body: body["stats"]["value"] == wanted


def print_findings(found: list[TenantClient], seconds: float) -> None:
    kinds, statuses = Counter[str](), Counter[int]()
    for client in found:
        kinds += client.kinds
        statuses += client.statuses
    taken = sorted(one for client in found for one in client.seconds)
    wrong = [text for client in found for text in client.wrong]
    print(
        f"{len(taken):,} requests in {seconds:.0f} s, median {1000 * statistics.median(taken):.1f} ms,"
        f" p99 {1000 * taken[len(taken) * 99 // 100]:.0f} ms, slowest {1000 * taken[-1]:.0f} ms"
    )
    print(dict(sorted(statuses.items())), dict(kinds))
    print(f"wrong answers: {len(wrong)}", *wrong[:10], sep="\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
