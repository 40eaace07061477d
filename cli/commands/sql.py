"""`metric-engine sql`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from cli.dialects import dialect_option
from cli.options import metrics_option
from engine import (
    DIALECTS,
    Compare,
    CompiledPlan,
    Grain,
    ItemsScan,
    LabelScan,
    Metric,
    Scan,
    Shape,
    StatementCompiler,
    UnknownMetric,
    build_period,
    load_catalog,
    plan,
)

# The number of ranges of days in a statement depends on the window's length, not on its dates.
LIKE_THE_DEFAULT = date(2025, 1, 1), date(2025, 1, 28)


@click.command()
@click.argument("key")
@dialect_option
@click.option(
    "--compare",
    type=click.Choice([each.value for each in Compare if each is not Compare.CUSTOM]),
    default=Compare.OFF.value,
    show_default=True,
    help="What the period is compared with.",
)
@click.option(
    "--grain",
    type=click.Choice([each.value for each in Grain]),
    default=Grain.DAY.value,
    show_default=True,
    help="The width of a bucket.",
)
@metrics_option
def sql(key: str, dialect: str, compare: str, grain: str, metrics: Path) -> None:
    """Show the SQL that a metric runs.

    Prints each statement with a comment that tells what it reads. What a request asks for is only ever bound to
    its parameters. KEY may be that of a hidden metric.

    \b
    Examples:
      metric-engine sql ga4.sessions
      metric-engine sql ga4.traffic_channels --compare previous_year --grain month
    """
    catalog = load_catalog(metrics)
    metric = catalog.metrics.get(key)
    if metric is None:
        raise UnknownMetric(key, catalog.metrics)
    compiled = CompiledPlan(plan([metric]), StatementCompiler(DIALECTS[dialect](), catalog.tables.values()))
    click.echo("\n\n".join(render_statements(metric, compiled, Compare(compare), Grain(grain))))


def render_statements(metric: Metric, compiled: CompiledPlan, compare: Compare, grain: Grain) -> list[str]:
    """Render the statements of the metric, each after its comment."""
    ranges = len(build_period(*LIKE_THE_DEFAULT, grain, compare).get_ranges(metric.lookback))
    title = f"-- {metric.key}: {metric.title}, by {grain.value}, compare {compare.value}"
    windows = 1 if compare is Compare.OFF else 2
    scans = [
        f"{title}\n{describe_scan(scan, compare, grain, ranges)}\n"
        f"{compiled.get_scan_sql(scan, windows if scan.shape is Shape.WINDOWS else ranges)};"
        for scan in compiled.plan.scans
    ]
    items = [
        f"{title}\n{describe_items(each.items)}\n{compiled.get_items_sql(each.items)};"
        for each in compiled.plan.metrics.values()
        if each.items is not None
    ]
    labels = [
        f"{title}\n{describe_labels(each.labels)}\n{compiled.get_labels_sql(each.labels, 1)};"
        for each in compiled.plan.metrics.values()
        if each.labels is not None and each.rows is not None
    ]
    return scans + items + labels


def describe_scan(scan: Scan, compare: Compare, grain: Grain, ranges: int) -> str:
    """Describe what a scan reads and binds."""
    members = f" and by {scan.breakdown.column}, the first {scan.breakdown.top}" if scan.breakdown else ""
    if scan.member is not None:
        members = f" and by {scan.member}"
    windows = "the window" if compare is Compare.OFF else "both windows"
    if scan.shape is Shape.WINDOWS:
        whole = "the whole window" if compare is Compare.OFF else "each whole window"
        more = "" if compare is Compare.OFF else ", and of an unfinished one each once more, up to the last known day"
        return f"-- reads {scan.table.name}: a row for {whole}{members}\n-- binds the tenant, the days of {whole}{more}"
    if scan.shape is Shape.DAYS:
        rows = f"a row a day{members}; each {grain.value} and the totals are folded from the days"
    else:
        rows = f"a row for each {grain.value} of {windows} and for its whole{members}"
    bound = ["the tenant"]
    if scan.shape is Shape.DAYS or scan.breakdown:
        bound.append(
            f"{'one range' if ranges == 1 else 'two ranges'} of days that hold{'s' if ranges == 1 else ''} {windows}"
        )
    if scan.shape is Shape.SLOTS:
        bound.append("the days of each slot")
    return f"-- reads {scan.table.name}: {rows}\n-- binds {', '.join(bound)}"


def describe_labels(scan: LabelScan) -> str:
    return (
        f"-- reads {scan.table.name}: each {scan.label} of a {scan.member}, and its last day\n"
        "-- binds the tenant and the days of the asked window"
    )


def describe_items(scan: ItemsScan) -> str:
    items = scan.items
    return (
        f"-- reads {scan.table.name}: the {items.limit} items by {items.by} with the most {items.order.name}\n"
        "-- binds the tenant and the days of the asked window"
    )
