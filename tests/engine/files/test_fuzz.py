"""Whatever stands in a folder, loading it gives a catalog or diagnostics, soon and in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.catalog import load_catalog
from engine.diagnostics import render_github, render_json, render_text
from engine.errors import InvalidCatalog
from runtime.shipped import get_shipped_folder
from tests.conftest import EveryNth
from tests.support.examples import try_examples

FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(get_shipped_folder().glob("*.yaml"))}
MEGABYTE = 990_000
# Beside a loop of a million steps, some 40 ms on an idle core. The worst takes a quarter of them; what grows with the
# square of a file takes a hundred times as many.
MAX_STEPS = 200_000_000
MAX_MEGABYTES = 200
TABLE = "source: ga4\ntable: t\ntables:\n t: {time: date, columns: {user_id: uuid, date: date, a: bigint, b: text}}\n"
QUERY = (
    "source: ga4\ntables:\n"
    " t: {time: date, columns: {user_id: uuid, date: date, a: bigint}}\n"
    " q: {time: date, columns: {user_id: uuid, date: date, a: bigint}, sql: __}\n"
)

WORDS = (
    *("sum(", "avg(", "count(", "count(*)", "min(", "(", ")", "a", "b", "date", "users", "*", "/", "+", "-", ","),
    *("distinct ", " case when ", " then ", " else ", " end", " not ", " and ", " or ", " in (", " is null", "'x'"),
    *("1", "1e999", " between ", " like ", " as ", "cast(", " over (", "select ", " from t", ";", "--", "::", ":p"),
    *("?", "$1", '"', "'", "\\", "[", "]", "{", "}", "if(", "nullif(", "interval ", "->", "||", "%", "\u2028", "\0"),
    *(
        "user_id, date, a",
        " where ",
        " group by ",
        " join ",
        " using (",
        "with x as (",
        " union ",
        " lateral ",
        "exists",
    ),
)
JINJA = (
    *(
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "{# ",
        " #}",
        "paid",
        "x",
        "'a'",
        "1",
        "10 ** 9",
        " * ",
        " + ",
        " ~ ",
        "|join",
        "|map",
    ),
    *(
        "metric('m')",
        "metric('n')",
        "metric(5)",
        "metric([])",
        "table('t')",
        "table('q')",
        "for i in x",
        "endfor",
        "if x",
    ),
    *(
        "endif",
        "else",
        "set x = 1",
        "macro f(a)",
        "endmacro",
        "f(f)",
        "loop.index",
        ".__class__",
        "['__init__']",
        "raw",
    ),
    *(
        "include 'a'",
        "import 'a' as a",
        "x[0]",
        "x.y",
        "|replace('a', 'aaaa')",
        "is defined",
        "caller()",
        "-",
        "SELECT",
    ),
)


def check_load(files: Mapping[str, bytes]) -> None:
    """Load a folder of these files; what it reports must show in every format."""
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            (Path(name) / file).write_bytes(content)
        try:
            load_catalog(Path(name))
        except InvalidCatalog as caught:
            invalid = caught
        else:
            return
    found = invalid.diagnostics
    assert found
    assert all(each.line > 0 and each.column > 0 for each in found)
    assert len(json.loads(render_json(found))) == len(found)
    assert render_text(found, invalid.texts)
    assert render_github(found).count("\n") == len(found) - 1


@try_examples(80)
@given(st.binary(max_size=200), st.binary(max_size=100))
def test_any_bytes(content: bytes, macros: bytes) -> None:
    check_load({"a.yaml": content, "macros.j2": macros})


@try_examples(80)
@given(st.text(st.sampled_from("\n\n  :-[]{}&*!|>'\"%@`#?,ab<\t\r\u0085\ufeff"), max_size=60))
def test_any_yaml(text: str) -> None:
    check_load({"a.yaml": text.encode()})


@st.composite
def draw_mutated_files(draw: st.DrawFn) -> dict[str, bytes]:
    """The shipped files, one of them with a few places overwritten, cut out or doubled."""
    name = draw(st.sampled_from(sorted(FILES)))
    text = FILES[name]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(
            st.sampled_from((*WORDS, *JINJA, "\n", "\t", ": ", "- ", text[start:end] * 2, "null", "yes", "&a "))
        )
        text = text[:start] + piece + text[end:]
    return {**{each: content.encode() for each, content in FILES.items()}, name: text.encode()}


@try_examples(25)
@given(draw_mutated_files())
def test_mutated_shipped_files(files: dict[str, bytes]) -> None:
    check_load(files)


@try_examples(100)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join), st.sampled_from(("value", "where", "derive")))
def test_any_expression(text: str, key: str) -> None:
    value = "" if key == "value" else "value: sum(a), " if key == "where" else ""
    check_load({"a.yaml": f"{TABLE}metrics:\n m: {{{value}{key}: {json.dumps(text)}}}\n n: sum(a)\n".encode()})


@try_examples(80)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join))
def test_any_query(text: str) -> None:
    query = "select " + text.replace(" from t", " from {{ table('t') }}")
    check_load({"a.yaml": QUERY.replace("__", json.dumps(query)).encode()})


@try_examples(100)
@given(
    st.lists(st.sampled_from(JINJA), max_size=10).map("".join),
    st.lists(st.sampled_from(JINJA), max_size=10).map("".join),
)
def test_any_template(text: str, macros: str) -> None:
    metrics = f"vars: {{x: [a, b], paid: a}}\n{TABLE}metrics:\n m: {json.dumps(text)}\n n: sum(a)\n"
    check_load({"a.yaml": metrics.encode(), "macros.j2": macros.encode()})


def fill_to_size(head: str, line: str, tail: str = "", size: int = MEGABYTE) -> str:
    """`head` and as many numbered lines as `size` characters hold."""
    count = (size - len(head) - len(tail)) // (len(line) + 5)
    return head + "".join(line.replace("#", str(number)) for number in range(count)) + tail


NESTED = "".join(f"k{level}: &k{level} [{', '.join([f'*k{level - 1}'] * 9)}]\n" for level in range(1, 20))
LOOPS = "".join(f"{{% for {name} in x %}}" for name in "abcdefgh") + "{% endfor %}" * 8
WORST = {
    "brackets": "[" * MEGABYTE,
    "aliases": "k0: &k0 [x, x, x, x, x, x, x, x, x]\n" + NESTED,
    "keys": fill_to_size("", "key#: 1\n"),
    "equal keys": fill_to_size("", "key: 1\n"),
    "metrics": fill_to_size(f"{TABLE}metrics:\n", " m#: sum(a)\n"),
    "metrics within the limit": fill_to_size(f"{TABLE}metrics:\n", " m#: sum(a)\n", size=300_000),
    "wrong metrics": fill_to_size(f"{TABLE}metrics:\n", " m#: {value: sum(c) / sum(d), by: e}\n", size=400_000),
    "cycles": fill_to_size(f"{TABLE}metrics:\n", " m#: {derive: m# + n#}\n", size=400_000),
    "an expression": f"{TABLE}metrics:\n m: {'sum(a) + ' * (MEGABYTE // 9)}1\n",
    "expressions": fill_to_size(f"{TABLE}metrics:\n", f" m#: {'sum(a) + ' * 190}1\n", size=230_000),
    "templates": fill_to_size(f"{TABLE}vars: {{v: sum(a)}}\nmetrics:\n", " m#: '{{ v }}'\n", size=300_000),
    "a loop": f"vars: {{x: [{', '.join(map(str, range(1000)))}]}}\n{TABLE}metrics:\n m: '{LOOPS}{' ' * 900_000}'\n",
    "loops": f"vars: {{x: [{', '.join(map(str, range(1000)))}]}}\n{TABLE}metrics:\n m: '{LOOPS}'\n",
    "calls of macros": f"{TABLE}metrics:\n m: '{'{{ f(1) }}' * 1700}'\n n: '{'{{ f(1) }}' * 1700}'\n",
    "tests": fill_to_size(f"{TABLE}metrics:\n m:\n  value: sum(a)\n  tests:\n", "   - {name: x#}\n", size=400_000),
    "one text": f"{TABLE}metrics:\n m: {{title: '{'x' * MEGABYTE}', value: sum(a)}}\n",
}
MACROS = "{% macro f(a) %}{{ a }}{{ a }}{{ g(a) }}{% endmacro %}{% macro g(a) %}{{ a }}{% endmacro %}\n"
CHILD = """
import json, resource, sys, time
from pathlib import Path
from engine.catalog.catalog import load_catalog
from engine.errors import InvalidCatalog

