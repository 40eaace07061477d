"""`metric-engine import`: files that are valid, never over others unasked, and one exit code for all errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.manifests import make_manifest, make_measure, make_metric, make_model, use_measure

MODEL = make_model("orders", [make_measure("orders", "sum", "1"), make_measure("top", "percentile", "amount")])
METRICS = [make_metric(name, "simple", measure=use_measure(name)) for name in ("orders", "top")]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "semantic_manifest.json"
    path.write_bytes(make_manifest([MODEL], METRICS))
    return path


def test_the_written_files_are_valid(run: Run, manifest: Path) -> None:
    imported = run("import", "dbt", manifest.name, "--out", "mine", "--source", "shop")
    assert imported.exit_code == 0
    assert imported.stdout.split() == ["mine/orders.yaml", "mine/sources.yaml"]
    assert "warning[not-carried] top: metrics[1]: a percentile is not carried over" in imported.stderr
    assert "1 table and 1 metric written" in imported.stderr
    assert run("validate", "mine").exit_code == 0


def test_no_file_is_overwritten_unasked(run: Run, manifest: Path) -> None:
    Path("mine").mkdir()
    Path("mine/orders.yaml").write_text("metrics: {}\n")
    refused = run("import", "dbt", manifest.name, "--out", "mine")
    assert refused.exit_code == 1
    assert "mine/orders.yaml exists already; --force overwrites" in refused.stderr
    assert Path("mine/orders.yaml").read_text() == "metrics: {}\n"
    assert [path.name for path in Path("mine").iterdir()] == ["orders.yaml"]
    assert run("import", "dbt", manifest.name, "--out", "mine", "--force").exit_code == 0
    assert "dbt.orders" in Path("mine/orders.yaml").read_text()


def test_the_files_fit_what_the_folder_has(run: Run, manifest: Path) -> None:
    Path("mine").mkdir()
    # A source that is declared already is not declared again.
    Path("mine/shop.yaml").write_text("sources: {shop: The shop}\n")
    assert run("import", "dbt", manifest.name, "--out", "mine", "--source", "shop").exit_code == 0
    assert not Path("mine/sources.yaml").exists()
    Path("mine/orders.yaml").rename("mine/more.yaml")
    refused = run("import", "dbt", manifest.name, "--out", "mine", "--source", "shop")
    assert refused.exit_code == 1
    assert "error[duplicate-table]" in refused.stderr
    assert not Path("mine/orders.yaml").exists()


def test_a_manifest_with_errors_writes_nothing(run: Run, manifest: Path) -> None:
    manifest.write_bytes(make_manifest([MODEL], [make_metric("m", "simple", measure=use_measure("order"))]))
    refused = run("import", "dbt", manifest.name, "--out", "mine")
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert f"{manifest.name}:1:" in refused.stderr
    assert "error[unknown-measure]" in refused.stderr
    assert "error: the document has 1 problem" in refused.stderr
    assert not Path("mine").exists()


@pytest.mark.parametrize("name", ["Shop", "my shop", "1st"])
def test_a_source_has_a_name(run: Run, manifest: Path, name: str) -> None:
    refused = run("import", "dbt", manifest.name, "--out", "mine", "--source", name)
    assert refused.exit_code == 2
    assert "small letters" in refused.stderr
