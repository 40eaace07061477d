"""Add an entry to the text of a metric file: every other byte stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from engine.files.composer import Loader
from engine.files.nodes import NULLS, resolve_scalar

# Text that YAML reads as itself without quotes, on a line of its own.
PLAIN_TEXT = re.compile(r"[A-Za-z0-9(][\w .,()/*+<>='-]*", re.ASCII)
# What double quotes do not protect: control characters, separators of lines, and what is no character.
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
BYTE_ORDER_MARK = "\ufeff"
INDENT = "  "


@dataclass(frozen=True, slots=True)
class EntryLine:
    """A key of the entry, its value, and the comment above it."""

    key: str
    value: Any
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """A metric to write: its lines, and the comment above the entry."""

    key: str
    comment: str
    lines: Sequence[EntryLine]

    def render_block(self, indent: str) -> list[str]:
        """Render the entry as indented lines."""
        written = [f"{indent}# {self.comment}", f"{indent}{self.key}:"]
        for line in self.lines:
            if line.comment is not None:
                written.append(f"{indent}{INDENT}# {line.comment}")
            written += iter_block_lines(line.key, line.value, indent + INDENT)
        return written

    def render_braces(self) -> list[str]:
        """Render the entry as lines within braces, where indentation means nothing."""
        inner = ", ".join(f"{line.key}: {render_flow(line.value)}" for line in self.lines)
        return [f"{INDENT}# {self.comment}", f"{INDENT}{self.key}: {{{inner}}}"]


def iter_block_lines(key: str, value: Any, indent: str) -> Iterator[str]:
    """Yield a key and its value: lists of mappings as lines, deeper values in braces."""
    if isinstance(value, Mapping) and any(isinstance(inner, Mapping) for inner in value.values()):
        yield f"{indent}{key}:"
        for name, inner in value.items():
            yield from iter_block_lines(name, inner, indent + INDENT)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield f"{indent}{key}:"
        for item in value:
            if any(isinstance(inner, (Mapping, list)) for inner in item.values()):
                lines = [
                    line for name, inner in item.items() for line in iter_block_lines(name, inner, indent + INDENT * 2)
                ]
                yield f"{indent}{INDENT}- {lines[0].lstrip()}"
                yield from lines[1:]
            else:
                yield f"{indent}{INDENT}- {render_flow(item)}"
    else:
        yield f"{indent}{key}: {render_flow(value) if isinstance(value, Mapping) else render_scalar(value)}"


def render_flow(value: Any) -> str:
    """Render a value in YAML's flow style."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {render_flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(render_flow, value))}]"
    return render_scalar(value, within_braces=True)


def render_scalar(value: str | float | bool | None, *, within_braces: bool = False) -> str:
    """Render a scalar, in quotes where YAML would read another value."""
    if not isinstance(value, str):
        return json.dumps(value)
    unquoted = PLAIN_TEXT.fullmatch(value) and not value.endswith(" ") and not (within_braces and "," in value)
    if unquoted and isinstance(resolve_scalar(value), str) and value.lower() not in ("yes", "no", "on", "off"):
        return value
    if '"' in value and value.isprintable():
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    return UNPRINTABLE.sub(escape_character, json.dumps(value, ensure_ascii=False))


def escape_character(found: re.Match[str]) -> str:
    """Escape a character that YAML refuses or takes for the end of a line."""
    return f"\\u{ord(found[0]):04x}"


def add_entry(content: bytes, entry: MetricEntry) -> bytes | None:
    """Add the entry at the end of a file's metrics; None where the file's form prevents that.

    `content` is that of a metric file without errors.
    """
    text = content.decode()
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    text = text.removeprefix(mark)
    newline = "\r\n" if "\r\n" in text else "\n"
    written = insert_entry(text, entry, newline)
    return None if written is None else f"{mark}{written}".encode()


def insert_entry(text: str, entry: MetricEntry, newline: str) -> str | None:
    root = yaml.compose(text, Loader=Loader)
    assert isinstance(root, yaml.MappingNode)
    found = next((pair for pair in root.value if pair[0].value == "metrics"), None)
    if found is None and root.flow_style:
        return insert_before_brace(text, root, [f"{INDENT}metrics: {{", *entry.render_braces(), f"{INDENT}}}"], newline)
    if found is None:
        return insert_lines(text, find_document_end(text), ["", "metrics:", *entry.render_block(INDENT)], newline)
    key, metrics = found
    start, end = get_span(metrics)
    if start < get_span(key)[1]:
        return None  # an alias of an earlier value
    if is_empty(metrics):
        if root.flow_style:
            return None
        # The entry replaces an empty value; the rest of its line, such as a comment, stays.
        text = text[:start].rstrip(" ") + text[end:]
        return insert_lines(
            text, skip_comments(text, find_next_line(text, get_span(key)[1])), entry.render_block(INDENT), newline
        )
    if metrics.flow_style:
        return insert_before_brace(text, metrics, entry.render_braces(), newline)
    indent = " " * (start - text.rfind("\n", 0, start) - 1)
    return insert_lines(
        text, skip_comments(text, find_next_line(text, find_end(metrics))), ["", *entry.render_block(indent)], newline
    )


def get_span(node: yaml.Node) -> tuple[int, int]:
    """Return where a node begins and ends; a block ends after the blank lines that follow it."""
    assert node.start_mark is not None
    assert node.end_mark is not None
    return node.start_mark.index, node.end_mark.index


def is_empty(node: yaml.Node) -> bool:
    return not node.value or (isinstance(node, yaml.ScalarNode) and node.value in NULLS)


def find_end(node: yaml.Node) -> int:
    """Return where the last part of a node ends."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return max(max(find_end(key), find_end(value)) for key, value in node.value)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return max(map(find_end, node.value))
    return get_span(node)[1]


def find_document_end(text: str) -> int:
    """Return the end of the text, or of the document where a line of dots ends it."""
    events = yaml.parse(text, Loader=Loader)
    ends = (event for event in events if isinstance(event, yaml.DocumentEndEvent) and event.explicit)
    return next((event.start_mark.index for event in ends if event.start_mark is not None), len(text))


def insert_lines(text: str, at: int, lines: Sequence[str], newline: str) -> str:
    """Insert lines at `at`, which is the beginning of a line or the end of the text."""
    before, after = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += newline
    if lines[0] == "" and before.endswith(newline * 2):
        lines = lines[1:]
    gap = newline if after.strip() and not after.startswith(("\n", "\r\n")) else ""
    return before + newline.join(lines) + newline + gap + after


def insert_before_brace(text: str, node: yaml.MappingNode, lines: Sequence[str], newline: str) -> str:
    """Insert lines before the brace that closes a mapping."""
    at = get_span(node)[1] - 1
    last = max(find_end(value) for _, value in node.value)
    # The comma goes before any comment that follows the last value.
    comma = "" if "," in re.sub("#.*", "", text[last:at]) else ","
    between = text[last:at].rstrip(" ")
    gap = "" if between.endswith("\n") else newline
    return f"{text[:last]}{comma}{between}{gap}{newline.join(lines)}{newline}{text[at:]}"


def find_next_line(text: str, at: int) -> int:
    """Return the beginning of the next line, or `at` itself where a line begins there."""
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def skip_comments(text: str, at: int) -> int:
    """Return the beginning of the first line from `at` on that is not an indented comment."""
    while comment := re.compile(r"[ \t]+#.*(\n|$)").match(text, at):
        at = comment.end()
    return at
