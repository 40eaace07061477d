"""The report of `metric-engine diff`: for a terminal, for a pull request's comment, as JSON and as annotations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click

from cli.counts import format_count
from engine import (
    MISSING,
    AnswerChange,
    CatalogChange,
    Diagnostic,
    Diagnostics,
    MetricChange,
    ValueChange,
    read_folder,
    render_github,
)

# Of a question, in a terminal and in a comment; JSON has them all.
MAX_VALUES = 12
# GitHub takes comments of up to 65,536 characters.
MAX_COMMENT = 60_000
# In the last line, which says how to declare them.
MAX_KEYS = 20
COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True, slots=True)
class DiffReport:
    """A change and how it is judged; `places` are the files and positions of the present metrics."""

    base: str
    change: CatalogChange
    allowed: frozenset[str]
    places: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)

    @property
    def undeclared_keys(self) -> list[str]:
        """The keys whose numbers change and that nobody has allowed to."""
        return [each.key for each in self.change.metrics if each.changes_numbers and not self.is_allowed(each)]

    def is_allowed(self, change: MetricChange) -> bool:
        return not self.allowed.isdisjoint({change.key, get_old_key(change)})


def render_diff(report: DiffReport, shape: str) -> str:
    """Render the report as text, markdown, json or github."""
    renderers: Mapping[str, Callable[[DiffReport], str]] = {
        "text": render_as_text,
        "markdown": render_as_markdown,
        "json": render_as_json,
        "github": render_as_annotations,
    }
    return renderers[shape](report)


def get_old_key(change: MetricChange) -> str:
    return change.key if change.base is None else change.base.key


def locate_metrics(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Return where each metric of a sound folder is declared."""
    return {
        key: (file.name, *file.document.locate_key(("metrics", key)))
        for file in read_folder(folder, Diagnostics()).files
        for key in file.definition.metrics
    }


def describe_change(report: DiffReport, change: MetricChange) -> str:
    """Say in a few words what happens to a metric, and what that does to its numbers."""
    told: str = change.status
    if change.status == "renamed":
        told = f"renamed from {get_old_key(change)}"
    if change.changes_numbers:
        fault = "no longer served" if change.is_withdrawn else "numbers change"
        return f"{told}, {fault}, {'as declared' if report.is_allowed(change) else 'not declared'}"
    if change.is_untried:
        return f"{told}, numbers unknown: it has no tests"
    if not change.is_on_both_sides:
        return told
    return f"{told}, same numbers{'' if change.has_same_meaning else ' on the rows tried'}"


def summarize_change(report: DiffReport) -> str:
    """Sum the report up in one line, with the way to declare what changes."""
    metrics = report.change.metrics
    if not metrics and not report.change.tables:
        return f"nothing changes against {report.base}"
    counts = Counter(each.status for each in metrics)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    numbers = sum(each.changes_numbers for each in metrics)
    line = f"{format_count(len(metrics), 'metric')} differ{'s' if len(metrics) == 1 else ''} from {report.base}"
    line += f" ({told}); " if told else "; "
    line += f"the numbers of {numbers} change" if numbers else "no number changes"
    if undeclared := report.undeclared_keys:
        more = f" and {len(undeclared) - MAX_KEYS} more" if len(undeclared) > MAX_KEYS else ""
        line += f"; if that is meant: {' '.join(f'--allow {key}' for key in undeclared[:MAX_KEYS])}{more}"
    return line


def format_side(value: Any) -> str:
    """Format one side's value with as many digits as tell two values apart."""
    if value is MISSING:
        return "–"
    return f"{value:.10g}" if isinstance(value, float) else "null" if value is None else str(value)


def format_difference(before: Any, after: Any) -> str:
    """Format the change as a fraction of the former value; empty where there is none."""
    numbers = all(isinstance(each, int | float) for each in (before, after))
    if not numbers or not before or before == after:
        return ""
    return f"{(after - before) / abs(before):+.2%}"


