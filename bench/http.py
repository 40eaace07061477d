"""The figures of docs/benchmarks.md over HTTP: our API beside applications that answer the same, in turns.

    python -m bench.http

The servers have one core and the load, with the databases' servers, the other; where the system has no affinities, both
have all. A round asks each server in turn, so that whatever else the machine does slows all of them; a ratio is told
with the lowest and the highest of its rounds.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Self
from urllib.request import Request, urlopen

from pydantic import SecretStr

from api.tokens import create_token
from bench.engine import DAYS, LAST, fill_table, make_tenant
from bench.http_load import Load, send_load
from bench.http_peers import PATH
from bench.scale import run_postgres, settle_table
from bench.syncing import pin_process, read_resident_bytes, run_server
from engine import Warehouse, load_catalog
from runtime.shipped import get_shipped_folder
from state import State

TENANTS = 100
# Of a page that several people keep open.
WARM_TENANTS = 16
WINDOW = timedelta(days=27)
ROUNDS = 6
SECONDS = 0.5
CLIENTS = (1, 32)
VARIED = 60_000
MAX_VARIED_SECONDS = 40.0
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
SECTION = "## Over HTTP"

STARLETTE, FASTAPI, BY_HAND, USUAL = "bare Starlette", "bare FastAPI", "a route by hand", "the usual handler"
WARM, COLD = "ours, kept", "ours, not kept"
FACTORIES = {
    STARLETTE: "bench.http_peers:make_bare_starlette",
    FASTAPI: "bench.http_peers:make_bare_fastapi",
    BY_HAND: "bench.http_peers:make_by_hand",
    USUAL: "bench.http_peers:make_usual_handler",
}
# Two servers, and how many times as many requests the first is to answer.
AIMS = (
    ("a kept answer : bare Starlette with the same bytes", WARM, STARLETTE, 0.5),
    ("a kept answer : a bare FastAPI route", WARM, FASTAPI, 1.2),
    ("an answer that is not kept : an asynchronous route by hand", COLD, BY_HAND, 0.7),
    ("an answer that is not kept : the usual handler", COLD, USUAL, 2.5),
)


@dataclass(slots=True)
class Rounds:
    """The loads of one server at one number of clients, a round each."""

    loads: list[Load] = field(default_factory=list)
    # The seconds of a processor that the server spent on a request.
    costs: list[float] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        return [load.rate for load in self.loads]

    def describe(self) -> str:
        rate = statistics.median(self.rates)
        median = statistics.median(load.median for load in self.loads) * 1e3
        slowest = statistics.median(load.slowest for load in self.loads) * 1e3
        return f"{rate:,.0f}/s, {median:.2f} / {slowest:.2f}, {statistics.median(self.costs) * 1e6:,.0f}"


Measured = dict[tuple[str, int], Rounds]


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of the bench as bytes: equal ones that a cache has, and varied ones that it lacks."""

    tokens: list[str]
    order: list[int]

    @classmethod
    def sign(cls, secret: str, tenants: int = TENANTS) -> Self:
        tokens = [
            create_token(make_tenant(number), secret=SecretStr(secret), lifetime=timedelta(hours=1))
            for number in range(tenants)
        ]
        order = list(range(tenants * (DAYS - 3 * WINDOW.days)))
        Random(3).shuffle(order)
        return cls(tokens, order)

    def make_warm(self, number: int) -> bytes:
        return self.make_request(number % WARM_TENANTS, LAST)

    def make_cold(self, number: int) -> bytes:
        return self.make_request(*self.pick(number))

    def pick(self, number: int) -> tuple[int, date]:
        """Pick a tenant and the last day of a window that no other number has, until all have been picked."""
        offset, tenant = divmod(self.order[number % len(self.order)], len(self.tokens))
        return tenant, LAST - timedelta(days=offset)

    def make_request(self, tenant: int, end: date) -> bytes:
        head = f"GET {PATH}?start={end - WINDOW}&end={end}&compare=previous_period HTTP/1.1"
        return f"{head}\r\nHost: bench\r\nAuthorization: Bearer {self.tokens[tenant]}\r\n\r\n".encode()


