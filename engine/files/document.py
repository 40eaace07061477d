"""YAML text → Document: plain data, and beside it the position of each key and value.

Scalars are read by YAML 1.2's rules. What YAML 1.1 would silently convert (`NO`, `on`) is an error, and a date stays
text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import yaml

from engine.diagnostics import START, Diagnostic, Diagnostics, Position, make_error, make_error_at_offset
from engine.faults import TextFault
from engine.files.composer import Composer, UnsupportedYaml
from engine.files.nodes import MappingNode, Node, ScalarNode, SequenceNode
from engine.files.yaml_errors import explain_yaml_error

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: `data` holds its values, and `root` their positions too."""

    file: str
    data: dict[str, Any]
    root: MappingNode

    def find_node(self, path: KeyPath) -> Node:
        """Return the value at `path`, or the last one on a path that leaves the document."""
        node: Node = self.root
        for segment in path:
            inner = get_child(node, segment)
            if inner is None:
                break
            node = inner
        return node

    def rename_key(self, parents: KeyPath, name: str, right: str) -> bool:
        """Give a key of the mapping at `parents` another name, at its place, unless that one is there already."""
        values: Any = self.data
        node = self.find_node(parents)
        for segment in parents:
            values = values[segment]
        if not isinstance(node, MappingNode) or right in node.entries:
            return False
        for mapping in (values, node.entries):
            entries = [(right if key == name else key, each) for key, each in mapping.items()]
            mapping.clear()
            mapping.update(entries)
        return True

    def locate_value(self, path: KeyPath) -> Position:
        """Return the position where the value at `path` begins."""
        return self.find_node(path).start

    def locate_key(self, path: KeyPath) -> Position:
        """Return the position of the last key of `path`."""
        *parents, key = path
        node = self.find_node(tuple(parents))
        if isinstance(node, MappingNode) and key in node.entries:
            return node.entries[str(key)][0].start
        return node.start

    def locate_character(self, path: KeyPath, offset: int) -> Position:
        """Return the position of the character at `offset` of the text at `path`."""
        node = self.find_node(path)
        return node.locate_character(offset) if isinstance(node, ScalarNode) else node.start

    def diagnose_key(self, path: KeyPath, code: str, message: str, *, metric: str | None = None) -> Diagnostic:
        """Return an error at the last key of `path`."""
        return make_error(self.file, self.locate_key(path), code, message, metric=metric)

    def diagnose_value(self, path: KeyPath, code: str, message: str, *, metric: str | None = None) -> Diagnostic:
        """Return an error at the value at `path`."""
        return make_error(self.file, self.locate_value(path), code, message, metric=metric)


def get_child(node: Node, segment: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        entry = node.entries.get(str(segment))
        return entry[1] if entry else None
    if isinstance(node, SequenceNode) and isinstance(segment, int) and segment < len(node.items):
        return node.items[segment]
    return None


def parse_document(file: str, content: bytes, diagnostics: Diagnostics) -> Document | None:
    """Read one file; a file that is no YAML mapping gives None and a diagnostic."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        fault = TextFault(len(before), "yaml-syntax", "the file is not UTF-8; save it as UTF-8")
        diagnostics.add(make_error_at_offset(file, before, fault))
        return None
    composer = Composer(file, text)
    try:
        root = composer.compose()
    except yaml.YAMLError as error:
        if any(frame.torn for frame in composer.stack):
            return None  # What a torn text makes of the rest is no problem of its own.
        fault = explain_yaml_error(error, text, composer.list_open_brackets(), composer.last_quoted)
        diagnostics.add(make_error_at_offset(file, text, fault))
        return None
    except UnsupportedYaml as unsupported:
        diagnostics.add(unsupported.diagnostic)
        return None
    finally:
        for problem in composer.problems:
            diagnostics.add(replace(problem, metric=problem.metric or composer.find_metric_at(problem.position)))
    if root is None:
        return Document(file, {}, MappingNode(START))
    if not isinstance(root, MappingNode):
        message = "a metric file is a mapping of `tables:`, `metrics:`, …"
        diagnostics.add(make_error(file, root.start, "wrong-type", message))
        return None
    return Document(file, convert_node(root), root)


def convert_node(node: Node) -> Any:
    """Convert a node to plain Python data."""
    if isinstance(node, MappingNode):
        return {key: convert_node(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, SequenceNode):
        return [convert_node(item) for item in node.items]
    assert isinstance(node, ScalarNode)
    return node.value


def is_template(text: str) -> bool:
    """Whether a text contains Jinja."""
    return "{{" in text or "{%" in text or "{#" in text