def list_shown_values(answer: AnswerChange) -> tuple[Sequence[ValueChange], int]:
    """Return the values to show besides the headline, and how many more there are."""
    # The figures of the only series are those of the headline.
    repeated = {(f"series.value.{each.path}", each.before, each.after) for each in answer.values}
    others = [
        each for each in answer.values if each.path != "value" and (each.path, each.before, each.after) not in repeated
    ]
    return others[:MAX_VALUES], max(0, len(others) - MAX_VALUES)


def to_plain(text: str) -> str:
    """Replace the characters that could control a terminal or break a line."""
    return "".join(each if each.isprintable() else " " for each in text)


def render_as_text(report: DiffReport) -> str:
    lines: list[str] = []
    for name, difference in report.change.tables.items():
        lines += [click.style(f"table {name}", bold=True), *render_lines(difference), ""]
    for change in report.change.metrics:
        lines.append(f"{click.style(change.key, bold=True)}: {describe_change(report, change)}")
        lines += render_lines(change.definition)
        if change.sql and change.is_on_both_sides:
            lines += ["  SQL:", *render_lines(change.sql)]
        for answer in change.answers:
            lines += render_answer(answer)
        lines.append("")
    return "\n".join([*lines, summarize_change(report)])


def render_lines(difference: Iterable[str]) -> list[str]:
    return [click.style(f"    {to_plain(line)}", fg=COLOURS.get(line[:1])) for line in difference]


def render_answer(answer: AnswerChange) -> Iterator[str]:
    """Render the headline of a question, and the values under it that differ."""
    yield f"  {to_plain(answer.question)}: {render_sides(answer.before, answer.after)}"
    if answer.before is MISSING or answer.after is MISSING:
        return
    shown, more = list_shown_values(answer)
    for each in shown:
        yield f"    {to_plain(each.path)}: {render_sides(each.before, each.after)}"
    if more:
        yield f"    and {format_count(more, 'value')} more (--format json has all)"


def render_sides(before: Any, after: Any) -> str:
    one, two = to_plain(format_side(before)), to_plain(format_side(after))
    if one == two and before == after:
        return f"{two} as before"
    change = format_difference(before, after)
    return f"{one} → {two}{f' ({change})' if change else ''}"


