"""docs/images/validate.svg: the output of `metric-engine validate` for three mistakes."""

from __future__ import annotations

import io
import shutil
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner
from rich.console import Console

from cli import main
from runtime.shipped import get_shipped_folder
from tests.support.paths import DOCS

PICTURE = DOCS / "images" / "validate.svg"
COMMAND = "metric-engine validate"
COLUMNS = 108
MISTAKES = """\
table: ga4_daily

metrics:
  ga4.engagement_rate:
    titel: Engagement rate
    value: sum(engaged_session) / sum(sessions)
    format: percent

  ga4.sessions_per_user: sum(sessions) / sum(users)
"""
# Not Rich's own frame, which names fonts on another host that a page in a repository may not fetch.
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>metric-engine validate names each mistake with its line, its column and the nearest name</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px "DejaVu Sans Mono", Menlo, Consolas, monospace }}
.{unique_id}-title {{ font: bold 18px "DejaVu Sans", Arial, sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def complaints(folder: Path) -> str:
    """Return the command's output for the shipped files and one with mistakes."""
    shutil.copytree(get_shipped_folder(), folder / "metrics")
    (folder / "metrics" / "team.yaml").write_text(MISTAKES, encoding="utf-8")
    with chdir(folder):
        return CliRunner().invoke(main, COMMAND.split()[1:], env={"METRICS_DIR": "metrics"}).output


def terminal(folder: Path) -> str:
    """Return the picture; the command runs in `folder`, which must be empty."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False, markup=False, emoji=False)
    console.print(f"$ {COMMAND}\n{complaints(folder)}", end="")
    svg = console.export_svg(title="metrics/team.yaml", code_format=FRAME, unique_id="validate")
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"