def main() -> None:
    measured, memory, workers = dict[str, Measured](), dict[str, str](), dict[str, list[float]]()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        cores = share_cores()
        urls = {
            "SQLite": f"sqlite:///{folder / 'bench.db'}",
            "PostgreSQL": opened.enter_context(run_postgres()),
        }
        for name, url in urls.items():
            secret = secrets.token_urlsafe(48)
            environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url, "JWT_SECRET": secret}
            environment["PYTHONPATH"] = os.pathsep.join(sys.path)
            fill_database(url)
            requests = Requests.sign(secret)
            measured[name] = measure_servers(name, environment, folder, requests, cores)
            memory[name] = measure_memory(environment, requests, cores)
            workers[name] = measure_workers(environment, requests)
    text = render_section(measured, memory, workers)
    print(text)
    write_section(PAGE, SECTION, text)


def share_cores() -> frozenset[int]:
    """Leave this process the last core, and return those of the servers: the first, or all where there is no choice."""
    if not hasattr(os, "sched_setaffinity"):
        print("this system has no affinities: servers and load share all cores")
        return frozenset()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("there is one core: servers and load share it")
        return frozenset(cores)
    os.sched_setaffinity(0, {cores[-1]})
    return frozenset(cores[:1])


def fill_database(url: str) -> None:
    """Give each tenant two years of rows, and its source."""
    catalog = load_catalog(get_shipped_folder())
    warehouse = Warehouse(url)
    fill_table(warehouse, catalog, TENANTS)
    settle_table(warehouse, catalog.tables["ga4_daily"])
    warehouse.close()
    state = State.open(url)
    for number in range(TENANTS):
        state.connections.put(make_tenant(number), "ga4", "1")
    state.close()


@contextmanager
def run_ours(environment: Mapping[str, str], cores: frozenset[int], *arguments: str) -> Iterator[tuple[int, int]]:
    """Run our API; yields its port and its process."""
    with run_server(dict(environment), *arguments, cores=cores) as (process, address):
        yield int(address.rpartition(":")[2]), process.pid


@contextmanager
def run_peer(factory: str, environment: Mapping[str, str], cores: frozenset[int]) -> Iterator[tuple[int, int]]:
    """Run one of the peers under uvicorn, with the fastest loop and parser that are installed.

    Yields its port and its process.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", factory]
    options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    with subprocess.Popen(command + options, env=dict(environment), cwd=PAGE.parent.parent) as process:
        pin_process(process.pid, cores)
        try:
            wait_for_port(port)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def wait_for_port(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens on port {port}")


def measure_servers(
    database: str, environment: Mapping[str, str], folder: Path, requests: Requests, cores: frozenset[int]
) -> Measured:
    """Ask every server in turns, at each number of clients."""
    measured: Measured = {}
    with ExitStack() as opened:
        ours, process = opened.enter_context(run_ours(environment, cores))
        body = folder / "body.json"
        body.write_bytes(fetch_body(ours, requests))
        peer_environment = {**environment, "BENCH_BODY": str(body)}
        servers = {
            name: (*opened.enter_context(run_peer(factory, peer_environment, cores)), requests.make_cold)
            for name, factory in FACTORIES.items()
        }
        servers |= {WARM: (ours, process, requests.make_warm), COLD: (ours, process, requests.make_cold)}
        asked = dict.fromkeys(servers, 0)
        for turn in range(ROUNDS + 1):
            for clients in CLIENTS:
                for name, (port, server, make_request) in servers.items():
                    first, before = asked[name], read_cpu_seconds(server)
                    load = send_load(
                        port,
                        partial(make_later_request, make_request, first),
                        clients=clients,
                        # The first round only warms up.
                        seconds=SECONDS if turn else SECONDS / 4,
                        most=VARIED,
                    )
                    asked[name] += len(load.seconds)
                    if turn:
                        rounds = measured.setdefault((name, clients), Rounds())
                        rounds.loads.append(load)
                        rounds.costs.append((read_cpu_seconds(server) - before) / len(load.seconds))
    for (name, clients), rounds in measured.items():
        print(f"{database:10} {clients:3} {name:20} {rounds.describe()}", flush=True)
    return measured


def make_later_request(make_request: Callable[[int], bytes], first: int, number: int) -> bytes:
    """Make a request that none of the `first` ones was."""
    return make_request(first + number)


def fetch_body(port: int, requests: Requests) -> bytes:
    head, *lines = requests.make_warm(0).decode().splitlines()
    headers = dict(line.split(": ", 1) for line in lines if line)
    with urlopen(Request(f"http://127.0.0.1:{port}{head.split()[1]}", headers=headers)) as response:
        found: bytes = response.read()
    return found


def measure_memory(environment: Mapping[str, str], requests: Requests, cores: frozenset[int]) -> str:
    """Return our process's memory after its first answer, and after many that all differ."""
    with run_ours(environment, cores) as (port, process):
        fetch_body(port, requests)
        before = read_resident_bytes(process)
        load = send_load(port, requests.make_cold, clients=32, seconds=MAX_VARIED_SECONDS, most=VARIED)
        after = read_resident_bytes(process)
    return f"{before / 2**20:.0f} MB at first, {after / 2**20:.0f} MB after {len(load.seconds):,} varied requests"


