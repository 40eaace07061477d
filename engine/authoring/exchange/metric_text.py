"""Plain data as the text of a metric file, in the form in which the files are written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.authoring.edit import INDENT, render_flow, render_scalar

MAX_WIDTH = 110
# `tables:` or `metrics:`, and an entry of it: these stand in lines of their own.
BLOCK_DEPTH = 2
# Lines that a block takes as they are: printable, with no blank at an end.
BLOCK_LINES = re.compile(r"(?![ \n])[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]+", re.ASCII)


def render_metric_file(sections: Mapping[str, Any], comments: Sequence[str] = ()) -> str:
    """Render the sections of a file; those that are empty are left out."""
    lines = [f"# {comment}" for comment in comments]
    for key, value in sections.items():
        if value in ({}, [], None, ""):
            continue
        if isinstance(value, Mapping):
            lines += ["", f"{key}:"]
            for number, (name, each) in enumerate(value.items()):
                lines += [""] if number and isinstance(each, Mapping) and key in ("tables", "metrics") else []
                lines += iter_lines(name, each, INDENT)
        else:
            lines += iter_lines(key, value, "")
    return "\n".join(lines[1:] if lines[:1] == [""] else lines) + "\n"


def iter_lines(key: str, value: Any, indent: str) -> Iterator[str]:
    """Yield a key and its value: on one line where they fit, deeper values indented below."""
    written = f"{indent}{render_scalar(key, within_braces=True)}:"
    depth = len(indent) // len(INDENT)
    if isinstance(value, str) and "\n" in value and is_block(value):
        yield f"{written} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"{indent}{INDENT}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
        return
    if not isinstance(value, (Mapping, list, tuple)):
        yield f"{written} {render_scalar(value)}"
        return
    flow = f"{written} {render_flow(value)}"
    is_entry = isinstance(value, Mapping) and depth < BLOCK_DEPTH
    if not value or (len(flow) <= MAX_WIDTH and not is_entry):
        yield flow
        return
    yield written
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from iter_lines(name, each, indent + INDENT)
    else:
        for each in value:
            yield from iter_item_lines(each, indent + INDENT)


def iter_item_lines(item: Any, indent: str) -> Iterator[str]:
    """Yield an item of a list."""
    flow = f"{indent}- {render_flow(item)}"
    if not isinstance(item, Mapping) or not item or len(flow) <= MAX_WIDTH:
        yield flow
        return
    lines = [line for name, each in item.items() for line in iter_lines(name, each, indent + INDENT)]
    yield f"{indent}- {lines[0].lstrip()}"
    yield from lines[1:]


def render_yaml(document: Mapping[str, Any]) -> str:
    """Render a document of another format as YAML, a value a line."""
    return "".join(f"{line}\n" for line in iter_plain_lines(document, ""))


def iter_plain_lines(value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of a mapping or a list; lists of short texts stand in one."""
    entries = value.items() if isinstance(value, Mapping) else (("-", each) for each in value)
    for key, each in entries:
        head = f"{indent}- " if key == "-" else f"{indent}{key}:"
        if isinstance(each, (Mapping, list)) and each and not is_list_of_texts(each):
            inner = list(iter_plain_lines(each, indent + INDENT))
            if key == "-":
                yield f"{head}{inner[0].lstrip()}"
                yield from inner[1:]
            else:
                yield head
                yield from inner
        else:
            written = render_flow(each) if isinstance(each, (Mapping, list)) else render_scalar(each)
            yield f"{head} {written}" if key != "-" else f"{head}{written}"


def is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_block(text: str) -> bool:
    """Whether a text of several lines may stand as a block that reads as the same text."""
    lines = text.split("\n")
    return (
        BLOCK_LINES.fullmatch(text) is not None
        and not text.endswith("\n\n")
        and not any(line.endswith((" ", "\t")) or line.startswith("\t") for line in lines)
    )
