"""The texts that broken metric files give: `errors/NAME.yaml`, or the folder `errors/NAME`, and `errors/NAME.txt`."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from engine.catalog.catalog import load_catalog
from engine.diagnostics import render_text
from engine.errors import InvalidCatalog

HERE = Path(__file__).parent
CASES = HERE / "errors"
SOUND = HERE / "sound"


def list_cases() -> list[Path]:
    """Every broken file and folder."""
    return sorted(path for path in CASES.iterdir() if path.is_dir() or path.suffix == ".yaml")


def find_expected_path(case: Path) -> Path:
    return case.with_suffix(".txt")


def collect_invalid(case: Path) -> InvalidCatalog:
    """The problems of a broken file that is loaded beside the sound ones."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(SOUND, folder, dirs_exist_ok=True)
        if case.is_dir():
            shutil.copytree(case, folder, dirs_exist_ok=True)
        else:
            shutil.copy(case, folder)
        return collect_problems(folder)


def collect_problems(folder: Path) -> InvalidCatalog:
    """The problems of a folder, its paths from the folder on; the warnings when it loads."""
    try:
        problems = load_catalog(folder).warnings
    except InvalidCatalog as invalid:
        problems = invalid.diagnostics
    before = f"{folder}/"
    relative = [
        replace(each, file=each.file.removeprefix(before), message=each.message.replace(before, ""))
        for each in problems
    ]
    texts = {
        path.name: path.read_text("utf-8-sig", "replace").split("\n") for path in folder.iterdir() if path.is_file()
    }
    return InvalidCatalog(relative, texts)


def render_diagnostics(invalid: InvalidCatalog) -> str:
    """What a terminal shows of a broken file."""
    return render_text(invalid.diagnostics, invalid.texts) + "\n"


def main() -> None:
    """Write every expected text again, and remove those without a file."""
    for path in CASES.glob("*.txt"):
        path.unlink()
    for case in list_cases():
        find_expected_path(case).write_text(render_diagnostics(collect_invalid(case)), encoding="utf-8")
