"""An answer in the terminal: the total, a sparkline per series, the points, the items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.counts import format_count
from engine import Better, Body, CombinedMetric, DeltaKind, Format, Metric

BARS = "▁▂▃▄▅▆▇█"
MAX_BARS = 60
NO_VALUE = "–"
# With more series, two columns per series do not fit a terminal's width.
MAX_COMPARED = 4
# Without a terminal, lines need not be broken.
WIDTH_WITHOUT_TERMINAL = 240

Value = float | None


def print_answer(metric: Metric, body: Body) -> None:
    """Print a metric's answer, in colour if standard output is a terminal."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    meta = body["meta"]
    console.print(Text(to_printable(meta["title"]), style="bold"), Text(meta["key"], style="dim"))
    if metric.description:
        console.print(to_printable(metric.description))
    console.print(Text(format_period(body), style="dim"))
    if not body["series"]:
        console.print(explain_no_series(meta))
        return
    total = Text("Total  ")
    total.append_text(
        format_stats(body["stats"], get_headline_metric(metric), meta["currency"], has_absolute_delta(metric))
    )
    console.print(total)
    console.print()
    console.print(build_overview(metric, body))
    console.print()
    console.print(build_points_table(metric, body))
    if body["items"]:
        console.print()
        console.print(build_items_table(body, meta["currency"]))
    if "table" in body:
        console.print()
        console.print(build_members_table(body))
        console.print(Text(format_row_count(body["table"]), style="dim"))


def format_period(body: Body) -> str:
    meta = body["meta"]
    text = f"{meta['start']} to {meta['end']}, by {meta['grain']}"
    if "comparison" in body:
        text += f", against {body['comparison']['start']} to {body['comparison']['end']}"
    return text


def explain_no_series(meta: Mapping[str, Any]) -> str:
    if not meta["missing_sources"]:
        return "No data in this period."
    return f"Not connected, or switched off: {', '.join(meta['missing_sources'])}."


def select_part(metric: Metric, name: str) -> Metric:
    """Return the metric whose format a series has: of a combined one, the part of this name."""
    if isinstance(metric, CombinedMetric):
        return next((part for part in metric.combined if part.title == name), metric)
    return metric


def get_headline_metric(metric: Metric) -> Metric:
    """Return the metric whose format the total has: the first part, unless a correlation."""
    return metric.combined[0] if isinstance(metric, CombinedMetric) and not metric.correlation else metric


def has_absolute_delta(metric: Metric) -> bool:
    """Whether the total's change is a difference, not a ratio."""
    return (isinstance(metric, CombinedMetric) and metric.correlation) or get_headline_metric(
        metric
    ).delta == "absolute"


def build_overview(metric: Metric, body: Body) -> Table:
    """Build a row for each series: its sparkline and its total."""
    table = Table.grid(padding=(0, 2))
    for series in body["series"]:
        like = select_part(metric, series["name"])
        table.add_row(
            to_printable(series["name"]),
            Text(draw_sparkline([point["v"] for point in series["points"]]), style="cyan"),
            format_stats(series["stats"], like, body["meta"]["currency"], like.delta == "absolute"),
        )
    return table


