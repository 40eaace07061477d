"""The feed of events: what changes is read once a second for all open streams of a process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from time import time

from fastapi.sse import format_sse_event
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from api.problems import NoFreePlace
from api.schemas.sync import SyncJob
from engine import Catalog, StateUnavailable, hash_metric
from runtime.rejected import RejectedFile
from runtime.services import Services
from state.jobs.jobs import Job

POLL_SECONDS = 1.0
# Streams that open together are served by one look.
GATHER_SECONDS = 0.02
HEARTBEAT_SECONDS = 15.0
WAIT_SECONDS = 5.0
# Then a client connects again: to a key that was withdrawn meanwhile, or to a process that has less to do.
MAX_STREAM_SECONDS = 3_600.0
MAX_STREAMS = 400
MAX_SHARE = 10
# Catalogs of which the hashes are known, to tell a client that returns what has changed since.
MAX_KNOWN_CATALOGS = 16
# Jobs begun since are looked at, for one may begin and end between two looks; clocks differ by less.
RECENT = timedelta(minutes=10)
RETRY = format_sse_event(retry=2_000)
HEARTBEAT = format_sse_event(comment="")

logger = logging.getLogger("metric_engine.api.event_feed")


@dataclass(frozen=True, slots=True)
class ServedCatalog:
    """The version of the catalog that a process serves, and the problems of files that it does not."""

    version: str
    rejected: tuple[RejectedFile, ...]


@dataclass(frozen=True, slots=True)
class FeedSnapshot:
    """What one look has found; `versions`, `newest` and `jobs` by user, without them where the state is away."""

    catalog: ServedCatalog
    versions: Mapping[str, int] = field(default_factory=dict)
    newest: Mapping[str, list[Job]] = field(default_factory=dict)
    jobs: Mapping[str, list[Job]] = field(default_factory=dict)
    error: StateUnavailable | None = None


@dataclass(frozen=True, slots=True)
class UserState:
    """All that a user's streams tell of."""

    catalog: ServedCatalog
    data_version: int
    jobs: tuple[Job, ...]


