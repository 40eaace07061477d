"""A new entry in files of every form: it is read as it was meant, and the rest stays as it was."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.authoring.edit import EntryLine, MetricEntry, add_entry, render_scalar
from engine.diagnostics import Diagnostics
from engine.files.document import parse_document

ROW = {"date": "2025-01-01", "sessions": 3, "channel": "a, b"}
TESTS = [
    {
        "name": "one day",
        "rows": [ROW],
        "start": "2025-01-01",
        "end": "2025-01-01",
        "expect": {"stats": {"value": 3}, "points": {"2025-01-01": 3, "2025-01-02": None}},
    }
]
ENTRY = MetricEntry(
    "a.new",
    "A comment.",
    (
        EntryLine("title", "Yes: a # title"),
        EntryLine("value", "sum(sessions)"),
        EntryLine("format", "integer", "Another one."),
        EntryLine("tests", TESTS),
    ),
)
WRITTEN = {"title": "Yes: a # title", "value": "sum(sessions)", "format": "integer", "tests": TESTS}


def read_document(content: bytes) -> dict[str, Any]:
    diagnostics = Diagnostics()
    document = parse_document("a.yaml", content, diagnostics)
    assert document is not None, [str(each) for each in diagnostics.list_in_file_order()]
    assert not diagnostics
    return document.data


TABLES = "tables: {t: {time: date}}\n"
FILES = {
    "last": TABLES + "metrics:\n  a.old: sum(x)\n",
    "not last": "metrics:\n  a.old: sum(x)\n\n# The tables.\n" + TABLES,
    "directly followed": "metrics:\n  a.old: sum(x)\n" + TABLES,
    "missing": TABLES,
    "missing, with a comment at the end": TABLES + "# The end.\n",
    "missing, without a newline": "source: ga4\n" + TABLES.rstrip(),
    "missing, before dots": "---\n" + TABLES + "...\n",
    "empty": "metrics:\n" + TABLES,
    "empty, at the end": TABLES + "metrics:",
    "empty, with comments": "metrics:  # yours\n  # add here\n" + TABLES,
    "null": "metrics: null  # none yet\n" + TABLES,
    "tilde, at the end": TABLES + "metrics: ~",
    "empty braces": "metrics: {}\n" + TABLES,
    "braces": "metrics: {a.old: sum(x)}\n" + TABLES,
    "braces over lines": "metrics: {\n  a.old: sum(x)  # the old one\n  }\n" + TABLES,
    "braces with a comma": "metrics: {\n  a.old: sum(x), # the old, one\n}\n" + TABLES,
    "braces all around": "{tables: {t: {time: date}}, metrics: {a.old: sum(x)}}\n",
    "braces all around, missing": "{tables: {t: {time: date}}}\n",
    "without a newline": TABLES + "metrics:\n  a.old: sum(x)",
    "indented by four": "metrics:\n    a.old:\n        value: sum(x)\n" + TABLES,
    "block scalar last": TABLES + "metrics:\n  a.old: |\n    sum(x)\n\n\n",
    "kept block scalar last": "metrics:\n  a.old: |+\n    sum(x)\n\n" + TABLES,
    "quoted over lines": 'metrics:\n  a.old: "sum(x)\n\n  + 1"\n' + TABLES,
    "comments after the last": "metrics:\n  a.old: sum(x)  # old\n  # a.older: sum(y)\n" + TABLES,
    "alias last": "metrics:\n  a.old: &x sum(x)\n  a.same: *x\n" + TABLES,
    "nested last": "metrics:\n  a.old:\n    value: sum(x)\n    tests:\n      - name: n\n        rows: [{x: 1}]\n"
    + TABLES,
    "byte order mark": "\ufeffmetrics:\n  a.old: sum(x)\n" + TABLES,
    "other letters": "# Ünïcode — “x” 🙂\nmetrics:\n  a.old: {value: sum(x), title: 🙂 ü}\n" + TABLES,
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
def test_an_entry_is_added_and_all_else_stays(text: str, newline: str) -> None:
    before = text.replace("\n", newline).encode()
    after = add_entry(before, ENTRY)
    assert after is not None
    old, new = read_document(before), read_document(after)
    metrics = new.pop("metrics")
    assert metrics.pop("a.new") == WRITTEN
    assert metrics == (old.pop("metrics", None) or {})
    assert new == old
    assert after.count(b"\r\n") == (after.count(b"\n") if newline == "\r\n" else 0)
    # Nothing is taken away but an empty value.
    rest = iter(after)
    assert all(character in rest for character in re.sub(rb"(metrics:)( null| ~| \{\}(?!}))", rb"\1", before))


def test_a_file_that_ends_with_its_metrics_only_grows() -> None:
    before = FILES["last"].encode()
    after = add_entry(before, ENTRY)
    assert after is not None
    assert after.startswith(before)


def test_an_entry_is_written_to_be_read() -> None:
    after = add_entry(FILES["directly followed"].encode(), ENTRY)
    assert after is not None
    assert after.decode() == (
        """\
metrics:
  a.old: sum(x)

  # A comment.
  a.new:
    title: "Yes: a # title"
    value: sum(sessions)
    # Another one.
    format: integer
    tests:
      - name: one day
        rows:
          - {date: 2025-01-01, sessions: 3, channel: "a, b"}
        start: 2025-01-01
        end: 2025-01-01
        expect:
          stats: {value: 3}
          points: {2025-01-01: 3, 2025-01-02: null}

"""
        + TABLES
    )


@pytest.mark.parametrize(
    "text",
    ["tables: &t {t: {time: date}}\nmetrics: *t\n", "{tables: {t: {time: date}}, metrics: {}}\n"],
    ids=["alias", "empty braces in braces"],
)
def test_a_form_to_which_nothing_can_be_added_is_left_alone(text: str) -> None:
    assert add_entry(text.encode(), ENTRY) is None


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "No",
        "null",
        "~",
        "",
        "12",
        "1.5",
        "a: b",
        "a #b",
        " a",
        "a ",
        "- a",
        "{{ x }}",
        "'a'",
        '"',
        "a\nb",
        "[a]",
    ],
)
def test_texts_that_yaml_would_read_otherwise_are_quoted(value: str) -> None:
    assert read_document(f"a: {render_scalar(value)}\n".encode()) == {"a": value}
    assert render_scalar(value) != value