def build_points_table(metric: Metric, body: Body) -> Table:
    """Build a row per bucket and a column per series, with compared values if they fit."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(body["meta"]["grain"])
    columns: list[list[str]] = [[point["t"] for point in body["series"][0]["points"]]]
    prior = body.get("comparison", {"series": []})["series"]
    if len(body["series"]) > MAX_COMPARED:
        prior = []
    for index, series in enumerate(body["series"]):
        like = select_part(metric, series["name"])
        table.add_column(to_printable(series["name"]), justify="right")
        columns.append([format_value(point["v"], like.format, None, like.decimals) for point in series["points"]])
        if prior:
            table.add_column("before", justify="right", style="dim")
            columns.append(
                [format_value(point["v"], like.format, None, like.decimals) for point in prior[index]["points"]]
            )
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    return table


def build_items_table(body: Body, currency: str | None) -> Table:
    """Build a row for each item, best first."""
    first = body["items"][0]
    fields = [name for name in first if name not in ("id", "values")]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("id", *fields):
        table.add_column(name, overflow="ellipsis", max_width=40, no_wrap=True)
    for name in first["values"]:
        table.add_column(to_printable(name), justify="right")
    for item in body["items"]:
        texts = [to_printable("" if item[name] is None else str(item[name])) for name in ("id", *fields)]
        table.add_row(*texts, *(format_value(number, "decimal", None) for number in item["values"].values()))
    return table


def build_members_table(body: Body) -> Table:
    """Build a row for each member and one of all of them, with the change of each value if there is a comparison."""
    answer, is_compared = body["table"], "comparison" in body
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", overflow="ellipsis", max_width=60, no_wrap=True)
    for column in answer["columns"]:
        table.add_column(to_printable(column["name"]), justify="right")
        if is_compared:
            table.add_column("change", justify="right", style="dim")
    total = {"label": "Total", "currency": None, "values": answer["total"]}
    for row in (*answer["rows"], total):
        texts = [to_printable(row["label"])]
        for column in answer["columns"]:
            cell, currency = row["values"][column["name"]], row["currency"] or column["currency"]
            texts.append(format_value(cell["value"], column["format"], currency, column["decimals"]))
            if is_compared:
                delta = cell["delta"]
                is_known = delta is not None
                texts.append(format_change(delta, body["meta"]["delta"], column["format"]) if is_known else NO_VALUE)
        table.add_row(*texts)
    return table


def format_row_count(answer: Mapping[str, Any]) -> str:
    return f"{len(answer['rows'])} of {format_count(answer['count'], 'row')}"


def format_stats(figures: Mapping[str, Value], like: Metric, currency: str | None, is_absolute: bool) -> Text:
    """Format a total and its change, green if the change is good and red if not."""
    text = Text(format_value(figures["value"], like.format, currency, like.decimals), style="bold")
    if figures["delta"] is not None:
        kind: DeltaKind = "absolute" if is_absolute else "relative"
        text.append(
            f"  {format_change(figures['delta'], kind, like.format)}",
            style=choose_colour(figures["delta"], like.better),
        )
    if figures["previous"] is not None:
        text.append(
            f"  from {format_value(figures['previous'], like.format, currency, like.decimals)}", style="not bold dim"
        )
    return text


def choose_colour(delta: float, better: Better) -> str:
    if better == "neutral" or delta == 0:
        return "default"
    return "green" if (delta > 0) is (better == "up") else "red"


def format_change(delta: float, kind: DeltaKind, shape: Format) -> str:
    if kind == "relative":
        return f"{delta:+,.1%}"
    if shape == "percent":
        return f"{delta * 100:+,.2f} points"
    return f"{'+' if delta >= 0 else ''}{format_value(delta, shape, None)}"


def format_value(number: Value, shape: Format, currency: str | None, decimals: int | None = None) -> str:
    """Format a number in its metric's format; a decimal without a number of decimals ends with its last digit."""
    if number is None:
        return NO_VALUE
    match shape:
        case "integer":
            return f"{number:,.0f}"
        case "percent":
            return f"{number:.{2 if decimals is None else decimals}%}"
        case "currency":
            return f"{number:,.{2 if decimals is None else decimals}f}" + (
                f" {to_printable(currency)}" if currency else ""
            )
    if decimals is not None:
        return f"{number:,.{decimals}f}"
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def draw_sparkline(values: Sequence[Value]) -> str:
    """Draw the values in at most `MAX_BARS` characters; a gap is a blank."""
    width = -(-len(values) // MAX_BARS)
    means = [compute_mean(values[at : at + width]) for at in range(0, len(values), width)]
    present = [each for each in means if each is not None]
    low, high = min(present, default=0.0), max(present, default=0.0)
    spread = high - low
    top = len(BARS) - 1
    return "".join(
        " " if each is None else BARS[round((each - low) / spread * top) if spread else top // 2] for each in means
    )


def compute_mean(values: Sequence[Value]) -> Value:
    present = [each for each in values if each is not None]
    return fsum(present) / len(present) if present else None


def to_printable(text: str) -> str:
    """Replace the characters that could control the terminal."""
    return "".join(each if each.isprintable() else " " for each in text)