class EventFeed:
    """The open streams of a process, and the look that serves them all."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.streams: set[EventStream] = set()
        self.hashes: dict[str, Mapping[str, str]] = {}
        self.wake = asyncio.Event()
        self.is_closed = False
        self.is_state_away = False

    async def open_stream(self, user: str, *, last_id: str, expires_at: float) -> EventStream:
        """Open a stream that knows the current state. Raises NoFreePlace, StateUnavailable."""
        if self.is_closed or len(self.streams) >= MAX_STREAMS:
            raise NoFreePlace("this process has no place for another stream; try again shortly")
        if sum(stream.user == user for stream in self.streams) >= MAX_SHARE:
            raise NoFreePlace(f"{MAX_SHARE} streams of yours are open; close one")
        stream = EventStream(self, user, last_id=last_id, expires_at=expires_at)
        self.streams.add(stream)
        self.wake.set()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await stream.changed.wait()
            if stream.error is not None:
                raise stream.error
            if stream.latest is None:
                raise NoFreePlace("the server stops; connect again")
        except BaseException as error:
            stream.close()
            if isinstance(error, TimeoutError):
                raise NoFreePlace("the current state cannot be read in time; try again shortly") from None
            raise
        return stream

    async def run(self) -> None:
        """Look once a second while streams are open, and at once for a new one."""
        while not self.is_closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS if self.streams else None):
                    await self.wake.wait()
                    await asyncio.sleep(GATHER_SECONDS)
            self.wake.clear()
            try:
                await self.look()
            except Exception:
                logger.exception("the changes that events tell of cannot be read")

    async def look(self) -> None:
        streams = tuple(self.streams)
        if not streams or self.is_closed:
            return
        users = {stream.user for stream in streams}
        new = {stream.user for stream in streams if stream.latest is None}
        active = {job.id for stream in streams for job in stream.told_jobs.values() if not job.has_ended}
        snapshot = await run_in_threadpool(self.read_snapshot, users, new, active)
        for stream in streams:
            stream.receive_snapshot(snapshot)

    def read_snapshot(self, users: Collection[str], new: Collection[str], active: Collection[str]) -> FeedSnapshot:
        """Read what these users may be told; of `new` ones the newest job too, of `active` jobs their end."""
        catalog = self.services.catalog
        self.keep_hashes(catalog)
        served = ServedCatalog(catalog.version, self.services.rejected_files)
        state = self.services.state
        try:
            # A job's facts are there before its end.
            jobs = state.jobs.list_changing(users, active, datetime.now(UTC) - RECENT)
            newest = state.jobs.list_newest(new) if new else {}
            versions = state.tenants.list_data_versions(users)
        except StateUnavailable as error:
            if not self.is_state_away:
                logger.warning("no events of syncs and data: %s", error)
            self.is_state_away = True
            return FeedSnapshot(served, error=error)
        self.is_state_away = False
        return FeedSnapshot(served, versions, newest, jobs)

    def keep_hashes(self, catalog: Catalog) -> None:
        if catalog.version not in self.hashes:
            self.hashes[catalog.version] = {key: hash_metric(metric) for key, metric in catalog.widgets.items()}
            while len(self.hashes) > MAX_KNOWN_CATALOGS:
                del self.hashes[next(iter(self.hashes))]

    def close(self) -> None:
        """End all streams at once."""
        self.is_closed = True
        self.wake.set()
        for stream in self.streams:
            stream.changed.set()


class EventStream:
    """One client's stream: at first the current state, then each change of it.

    It holds only the newest state, however slowly the client reads. An id names the state that a client has been told.
    """

    def __init__(self, feed: EventFeed, user: str, *, last_id: str, expires_at: float) -> None:
        self.feed = feed
        self.user = user
        self.ends_at = min(expires_at, time() + MAX_STREAM_SECONDS)
        self.latest: UserState | None = None
        self.error: StateUnavailable | None = None
        self.changed = asyncio.Event()
        self.told_catalog: ServedCatalog | None = None
        self.known_version = last_id.partition("-")[0]
        self.told_data_version: int | None = None
        # Jobs that the next state may hold again; at the beginning all but the newest are old news.
        self.told_jobs: dict[str, Job] = {}
        self.last_job: Job | None = None

    def receive_snapshot(self, snapshot: FeedSnapshot) -> None:
        """Take what a look has found, and wake the stream where something has changed for its user."""
        latest = self.latest
        if snapshot.error is None:
            newest = snapshot.newest.get(self.user, ()) if latest is None else ()
            jobs = {job.id: job for job in [*newest, *snapshot.jobs.get(self.user, ())]}
            by_age = sorted(jobs.values(), key=lambda job: (job.created_at, job.id))
            if latest is None:
                self.told_jobs = {job.id: job for job in by_age[:-1]}
            state = UserState(snapshot.catalog, snapshot.versions[self.user], tuple(by_age))
        elif latest is None:
            self.error = snapshot.error
            self.changed.set()
            return
        else:
            state = UserState(snapshot.catalog, latest.data_version, latest.jobs)
        if state != latest:
            self.latest = state
            self.changed.set()

    async def iter_events(self) -> AsyncIterator[bytes]:
        """Iterate over the stream's text until its token expires or the server stops."""
        yield RETRY
        sent_at = time()
        while True:
            self.changed.clear()
            for event in self.list_events():
                yield event
                sent_at = time()
            if self.feed.is_closed or time() >= self.ends_at:
                return
            if time() >= sent_at + HEARTBEAT_SECONDS:
                yield HEARTBEAT
                sent_at = time()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(self.ends_at, sent_at + HEARTBEAT_SECONDS) - time())):
                    await self.changed.wait()

    def list_events(self) -> list[bytes]:
        """List the events that lead from what was told to the newest state."""
        state = self.latest
        assert state is not None
        events = []
        if state.catalog != self.told_catalog:
            body = self.describe_catalog(state.catalog)
            self.told_catalog, self.known_version = state.catalog, state.catalog.version
            events.append(self.format_event("catalog", body))
        if state.data_version != self.told_data_version:
            self.told_data_version = state.data_version
            events.append(self.format_event("data", {"version": state.data_version}))
        told, self.told_jobs = self.told_jobs, {job.id: job for job in state.jobs}
        for job in state.jobs:
            if job != told.get(job.id):
                self.last_job = job
                events.append(self.format_event("sync", SyncJob.model_validate(asdict(job))))
        return events

    def describe_catalog(self, catalog: ServedCatalog) -> dict[str, object]:
        hashes = self.feed.hashes[catalog.version]
        before = self.feed.hashes.get(self.known_version)
        changed: dict[str, str | None] = {
            key: value for key, value in hashes.items() if before is None or before.get(key) != value
        }
        changed |= {key: None for key in before or () if key not in hashes}
        return {
            "version": catalog.version,
            "hashes": changed,
            "complete": before is None,
            "diagnostics": [asdict(each) for each in catalog.rejected],
        }

    def format_event(self, name: str, body: object) -> bytes:
        job = "0" if self.last_job is None else blake2b(to_json(asdict(self.last_job)), digest_size=8).hexdigest()
        identifier = f"{self.known_version}-{self.told_data_version or 0}-{job}"
        return format_sse_event(event=name, id=identifier, data_str=to_json(body).decode())

    def close(self) -> None:
        self.feed.streams.discard(self)
