"""docs/tutorial.md, followed to the letter: files are written, commands run, and what they print is put below them.

A block of a file has the file's name behind its language: it is the whole file, or with a + what goes to its end.
"""

from __future__ import annotations

import re
import shlex
import shutil
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner

from cli import main
from runtime.shipped import get_shipped_folder
from tests.support.docs.blocks import FENCE
from tests.support.paths import DOCS

PAGE = DOCS / "tutorial.md"
DURATION = re.compile(r"\(\d+ ms\)")
SETTINGS = ("DATABASE_URL", "WAREHOUSE_URL", "METRICS_DIR", "JWT_SECRET", "REPORTING_TIMEZONE")


def execute_page(page: str, folder: Path) -> str:
    """The page with the output of every command as it is when the page is followed in an empty folder."""
    shutil.copytree(get_shipped_folder().resolve(), folder / "metrics")
    reader = PageFollower(folder)
    with chdir(folder):
        return FENCE.sub(reader.follow_block, page)


class PageFollower:
    """Who does what the page says, from its beginning on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # What is not set here must not come from whoever runs the page.
        self.environment: dict[str, str | None] = dict.fromkeys(SETTINGS)

    def follow_block(self, block: re.Match[str]) -> str:
        language, name, text = block.groups()
        if language == "console":
            return (
                f"```console\n{''.join(self.run_line(line) for line in text.splitlines() if line.startswith('$ '))}```"
            )
        if name is not None:
            file = self.folder / name.removeprefix("+")
            before = f"{file.read_text(encoding='utf-8')}\n" if name.startswith("+") else ""
            file.write_text(before + text, encoding="utf-8")
        return block[0]

    def run_line(self, line: str) -> str:
        """The line and what the command prints."""
        program, *arguments = shlex.split(line.removeprefix("$ "))
        if program == "export":
            name, _, value = arguments[0].partition("=")
            self.environment[name] = value
            return f"{line}\n"
        assert program == "metric-engine", line
        output = CliRunner().invoke(main, arguments, env=self.environment, catch_exceptions=False).output
        # How long it took differs from one day to the next.
        lines = [each.rstrip() for each in DURATION.sub("(5 ms)", output).splitlines()]
        return "".join(f"{each}\n" for each in (line, *lines))
