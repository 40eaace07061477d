"""The time to load 1,000 metrics in 100 files, and of `validate` on the shipped files."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from engine import load_catalog
from runtime.shipped import get_shipped_folder

FILES = 100
METRICS_A_FILE = 10
ROUNDS = 5

HEAD = """source: ga4
table: table_{file}
vars: {{paid_{file}: "('Paid Search', 'Paid Social')"}}
tables:
  table_{file}:
    time: date
    key: [user_id, date, channel]
    columns:
      user_id: uuid
      date: date
      channel: text
      users: {{type: bigint, additive: false}}
      sessions: bigint
      conversions: double
      revenue: numeric
metrics:
"""
METRIC = """  file_{file}.metric_{metric}:
    title: Metric {metric} of file {file}
    description: What it shows, in a sentence.
    {content}
    format: decimal
    chart: line
    tests:
      - name: two days
        rows: [{{date: 2025-01-01, sessions: 3}}, {{date: 2025-01-02, sessions: 4}}]
        start: 2025-01-01
        end: 2025-01-02
        expect: {{meta: {{grain: day}}}}
"""
CONTENTS = (
    *("value: sum(sessions)", "value: sum(conversions) / sum(sessions)", "value: sum(revenue) / sum(conversions)"),
    *("value: sum(sessions)\n    where: channel <> 'Direct'", "value: sum(users)\n    total: average"),
    *("value: sum(revenue)\n    by: channel\n    top: 6", "value: count(distinct channel)"),
    "value: sum(case when channel = 'Email' then sessions end)",
    "value: sum(sessions)\n    where: channel in {{{{ paid_{file} }}}}",
    "series: {{Sessions: sum(sessions), Revenue: sum(revenue)}}",
)


def write_metric_files(folder: Path) -> None:
    """Fill a folder with files of tables, tests and every kind of metric over a table."""
    for file in range(FILES):
        contents = [CONTENTS[metric % len(CONTENTS)].format(file=file) for metric in range(METRICS_A_FILE)]
        metrics = [METRIC.format(file=file, metric=number, content=text) for number, text in enumerate(contents)]
        (folder / f"file_{file:03}.yaml").write_text(HEAD.format(file=file) + "".join(metrics), encoding="utf-8")


def measure_median(subject: Callable[[], object]) -> float:
    """Return the median seconds of a call."""
    samples = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subject()
        samples.append(time.perf_counter() - began)
    return statistics.median(samples)


def run_validate() -> None:
    command = [sys.executable, "-m", "cli", "validate", str(get_shipped_folder())]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Print both figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_metric_files(folder)
        assert len(load_catalog(folder).metrics) == FILES * METRICS_A_FILE
        took = measure_median(lambda: load_catalog(folder))
    print(f"load and validate {FILES * METRICS_A_FILE:,} metrics in {FILES} files: {took:.2f} s (target 1.0)")
    print(f"validate the shipped files, process start included: {measure_median(run_validate):.2f} s (target 0.5)")


if __name__ == "__main__":
    main()