def measure_second():
    began = time.process_time()
    for step in range(1_000_000):
        step * step
    return 1_000_000 / (time.process_time() - began)

took = {}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for folder in map(Path, sys.argv[1:]):
    steps_a_second = measure_second()
    began = time.process_time()
    try:
        load_catalog(folder)
    except InvalidCatalog as invalid:
        invalid.diagnostics[0]
    took[folder.name] = (time.process_time() - began) * min(steps_a_second, measure_second())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"steps": took, "megabytes": peak / 1024 / (1024 if sys.platform == "darwin" else 1)}))
"""


@pytest.mark.server
def test_a_megabyte_takes_a_few_seconds_at_the_most_and_little_memory(tmp_path: Path, every_nth: EveryNth) -> None:
    """Time is counted as the steps of a loop that take as long; one process loads the worst folders."""
    worst = dict(every_nth(WORST.items(), 3))
    for name, text in worst.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(text, encoding="utf-8")
        (tmp_path / name / "macros.j2").write_text(MACROS, encoding="utf-8")
    folders = [str(tmp_path / name) for name in worst]
    done = subprocess.run([sys.executable, "-c", CHILD, *folders], capture_output=True, check=True, text=True)
    measured = json.loads(done.stdout)
    assert measured["steps"].keys() == worst.keys()
    assert {name: steps for name, steps in measured["steps"].items() if steps >= MAX_STEPS} == {}
    assert measured["megabytes"] < MAX_MEGABYTES
