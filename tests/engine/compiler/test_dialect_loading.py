"""A dialect that one thread still loads is not used by another."""

from __future__ import annotations

import subprocess
import sys

import pytest

# sqlglot makes this inverse between a dialect's registration and its last attribute; here it takes long.
USE_WHILE_ANOTHER_LOADS = """
import threading, time
from engine.compiler.dialects.registry import DIALECTS
from sqlglot.dialects import dialect as loading

invert, begun = loading._with_strict_time_inverse, threading.Event()

def invert_slowly(mapping):
    begun.set()
    time.sleep(0.05)
    return invert(mapping)

loading._with_strict_time_inverse = invert_slowly
for name, made in DIALECTS.items():
    begun.clear()
    another = threading.Thread(target=loading.Dialect.get_or_raise, args=[name])
    another.start()
    # One that another has brought along is whole already.
    while another.is_alive() and not begun.is_set():
        time.sleep(0.001)
    made()
    print(loading.Dialect.get_or_raise(name).parser_class.__module__)
    another.join()
"""


@pytest.mark.server
def test_a_dialect_is_whole_when_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-c", USE_WHILE_ANOTHER_LOADS], capture_output=True, text=True, timeout=240, check=False
    )
    names = ["sqlite", "postgres", "duckdb", "clickhouse", "bigquery", "snowflake", "trino", "spark", "redshift"]
    assert (done.returncode, done.stdout.split()) == (0, [f"sqlglot.parsers.{name}" for name in names]), done.stderr
