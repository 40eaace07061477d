"""A valid file that declares another's table once more, with a tenant column in which anybody may write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import cycle
from pathlib import Path
from shutil import copytree

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from engine import Engine, Warehouse, load_catalog
from runtime.services import Services
from state import State
from tests.api.conftest import ALICE, BOB, ENCRYPTION_KEY, make_bearer_headers, make_settings
from tests.support.paths import METRICS

pytestmark = pytest.mark.server

DAY = date(2026, 11, 1)
PERIOD = {"start": "2026-11-01", "end": "2026-11-01"}
OURS, THEIRS = 5, 1_000_003
# Bob writes Alice's id into whatever text of his own rows a provider takes from him.
ROWS = {
    "ga4_daily": [
        {"user_id": ALICE, "date": DAY, "property_id": "1", "sessions": OURS, "users": OURS},
        {"user_id": BOB, "date": DAY, "property_id": ALICE, "sessions": THEIRS, "users": THEIRS},
    ],
    "meta_ads_daily": [
        {"user_id": ALICE, "date": DAY, "account_id": "act_1", "campaign_id": "1", "campaign_name": "x", "spend": OURS},
        {
            "user_id": BOB,
            "date": DAY,
            "account_id": "act_2",
            "campaign_id": "2",
            "campaign_name": ALICE,
            "spend": THEIRS,
        },
    ],
}
GA4 = "time: date, columns: {user_id: uuid, property_id: uuid, date: date, sessions: bigint}"
META = "time: date, tenant: campaign_name, columns: {campaign_name: uuid, date: date, spend: numeric}"
SECOND_DECLARATIONS = {
    "another tenant": f"ga4|name: ga4_daily, tenant: property_id, {GA4}",
    "another tenant that is text": f"ga4|name: ga4_daily, tenant: property_id, {GA4.replace('id: uuid', 'id: text')}",
    "with a key of its own": f"ga4|name: ga4_daily, tenant: property_id, key: [property_id, date], {GA4}",
    "upper case": f"meta|name: META_ADS_DAILY, {META}",
    "mixed case": f"meta|name: Meta_Ads_Daily, {META}",
    "PostgreSQL's schema": f"meta|name: public.meta_ads_daily, {META}",
    "PostgreSQL's schema in upper case": f"meta|name: PUBLIC.META_ADS_DAILY, {META}",
    "SQLite's schema": f"meta|name: main.meta_ads_daily, {META}",
    "a schema of one's own": f"meta|name: facts.meta_ads_daily, {META}",
    "database and schema": f"meta|name: facts.public.meta_ads_daily, {META}",
    "the default tenant in another column": (
        "ga4|name: ga4_daily, time: date, "
        "columns: {user_id: {type: uuid, column: property_id}, date: date, sessions: bigint}"
    ),
    "the default tenant in another column, in the key": (
        "ga4|name: ga4_daily, time: date, key: [user_id, date], "
        "columns: {user_id: {type: uuid, column: property_id}, date: date, sessions: bigint}"
    ),
    "the default tenant in capitals": (
        "ga4|name: ga4_daily, time: date, tenant: user_id, "
        "columns: {user_id: {type: uuid, column: PROPERTY_ID}, date: date, sessions: bigint}"
    ),
}
# One is read before the shipped files, one after them.
FILES = ("aa.yaml", "zz.yaml")


def write_declaration(metrics: Path, declaration: str, file: str) -> None:
    source, _, table = declaration.partition("|")
    value = "sum(sessions)" if source == "ga4" else "sum(spend)"
    (metrics / file).write_text(
        f"source: {source}\ntables:\n  again: {{{table}}}\n"
        f"  through: {{time: date, sql: \"SELECT date, {value} AS n FROM {{{{ table('again') }}}} GROUP BY date\", "
        f"columns: {{date: date, n: double}}}}\n"
        f"metrics:\n  zz.stolen: {{table: again, value: {value}}}\n  zz.through: {{table: through, value: sum(n)}}\n",
        encoding="utf-8",
    )


@dataclass(frozen=True, slots=True)
class ReloadedInstallation:
    """A running installation of the shipped metrics, and its folder."""

    services: Services
    client: TestClient
    metrics: Path

    def ask(self, key: str) -> tuple[int, object]:
        answer = self.client.get(f"/v1/widgets/{key}", params=PERIOD)
        return answer.status_code, answer.json()["stats"]["value"] if answer.status_code == 200 else None


@pytest.fixture
def installation(state_url: str, tmp_path: Path) -> Iterator[ReloadedInstallation]:
    """State and facts in one database: SQLite, then PostgreSQL."""
    metrics = copytree(METRICS, tmp_path / "metrics")
    catalog, warehouse = load_catalog(metrics), Warehouse(state_url)
    warehouse.create_tables(catalog.tables.values())
    for table, rows in ROWS.items():
        columns = catalog.tables[table].columns
        warehouse.upsert(catalog.tables[table], [dict.fromkeys(columns) | row for row in rows])
    state = State.open(state_url, encryption_key=ENCRYPTION_KEY)
    for source in ("ga4", "meta"):
        state.connections.put(ALICE, source, "1")
    services = Services(Engine(catalog, warehouse), state, make_settings(METRICS_DIR=str(metrics)))
    with TestClient(create_app(services), headers=make_bearer_headers(ALICE)) as client:
        yield ReloadedInstallation(services, client, metrics)
    warehouse.close()
    state.close()


def test_every_second_declaration_is_refused_and_nobody_notices(installation: ReloadedInstallation) -> None:
    for name, file, declaration in zip(SECOND_DECLARATIONS, cycle(FILES), SECOND_DECLARATIONS.values(), strict=False):
        write_declaration(installation.metrics, declaration, file)
        installation.services.reload_catalog()
        refused = "wrong-column-type" if "text" in name else "wrong-tenant"
        assert installation.services.problem_counts[refused] == 1, name
        assert installation.ask("zz.stolen") == installation.ask("zz.through") == (404, None), name
        assert installation.ask("ga4.sessions") == installation.ask("meta.spend") == (200, OURS), name
        (installation.metrics / file).unlink()
    batch = installation.client.post("/v1/widgets/batch", json={"keys": ["ga4.users", "meta.roas"], **PERIOD})
    assert batch.json()["widgets"]["ga4.users"]["stats"]["value"] == OURS
    assert installation.client.get("/v1/insights", params=PERIOD).status_code == 200


@pytest.mark.parametrize("tenant", ["user_id", "owner"])
def test_a_second_declaration_with_the_same_tenant_reads_the_same_rows(
    installation: ReloadedInstallation, tenant: str
) -> None:
    column = "user_id: uuid" if tenant == "user_id" else "owner: {type: uuid, column: user_id}"
    declaration = (
        f"ga4|name: ga4_daily, time: date, tenant: {tenant}, columns: {{{column}, date: date, sessions: bigint}}"
    )
    write_declaration(installation.metrics, declaration, "zz.yaml")
    installation.services.reload_catalog()
    assert installation.services.problem_counts == {}
    for key in ("zz.stolen", "zz.through", "ga4.sessions"):
        assert installation.ask(key) == (200, OURS), key
