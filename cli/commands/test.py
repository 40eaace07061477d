"""`metric-engine test`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli.counts import format_count
from cli.options import metrics_option
from engine import MISSING, Catalog, Metric, Mismatch, TestResult, UnknownMetric, run_tests
from insights.config.load import load_catalog

HEADER = ("where", "expected", "got")


@click.command()
@click.argument("names", metavar="[DIR] [KEY]...", nargs=-1)
@metrics_option
@click.pass_context
def test(context: click.Context, names: tuple[str, ...], metrics: Path) -> None:
    """Run the metrics' own tests.

    Runs the `tests:` of every metric of DIR, or of the metrics named, in a database in memory. A failure shows
    what was expected beside what came, and the rows. The exit status is 0 when all pass, and 1 otherwise.

    \b
    Examples:
      metric-engine test
      metric-engine test my-metrics
      metric-engine test ga4.sessions ga4.conv_rate
      metric-engine test my-metrics ga4.sessions
    """
    folder, keys = split_names(names, metrics)
    catalog = load_catalog(folder)
    chosen = choose_metrics(catalog, keys)
    began = time.perf_counter()
    results = list(run_tests(catalog, chosen))
    elapsed = time.perf_counter() - began
    failed = [result for result in results if not result.has_passed]
    for result in failed:
        click.echo(f"{format_failure(result)}\n")
    click.echo(format_summary(chosen, results, len(failed), elapsed))
    if failed:
        context.exit(1)


def split_names(names: tuple[str, ...], metrics: Path) -> tuple[Path, tuple[str, ...]]:
    """Split names into folder and keys; the first is a folder if it exists or has a slash."""
    if names and (Path(names[0]).is_dir() or "/" in names[0]):
        return Path(names[0]), names[1:]
    return metrics, names


def choose_metrics(catalog: Catalog, keys: Sequence[str]) -> list[Metric]:
    """Return the metrics of these keys, or all of them. Raises UnknownMetric."""
    for key in keys:
        if key not in catalog.metrics:
            raise UnknownMetric(key, catalog.metrics)
    return [catalog.metrics[key] for key in dict.fromkeys(keys)] if keys else list(catalog.metrics.values())


def format_failure(result: TestResult) -> str:
    """Format the expected and the actual values, and the rows of the test."""
    title = click.style("FAIL", fg="red", bold=True) + f" {result.metric}: {result.test}"
    lines = [title, *([f"  {result.error}"] if result.error else format_mismatches(result.mismatches))]
    for table, rows in result.rows.items():
        lines.append(f"  rows of {table}:")
        lines += [f"    {format_json(row)}" for row in rows] or ["    none"]
    return "\n".join(lines)


def format_mismatches(mismatches: Sequence[Mismatch]) -> list[str]:
    cells = [HEADER, *((each.path, format_json(each.expected), format_json(each.actual)) for each in mismatches)]
    widths = [max(len(row[column]) for row in cells) for column in range(2)]
    return [f"  {where:<{widths[0]}}  {expected:<{widths[1]}}  {got}" for where, expected, got in cells]


def format_json(value: Any) -> str:
    return repr(value) if value is MISSING else json.dumps(value, ensure_ascii=False)


def format_summary(metrics: Sequence[Metric], results: Sequence[TestResult], failed: int, seconds: float) -> str:
    untested = sum(not metric.tests for metric in metrics)
    parts = [f"{format_count(len(results), 'test')} of {format_count(len(metrics) - untested, 'metric')}"]
    parts.append(click.style(f"{failed} failed", fg="red") if failed else "all passed")
    if untested:
        parts.append(f"{untested} {'metric has' if untested == 1 else 'metrics have'} no tests")
    return f"{', '.join(parts)} ({seconds * 1000:.0f} ms)"