def render_as_markdown(report: DiffReport) -> str:
    """Render a comment: a row for each question, and the details folded; what does not fit is counted."""
    parts = ["<!-- metric-engine diff -->", f"### Metrics\n\n{to_cell(summarize_change(report))}"]
    rows = [row for change in report.change.metrics for row in render_rows(report, change)]
    if rows:
        parts.append("| metric | what | asked | before | after | change |\n|---|---|---|---:|---:|---:|")
    used = sum(map(len, parts))
    kept = take_while_short(rows, MAX_COMMENT // 2)
    if kept:
        parts[-1] += "\n" + "\n".join(kept)
    if len(kept) < len(rows):
        parts.append(f"and {format_count(len(rows) - len(kept), 'row')} more")
    details = [render_details(f"table {name}", lines, (), ()) for name, lines in report.change.tables.items()]
    details += [
        render_details(change.key, change.definition, change.sql if change.is_on_both_sides else (), change.answers)
        for change in report.change.metrics
    ]
    details = [each for each in details if each]
    folded = take_while_short(details, MAX_COMMENT - used - sum(map(len, kept)))
    parts += folded
    if len(folded) < len(details):
        parts.append(f"and {format_count(len(details) - len(folded), 'difference')} more, too long for a comment")
    return "\n\n".join(parts)


def take_while_short(texts: Sequence[str], budget: int) -> list[str]:
    """Take texts from the beginning that are no longer than this together."""
    taken: list[str] = []
    for text in texts:
        budget -= len(text) + 2
        if budget < 0:
            break
        taken.append(text)
    return taken


def render_rows(report: DiffReport, change: MetricChange) -> Iterator[str]:
    """Render a metric's rows: one for each question, or one without."""
    what = to_cell(describe_change(report, change))
    if not change.answers:
        yield f"| {to_code(change.key)} | {what} | | | | |"
    for answer in change.answers:
        cells = (format_side(answer.before), format_side(answer.after), format_difference(answer.before, answer.after))
        yield f"| {to_code(change.key)} | {what} | {to_cell(answer.question)} | {' | '.join(map(to_cell, cells))} |"


def render_details(title: str, definition: Sequence[str], sql: Sequence[str], answers: Sequence[AnswerChange]) -> str:
    """Render what is folded away; empty where there is nothing."""
    parts = [fence_lines(lines) for lines in (definition, sql) if lines]
    for answer in answers:
        lines = list(render_answer(answer))[1:]
        if lines:
            parts.append(f"{to_cell(answer.question)}\n\n{fence_lines([line.strip() for line in lines], 'text')}")
    if not parts:
        return ""
    joined = "\n\n".join(parts)
    return f"<details><summary>{to_cell(title)}</summary>\n\n{joined}\n\n</details>"


def fence_lines(lines: Iterable[str], language: str = "diff") -> str:
    """Fence lines so that nothing in them can end the fence."""
    text = "\n".join(map(to_plain, lines))
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def to_cell(text: str) -> str:
    """Write a text so that Markdown and HTML take it for nothing else."""
    escaped = to_plain(text).replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")
    return "".join(f"\\{each}" if each in "\\`*_[]|#~!" else each for each in escaped)


def to_code(key: str) -> str:
    return f"`{key}`"


def render_as_json(report: DiffReport) -> str:
    """Render everything; a side without an answer, or without a value, is left out."""
    metrics = [
        {
            "key": change.key,
            "old_key": get_old_key(change),
            "status": change.status,
            "changes_numbers": change.changes_numbers,
            "declared": report.is_allowed(change),
            "untried": change.is_untried,
            "definition": list(change.definition),
            "sql": list(change.sql),
            "answers": [
                {
                    "question": answer.question,
                    **write_sides(answer),
                    "values": [{"path": each.path, **write_sides(each)} for each in answer.values],
                }
                for answer in change.answers
            ],
        }
        for change in report.change.metrics
    ]
    tables = [{"name": name, "definition": list(lines)} for name, lines in report.change.tables.items()]
    found = {"base": report.base, "tables": tables, "metrics": metrics, "undeclared": report.undeclared_keys}
    return json.dumps(found, indent=2, ensure_ascii=False)


def write_sides(change: AnswerChange | ValueChange) -> dict[str, Any]:
    sides = {"before": change.before, "after": change.after}
    return {name: value for name, value in sides.items() if value is not MISSING}


def render_as_annotations(report: DiffReport) -> str:
    """Render an annotation for each metric whose numbers change, are unknown or have moved to another key."""
    return render_github(annotate_change(report, change) for change in report.change.metrics if is_notable(change))


def is_notable(change: MetricChange) -> bool:
    return change.changes_numbers or change.is_untried or change.status == "renamed"


def annotate_change(report: DiffReport, change: MetricChange) -> Diagnostic:
    """Annotate the metric's line; one that is gone has no line, and the first file stands for the folder."""
    nowhere = (next(iter(report.places.values()))[0], 1, 1)
    is_error = change.changes_numbers and not report.is_allowed(change)
    severity: Literal["error", "warning"] = "error" if is_error else "warning"
    shifted = [each for each in change.answers if each.values]
    told = "".join(f"; {each.question}: {render_sides(each.before, each.after)}" for each in shifted[:MAX_VALUES])
    message = f"{describe_change(report, change)}{told}"
    return Diagnostic(*report.places.get(change.key, nowhere), severity, "diff", change.key, message)
