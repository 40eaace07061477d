"""One widget with comparison beside other semantic layers, on copies of one DuckDB file, in turns.

    make bench-peers

Each peer is installed into an environment of its own, in a temporary folder, and asked through its own Python API by a
script in this folder. All answers have to be equal before anything is timed. A peer that cannot be installed, or does
not run, is told of and left out.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench.engine import LAST, fill_table, make_tenant
from bench.http import PAGE, write_section
from engine import Warehouse, load_catalog
from runtime.shipped import get_shipped_folder

TENANTS = 100
ROUNDS, CALLS = 9, 20
WINDOW = (LAST - timedelta(days=27), LAST)
SECTION = "## Beside other semantic layers"
INSTALL_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Peer:
    """A subject of the bench: its script, what it needs installed, and the script's arguments beside the file.

    What needs nothing runs in this environment.
    """

    title: str
    script: str
    packages: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


OURS = Peer("this engine", "ask_ours")
DRIVER = "duckdb==2.0.1"
PEERS = (
    OURS,
    Peer("the same with its cache, asked again", "ask_ours", arguments=("cached",)),
    Peer("one statement by hand on the driver", "ask_by_hand"),
    Peer("Sidemantic 0.13.0", "ask_sidemantic", ("sidemantic==0.13.0", DRIVER)),
    Peer(
        "boring-semantic-layer 0.3.18",
        "ask_boring",
        ("boring-semantic-layer==0.3.18", "ibis-framework[duckdb]==11.0.0", DRIVER),
    ),
    Peer("MetricFlow 0.213.0", "ask_metricflow", ("metricflow==0.213.0", DRIVER)),
)


class UnusablePeer(Exception):
    """A peer that could not be installed, or did not run."""


class Subject:
    """A running peer, which answers rounds of questions."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def receive(self) -> Any:
        """Return the next line. Raises UnusablePeer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise UnusablePeer("it does not run; what it says is above")
        return json.loads(line)

    def ask(self, numbers: Sequence[int]) -> dict[str, Any]:
        assert self.process.stdin is not None
        asked = {"tenants": [make_tenant(number) for number in numbers], "window": [str(day) for day in WINDOW]}
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        answered: dict[str, Any] = self.receive()
        return answered


def main() -> None:
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        file = folder / "facts.duckdb"
        fill_file(file)
        subjects: dict[Peer, Subject] = {}
        left_out: dict[Peer, str] = {}
        for peer in PEERS:
            try:
                python = install_peer(peer, folder / peer.script)
                copy = folder / f"{len(subjects)}.duckdb"
                shutil.copy(file, copy)
                subject = opened.enter_context(run_peer(peer, python, copy))
                compare_answers(subject, subjects.get(OURS, subject))
            except UnusablePeer as error:
                print(f"{peer.title} is left out: {error}", flush=True)
                left_out[peer] = str(error)
            else:
                subjects[peer] = subject
                print(f"{peer.title} gives the same answers", flush=True)
        text = render_table(measure_rounds(subjects), left_out)
    print(text)
    write_section(PAGE, SECTION, text)


def fill_file(file: Path) -> None:
    warehouse = Warehouse(f"duckdb:///{file}")
    fill_table(warehouse, load_catalog(get_shipped_folder()), TENANTS)
    warehouse.close()


def install_peer(peer: Peer, folder: Path) -> str:
    """Install a peer into an environment of its own; return its Python. Raises UnusablePeer."""
    if not peer.packages:
        return sys.executable
    print(f"installing {', '.join(peer.packages)}", flush=True)
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise UnusablePeer(f"pip took longer than {INSTALL_SECONDS} s") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.lower().startswith("error")]
        raise UnusablePeer(f"pip cannot install it: {errors[-1] if errors else 'it does not say why'}")
    return python


@contextmanager
def run_peer(peer: Peer, python: str, file: Path) -> Iterator[Subject]:
    """Run a peer's script on its copy of the file; yields it once it is ready. Raises UnusablePeer."""
    root = str(PAGE.parent.parent)
    command = [python, "-m", f"bench.peers.{peer.script}", str(file), *peer.arguments]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": root, "HOME": str(file.parent)}
    with subprocess.Popen(
        command, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            subject = Subject(process)
            subject.receive()
            yield subject
        finally:
            process.kill()


def compare_answers(subject: Subject, ours: Subject) -> None:
    """Ask both for every tenant. Raises UnusablePeer for an answer that differs."""
    everybody = range(TENANTS)
    for number, ask in enumerate(zip(subject.ask(everybody)["answers"], ours.ask(everybody)["answers"], strict=True)):
        if ask[0] != ask[1]:
            raise UnusablePeer(f"it answers otherwise for tenant {number}: {ask[0]} instead of {ask[1]}")


def measure_rounds(subjects: Mapping[Peer, Subject]) -> dict[Peer, list[float]]:
    """Return the median seconds of each round of each subject, which are asked in turns."""
    medians: dict[Peer, list[float]] = {peer: [] for peer in subjects}
    chance = Random(4)
    for _ in range(ROUNDS):
        numbers = [chance.randrange(TENANTS) for _ in range(CALLS)]
        for peer, subject in subjects.items():
            medians[peer].append(statistics.median(subject.ask(numbers)["seconds"]))
    return medians


def render_table(medians: Mapping[Peer, Sequence[float]], left_out: Mapping[Peer, str]) -> str:
    """Render the table as Markdown: milliseconds, and how many times as long as ours."""
    lines = ["| | ms | times ours (least to most of the rounds) |", "|---|---|---|"]
    for peer, seconds in medians.items():
        ratios = [theirs / ours for theirs, ours in zip(seconds, medians[OURS], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"| {peer.title} | {statistics.median(seconds) * 1e3:.2f} | {spread} |")
    lines += [f"| {peer.title} | – | left out: {reason} |" for peer, reason in left_out.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
