"""The part of docs/errors.md on `validate --database`, against a real database."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy

from engine.authoring import check_database as live_tables
from engine.authoring import check_texts as live_texts
from engine.authoring.check_database import check_live_tables
from engine.authoring.check_texts import find_missing_texts
from engine.catalog.catalog import load_catalog
from engine.errors import InvalidCatalog
from tests.support.docs.blocks import find_blocks
from tests.support.paths import DOCS

BESIDE = find_blocks("errors.md", "yaml")[0].text
DATABASE = find_blocks("errors.md", "sql")[0].text
SECTIONS = re.findall(
    r"^### `([a-z-]+)`\n.*?^```yaml\n(.*?)^```.*?^```(yaml|sql)\n(.*?)^```",
    (DOCS / "errors.md").read_text(encoding="utf-8").partition("\n## With `--database`")[2],
    re.DOTALL | re.MULTILINE,
)


def find_live_codes(folder: Path, example: str, *statements: str) -> set[str]:
    """The codes for an example on the page's database, after these statements."""
    (folder / "facts.db").unlink(missing_ok=True)
    connection = sqlite3.connect(folder / "facts.db")
    connection.executescript(";".join((DATABASE, *statements)))
    connection.close()
    (folder / "ga4.yaml").write_text(BESIDE, encoding="utf-8")
    (folder / "mine.yaml").write_text(example, encoding="utf-8")
    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/facts.db")
    try:
        tables = load_catalog(folder).tables
        check_live_tables(folder, tables, engine)
        return {found.code for found in find_missing_texts(folder, tables, engine)}
    except InvalidCatalog as invalid:
        return {found.code for found in invalid.diagnostics}
    finally:
        engine.dispose()


def test_page_and_source_have_the_same_codes() -> None:
    source = "".join(Path(each).read_text(encoding="utf-8") for each in (live_tables.__file__, live_texts.__file__))
    assert [code for code, *_ in SECTIONS] == sorted(set(re.findall(r'"([a-z]+-live-[a-z]+)"', source)))


@pytest.mark.parametrize(("code", "wrong", "language", "right"), SECTIONS, ids=[code for code, *_ in SECTIONS])
def test_the_wrong_example_gives_its_code_and_the_right_one_none(
    code: str, wrong: str, language: str, right: str, tmp_path: Path
) -> None:
    assert find_live_codes(tmp_path, wrong) == {code}
    assert (
        find_live_codes(tmp_path, right) if language == "yaml" else find_live_codes(tmp_path, wrong, right)
    ) == set()
