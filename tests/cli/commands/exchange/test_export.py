"""`metric-engine export ossie`, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import GA4, Run


def test_what_is_exported_is_imported(run: Run) -> None:
    Path("mine").mkdir()
    Path("mine/ga4.yaml").write_text(f"{GA4}  ga4.visits: sum(sessions)\n")
    assert run("export", "ossie", "--metrics", "mine", "--out", "model.json").stdout == "model.json\n"
    assert json.loads(Path("model.json").read_text())["name"] == "mine"
    imported = run("import", "ossie", "model.json", "--out", "again")
    assert imported.exit_code == 0
    assert imported.stdout == "again/ga4.yaml\n"
    assert imported.stderr == "2 tables and 1 metric written\n"
    shown = [run("sql", "ga4.visits", "--metrics", folder).stdout for folder in ("mine", "again")]
    assert shown[0] == shown[1] != ""


def test_a_document_goes_to_the_output_or_to_a_new_file(run: Run) -> None:
    shown = run("export", "ossie", "--name", "shop")
    assert shown.stdout.startswith("version: 0.2.0.dev0\nname: shop\ndatasets:\n")
    Path("model.yaml").write_text("mine\n")
    refused = run("export", "ossie", "--out", "model.yaml")
    assert refused.exit_code == 1
    assert "model.yaml exists already; --force overwrites" in refused.stderr
    assert Path("model.yaml").read_text() == "mine\n"
    assert run("export", "ossie", "--out", "model.yaml", "--name", "shop", "--force").exit_code == 0
    assert Path("model.yaml").read_text() == shown.stdout


def test_invalid_files_are_not_exported(run: Run) -> None:
    Path("mine").mkdir()
    Path("mine/ga4.yaml").write_text(f"{GA4}  ga4.visits: sum(sesions)\n")
    refused = run("export", "ossie", "--metrics", "mine")
    assert refused.exit_code == 1
    assert "mine/ga4.yaml:21:19: error[unknown-column]" in refused.stderr
    assert refused.stdout == ""
