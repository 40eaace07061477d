"""The calls that docs/mcp.md shows are made on the demo's rows, and answer what it shows of them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from api.answers import open_narrate_pool
from api.mcp.tools import TOOLS, ToolRunner
from api.middleware.admission import Places
from demo.tenants import EVERYTHING
from runtime.services import Services
from tests.docs.test_readme import shown_part
from tests.support.assistants import TODAY, open_demo
from tests.support.docs.blocks import FENCE
from tests.support.paths import DOCS

PAGE = (DOCS / "mcp.md").read_text(encoding="utf-8")
BLOCKS = [(match[2], json.loads(match[3])) for match in FENCE.finditer(PAGE) if match[1] == "json" and match[2]]
CALLS = list(zip(BLOCKS[::2], BLOCKS[1::2], strict=True))


def test_the_transcript_is_a_true_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Services, "get_today", lambda _: TODAY)
    assert {name for (name, _), _ in CALLS} == TOOLS.keys() - {"list_members"}

    async def follow(runner: ToolRunner) -> list[Any]:
        return [(await runner.call_tool(name, given, EVERYTHING.user_id)).body for (name, given), _ in CALLS]

    with open_demo(tmp_path) as services:
        bodies = asyncio.run(follow(ToolRunner(services, Places(), open_narrate_pool())))
    for ((name, _), (title, shown)), body in zip(CALLS, bodies, strict=True):
        assert title == "answer"
        if name == "get_insights":
            # The advice behind each fact is left out.
            assert all(any(told.startswith(fact) for told in list_bullets(body)) for fact in list_bullets(shown))
            assert not any("return on ad spend" in told.casefold() for told in list_bullets(body))
        else:
            assert hide_receipts(shown) == hide_receipts(shown_part(shown, body))


def list_bullets(body: Any) -> list[str]:
    return [bullet["data"] for item in body["items"] for bullet in item["bullets"]]


def hide_receipts(part: Any) -> Any:
    """Leave receipts out: their ids hold the release and all of the definition."""
    if isinstance(part, dict):
        return {
            name: "r1" if name == "receipt" and str(each)[:2] == "r1" else hide_receipts(each)
            for name, each in part.items()
        }
    return [hide_receipts(each) for each in part] if isinstance(part, list) else part


def test_each_tool_has_its_row() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(TOOLS)
