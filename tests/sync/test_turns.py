"""Places that users take in turn: who is next, and what the waiting costs."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from demo.providers.accounts import Profile
from demo.providers.graph.instagram import InstagramStandIn
from demo.providers.server import StandIn
from engine.warehouse.warehouse import Warehouse
from state import State
from sync.http import ProviderClient, ProviderRequest
from sync.job import SyncContext
from sync.limits import CALL_LIMITS
from sync.parsing import Site
from sync.provider import Account, Provider, Sink
from sync.providers.graph import parse_response
from sync.turns import FairSemaphore
from sync.worker import Worker
from tests.conftest import OTHER_TENANT, TENANT
from tests.support.sync.recording_sink import make_world
from tests.sync.conftest import CATALOG, PATIENT, RecordingObserver, connect_accounts
from tests.sync.test_worker import wait_for_job

pytestmark = pytest.mark.server

# Seconds of one call, and what an account or a job may take: it is beyond one call by much, but not beyond all six.
LATENCY = 0.8
LIMIT = 4.0
ACCOUNTS = [str(number) for number in range(1, 7)]
USERS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(1, 7)]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    world = make_world()
    world.add_accounts(*map(Profile, ACCOUNTS))
    with InstagramStandIn(world, latency=LATENCY) as stand_in:
        yield stand_in


@dataclass
class OneCall:
    """A provider that calls once for each account."""

    stand_in: StandIn
    client: ProviderClient

    async def sync(self, account: Account, sink: Sink) -> None:
        token = self.stand_in.world.instagram.issue(*ACCOUNTS)
        url = f"{self.stand_in.url}/{account.id}"
        request = ProviderRequest("GET", url, query={"fields": "followers_count"}, token=token)
        await self.client.request(Site("instagram", "Instagram"), account.id, request, parse_response)


@pytest.fixture
def one_place(state: State, warehouse: Warehouse, counts: RecordingObserver, stand_in: StandIn) -> SyncContext:
    """An installation with one place for the calls of all its users."""

    @asynccontextmanager
    async def providers() -> AsyncIterator[Mapping[str, Provider]]:
        async with ProviderClient(replace(CALL_LIMITS, at_once_each=1, at_once_user=1)) as client:
            yield {"instagram": OneCall(stand_in, client)}

    return SyncContext(state, warehouse, lambda: CATALOG.tables, providers, counts)


def test_waiting_for_a_place_costs_an_account_no_time(state: State, one_place: SyncContext) -> None:
    connect_accounts(state, TENANT, *(("instagram", account) for account in ACCOUNTS))
    bounds = replace(PATIENT, account_seconds=LIMIT)
    with Worker(replace(one_place, limits=bounds)):
        job = wait_for_job(state, state.jobs.start(TENANT))
    assert job.status == "succeeded", job.sources


def test_waiting_for_others_costs_a_job_no_time(state: State, one_place: SyncContext) -> None:
    for user, account in zip(USERS, ACCOUNTS, strict=True):
        connect_accounts(state, user, ("instagram", account))
    bounds = replace(PATIENT, job_seconds=LIMIT)
    ids = {user: state.jobs.start(user) for user in USERS}
    with Worker(replace(one_place, limits=bounds)):
        jobs = [wait_for_job(state, job_id, user) for user, job_id in ids.items()]
    assert [(job.status, job.detail) for job in jobs] == [("succeeded", None)] * len(USERS)


def test_a_free_place_goes_to_the_user_who_holds_the_fewest() -> None:
    order: list[str] = []

    async def take(places: FairSemaphore, user: str) -> None:
        await places.acquire(user)
        order.append(user)
        await asyncio.sleep(0)
        places.release(user)

    async def crowd() -> None:
        places = FairSemaphore(1)
        await places.acquire("a")
        waiting = [asyncio.create_task(take(places, user)) for user in "aaaaabbc"]
        await asyncio.sleep(0)
        places.release("a")
        await asyncio.gather(*waiting)

    asyncio.run(crowd())
    assert "".join(order) == "abcabaaa"


def test_no_user_holds_more_than_a_share() -> None:
    async def crowd() -> None:
        places = FairSemaphore(4, each=2)
        for _ in range(2):
            await places.acquire("a")
        third = asyncio.create_task(places.acquire("a"))
        await asyncio.wait_for(places.acquire("b"), 1)
        assert not third.done()
        places.release("a")
        await asyncio.wait_for(third, 1)

    asyncio.run(crowd())


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_cancelled_no_place_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    places = FairSemaphore(5, each=3)
    held: Counter[str] = Counter()

    async def take(user: str) -> None:
        for _ in range(5):
            await places.acquire(user)
            held[user] += 1
            assert held[user] <= 3
            assert held.total() <= 5
            try:
                await asyncio.sleep(chance.uniform(0, 0.002))
            finally:
                held[user] -= 1
                places.release(user)

    async def crowd() -> None:
        tasks = [asyncio.create_task(take(chance.choice([TENANT, OTHER_TENANT, "c"]))) for _ in range(40)]
        for task in chance.sample(tasks, 20):
            await asyncio.sleep(chance.uniform(0, 0.002))
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert ended is None or isinstance(ended, asyncio.CancelledError)

    asyncio.run(crowd())
    assert (places.free, places.waiting, places.held) == (5, {}, Counter())
