"""A new entry in the text of a metric file: everything else stays as it is, to the byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from engine.files.document import NULLS, Loader, resolved

# Text that YAML reads as itself without quotes, in a line of its own.
PLAIN = re.compile(r"[A-Za-z0-9(][\w .,()/*+<>='-]*", re.ASCII)
BYTE_ORDER_MARK = "\ufeff"
STEP = "  "


@dataclass(frozen=True, slots=True)
class Line:
    """A key of the entry, its value, and a comment above it."""

    key: str
    value: Any
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A metric as it is to be written: its lines, and the comment above all of them."""

    key: str
    comment: str
    lines: Sequence[Line]

    def in_block(self, indent: str) -> list[str]:
        """The entry as indented lines."""
        written = [f"{indent}# {self.comment}", f"{indent}{self.key}:"]
        for line in self.lines:
            if line.comment is not None:
                written.append(f"{indent}{STEP}# {line.comment}")
            written += block(line.key, line.value, indent + STEP)
        return written

    def in_braces(self) -> list[str]:
        """The entry as lines within braces, where indentation means nothing."""
        inner = ", ".join(f"{line.key}: {braces(line.value)}" for line in self.lines)
        return [f"{STEP}# {self.comment}", f"{STEP}{self.key}: {{{inner}}}"]


def block(key: str, value: Any, indent: str) -> Iterator[str]:
    """A key and its value; lists of mappings stand in lines of their own, what is deeper in braces."""
    if isinstance(value, Mapping) and any(isinstance(inner, Mapping) for inner in value.values()):
        yield f"{indent}{key}:"
        for name, inner in value.items():
            yield from block(name, inner, indent + STEP)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield f"{indent}{key}:"
        for item in value:
            if any(isinstance(inner, (Mapping, list)) for inner in item.values()):
                lines = [line for name, inner in item.items() for line in block(name, inner, indent + STEP * 2)]
                yield f"{indent}{STEP}- {lines[0].lstrip()}"
                yield from lines[1:]
            else:
                yield f"{indent}{STEP}- {braces(item)}"
    else:
        yield f"{indent}{key}: {braces(value) if isinstance(value, Mapping) else plain(value)}"


def braces(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {braces(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(braces, value))}]"
    return plain(value, within_braces=True)


def plain(value: str | float | bool | None, *, within_braces: bool = False) -> str:
    """A scalar, in quotes where YAML would read something else."""
    if not isinstance(value, str):
        return json.dumps(value)
    unquoted = PLAIN.fullmatch(value) and not value.endswith(" ") and not (within_braces and "," in value)
    if unquoted and isinstance(resolved(value), str) and value.lower() not in ("yes", "no", "on", "off"):
        return value
    return json.dumps(value, ensure_ascii=False)


def with_entry(content: bytes, entry: Entry) -> bytes | None:
    """The file with the entry at the end of its metrics; None where its form does not let it be added.

    `content` is that of a metric file without errors.
    """
    text = content.decode()
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    text = text.removeprefix(mark)
    newline = "\r\n" if "\r\n" in text else "\n"
    written = inserted(text, entry, newline)
    return None if written is None else f"{mark}{written}".encode()


def inserted(text: str, entry: Entry, newline: str) -> str | None:
    root = yaml.compose(text, Loader=Loader)
    assert isinstance(root, yaml.MappingNode)
    found = next((pair for pair in root.value if pair[0].value == "metrics"), None)
    if found is None and root.flow_style:
        return spliced(text, root, [f"{STEP}metrics: {{", *entry.in_braces(), f"{STEP}}}"], newline)
    if found is None:
        return below(text, end_of_document(text), ["", "metrics:", *entry.in_block(STEP)], newline)
    key, metrics = found
    start, end = span(metrics)
    if start < span(key)[1]:
        return None  # an alias of a value that stands further up
    if is_empty(metrics):
        if root.flow_style:
            return None
        # An empty value gives way to the entry; what follows in its line, such as a comment, stays.
        text = text[:start].rstrip(" ") + text[end:]
        return below(text, after_comments(text, end_of_line(text, span(key)[1])), entry.in_block(STEP), newline)
    if metrics.flow_style:
        return spliced(text, metrics, entry.in_braces(), newline)
    indent = " " * (start - text.rfind("\n", 0, start) - 1)
    return below(text, after_comments(text, end_of_line(text, end_of(metrics))), ["", *entry.in_block(indent)], newline)


def span(node: yaml.Node) -> tuple[int, int]:
    """Where a node begins and ends; that of a block ends behind the blank lines that follow it."""
    assert node.start_mark is not None
    assert node.end_mark is not None
    return node.start_mark.index, node.end_mark.index


def is_empty(node: yaml.Node) -> bool:
    return not node.value or (isinstance(node, yaml.ScalarNode) and node.value in NULLS)


def end_of(node: yaml.Node) -> int:
    """Where the last thing in a node ends."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return max(max(end_of(key), end_of(value)) for key, value in node.value)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return max(map(end_of, node.value))
    return span(node)[1]


def end_of_document(text: str) -> int:
    """The end of the text, or the line of dots that ends the document."""
    events = yaml.parse(text, Loader=Loader)
    ends = (event for event in events if isinstance(event, yaml.DocumentEndEvent) and event.explicit)
    return next((event.start_mark.index for event in ends if event.start_mark is not None), len(text))


def below(text: str, at: int, lines: Sequence[str], newline: str) -> str:
    """The text with these lines at `at`, which is the beginning of a line or the end of the text."""
    before, after = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += newline
    if lines[0] == "" and before.endswith(newline * 2):
        lines = lines[1:]
    gap = newline if after.strip() and not after.startswith(("\n", "\r\n")) else ""
    return before + newline.join(lines) + newline + gap + after


def spliced(text: str, node: yaml.MappingNode, lines: Sequence[str], newline: str) -> str:
    """The text with these lines before the brace that closes a mapping."""
    at = span(node)[1] - 1
    last = max(end_of(value) for _, value in node.value)
    # The comma goes before any comment behind the last value.
    comma = "" if "," in re.sub("#.*", "", text[last:at]) else ","
    between = text[last:at].rstrip(" ")
    gap = "" if between.endswith("\n") else newline
    return f"{text[:last]}{comma}{between}{gap}{newline.join(lines)}{newline}{text[at:]}"


def end_of_line(text: str, at: int) -> int:
    """The beginning of the line after `at`; `at` itself where that begins a line."""
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def after_comments(text: str, at: int) -> int:
    """The beginning of the first line from `at` on that is not an indented comment."""
    while comment := re.compile(r"[ \t]+#.*(\n|$)").match(text, at):
        at = comment.end()
    return at