def measure_workers(environment: Mapping[str, str], requests: Requests) -> list[float]:
    """Return, a round each, how many times as many kept answers two workers give as one, on all cores."""
    everything = frozenset(range(os.cpu_count() or 1))
    ratios = []
    with ExitStack() as opened:
        ports = [
            opened.enter_context(run_ours(environment, everything, "--workers", str(workers)))[0] for workers in (1, 2)
        ]
        for _ in range(ROUNDS + 1):
            rates = [
                send_load(port, requests.make_warm, clients=32, seconds=SECONDS, most=10**9).rate for port in ports
            ]
            ratios.append(rates[1] / rates[0])
    return ratios[1:]


def format_ratios(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def compare_rates(measured: Measured, subject: str, peer: str, clients: int) -> list[float]:
    pairs = zip(measured[subject, clients].rates, measured[peer, clients].rates, strict=True)
    return [ours / theirs for ours, theirs in pairs]


def compare_costs(measured: Measured, subject: str, peer: str, clients: int) -> list[float]:
    """Return how many times a request of the subject goes into one of the peer; other load hardly changes it."""
    pairs = zip(measured[subject, clients].costs, measured[peer, clients].costs, strict=True)
    return [theirs / max(ours, 1e-6) for ours, theirs in pairs]


def read_cpu_seconds(process: int) -> float:
    """Return the seconds that a process has had of a processor."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def render_section(
    measured: Mapping[str, Measured], memory: Mapping[str, str], workers: Mapping[str, list[float]]
) -> str:
    """Render the section as Markdown: ratios beside their aims, then what each server did."""
    columns = [(database, clients) for database in measured for clients in CLIENTS]
    heads = [f"{database}, {clients}" for database, clients in columns]
    lines = [f"| ratio of requests a second | aim | {' | '.join(heads)} |", f"|---|---|{'---|' * len(columns)}"]
    for title, subject, peer, aim in AIMS:
        ratios = [format_ratios(compare_rates(measured[name], subject, peer, clients)) for name, clients in columns]
        lines.append(f"| {title} | ≥ {aim} | {' | '.join(ratios)} |")
    for title, subject, peer, aim in AIMS:
        ratios = [format_ratios(compare_costs(measured[name], subject, peer, clients)) for name, clients in columns]
        lines.append(f"| the same by the processor's time: {title} | ≥ {aim} | {' | '.join(ratios)} |")
    tails = [
        format_ratios([load.slowest / load.median for load in measured[name][WARM, clients].loads])
        for name, clients in columns
    ]
    lines.append(f"| p99 of kept answers : their p50 | ≤ 4 at 32 | {' | '.join(tails)} |")
    lines += [
        "",
        f"| requests a second, p50 / p99 in ms, µs of the processor | {' | '.join(heads)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for name in (*FACTORIES, WARM, COLD):
        figures = [measured[database][name, clients].describe() for database, clients in columns]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    lines.append("")
    lines += [f"- Memory, {name}: {text}; at most 160 MB are aimed at." for name, text in memory.items()]
    lines += [
        f"- Two workers : one, {name}, kept answers, all cores shared with the load: {format_ratios(ratios)}."
        for name, ratios in workers.items()
    ]
    return "\n".join(lines)


def write_section(page: Path, title: str, text: str) -> None:
    """Replace the figures of a section, which stand between its two marks; its prose stays."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(f"<!-- {title[3:]} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not mark or not end:
        raise ValueError(f"{page.name} has no marks for {title!r}")
    page.write_text(f"{before}{mark}{text}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
