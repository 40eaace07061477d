"""An assistant's program starts the command, and speaks with it over standard input and output."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from tests.cli.conftest import ALICE, Run
from tests.support.installations import Installation
from tests.support.processes import make_variables

pytestmark = pytest.mark.server


def test_the_tools_answer_over_stdio(tmp_path: Path) -> None:
    (tmp_path / "ga4.csv").write_text("date,channel,sessions\n2025-01-01,Email,10\n2025-01-02,Direct,5\n")
    installation = Installation(tmp_path)
    loaded = installation.run("load", "ga4_channels_daily", "ga4.csv", "--user", ALICE, "--account", "1")
    assert loaded.returncode == 0, loaded.log

    async def ask() -> Any:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "cli", "mcp", "--user", ALICE],
            env=make_variables(tmp_path, {}),
            cwd=tmp_path,
        )
        asked = {"keys": ["ga4.traffic_channels"], "start": "2025-01-01", "end": "2025-01-02", "by": "channel"}
        async with Client(command) as client:
            answer = await client.call_tool("query_metrics", asked)
            broken = await client.call_tool("list_members", {"key": "ga4.traffic_channels", "dimension": "chanel"})
            told = await client.call_tool("get_insights", {})
            return [each.structured_content for each in (answer, broken, told)]

    answer, broken, told = asyncio.run(ask())
    channels = answer["widgets"]["ga4.traffic_channels"]
    assert channels["stats"]["value"] == 15
    assert [(each["id"], each["stats"]["value"]) for each in channels["series"]] == [
        ({"data": "Email"}, 10),
        ({"data": "Direct"}, 5),
    ]
    assert "did you mean 'channel'" in broken["detail"]
    assert told["meta"]["sources"] == ["ga4"]


def test_without_the_package_it_names_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    result = run("mcp", "--user", ALICE)
    assert result.exit_code == 1
    assert result.stderr == (
        "error: the Model Context Protocol needs a package that is not installed: pip install mcp (the extra 'mcp')\n"
    )
