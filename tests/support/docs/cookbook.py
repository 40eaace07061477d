"""The execution of docs/cookbook.md: its files beside the shipped ones, its rows beside the demo's, asked over HTTP.

A block of YAML is a file of the metric folder, and a block of CSV, with a table's name after its language, an export
that is loaded. The JSON below a request shows what is named there of the answer.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.testclient import TestClient

from api.app import create_app
from api.tokens import create_token
from demo.database import select_columns
from demo.history import generate_history
from demo.tenants import EVERYTHING
from engine import CsvOptions, CsvRows
from runtime.services import Services
from runtime.shipped import get_shipped_folder
from tests.support.docs.blocks import FENCE
from tests.support.environment import read_settings
from tests.support.paths import DOCS

PAGE = DOCS / "cookbook.md"
ANSWERED = re.compile(r"^`GET (/v1/widgets/\S+)`\n\n```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECRET = "a secret of at least thirty-two bytes"
# The last day of the demo's rows on the page, and how many days they cover; the page says so.
LAST_DAY, DAYS = date(2026, 11, 22), 420
# How many digits of a number the page shows, and how long its lines are.
DIGITS, MAX_WIDTH = 6, 110


def regenerate_page(page: str, folder: Path) -> str:
    """Return the page with every answer as it is; `folder` must be empty."""
    with open_kitchen(page, folder) as client:
        return ANSWERED.sub(lambda recipe: serve_recipe(client, *recipe.groups()), page)


def serve_recipe(client: TestClient, request: str, shown: str) -> str:
    response = client.get(request)
    assert response.status_code == 200, f"{request}: {response.text}"
    answer = format_answer(select_shown(json.loads(shown), response.json()))
    return f"`GET {request}`\n\n```json\n{answer}\n```"


@contextmanager
def open_kitchen(page: str, folder: Path) -> Iterator[TestClient]:
    """Yield a client of an installation with the page's metric files, the demo's rows and the page's."""
    blocks = [match.groups() for match in FENCE.finditer(page)]
    metrics = Path(shutil.copytree(get_shipped_folder(), folder / "metrics"))
    for number, text in enumerate(text for language, _, text in blocks if language == "yaml"):
        (metrics / f"recipe_{number:02}.yaml").write_text(text, encoding="utf-8")
    settings = {"JWT_SECRET": SECRET, "DATABASE_URL": f"sqlite:///{folder}/cookbook.db", "METRICS_DIR": str(metrics)}
    services = Services.open(read_settings(settings))
    load_demo(services)
    for language, table, text in blocks:
        if language == "csv":
            load_export(services, folder / f"{table}.csv", table, text)
    token = create_token(EVERYTHING.user_id, secret=SecretStr(SECRET), lifetime=timedelta(hours=1))
    with TestClient(create_app(services), headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def load_demo(services: Services) -> None:
    tables = services.catalog.tables
    for name, rows in generate_history(EVERYTHING, until=LAST_DAY, days=DAYS).items():
        services.warehouse.upsert(tables[name], (select_columns(tables[name], row) for row in rows))
    for account in EVERYTHING.accounts:
        services.state.connections.mark_external(EVERYTHING.user_id, account.source, account.id)


def load_export(services: Services, path: Path, table: str, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    rows = CsvRows([path], services.catalog.tables[table], EVERYTHING.user_id, CsvOptions())
    services.warehouse.upsert(rows.table, rows)
    accounts = {row[rows.table.account] if rows.table.account else "" for row in rows}
    for account in sorted(accounts):
        services.state.connections.mark_external(EVERYTHING.user_id, rows.table.source, account)


def select_shown(shown: Any, answer: Any) -> Any:
    """Select of an answer what the page shows: some keys of a mapping, the first members of a list, rounded numbers."""
    if isinstance(shown, dict) and isinstance(answer, dict):
        return {key: select_shown(value, answer[key]) for key, value in shown.items()}
    if isinstance(shown, list) and isinstance(answer, list):
        return [select_shown(*pair) for pair in zip(shown, answer, strict=False)]
    return round_number(answer) if isinstance(answer, float) else answer


def round_number(value: float) -> float:
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded


def format_answer(shown: Any) -> str:
    """Write JSON with a line for what fits on one."""
    return "\n".join(format_lines(shown, "", ""))


def format_lines(shown: Any, indent: str, name: str) -> Iterator[str]:
    line = f"{indent}{name}{json.dumps(shown, ensure_ascii=False)}"
    fits = len(line) <= MAX_WIDTH and (indent or not isinstance(shown, dict) or len(shown) < 2)
    if fits or not isinstance(shown, (dict, list)):
        yield line
        return
    first, last = "{}" if isinstance(shown, dict) else "[]"
    yield f"{indent}{name}{first}"
    members = (
        [(f"{json.dumps(key, ensure_ascii=False)}: ", value) for key, value in shown.items()]
        if isinstance(shown, dict)
        else [("", value) for value in shown]
    )
    for position, (key, value) in enumerate(members):
        *before, end = format_lines(value, f"{indent}  ", key)
        yield from before
        yield f"{end}{',' if position < len(members) - 1 else ''}"
    yield f"{indent}{last}"
