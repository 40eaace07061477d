"""A crowd of users: their world, its stand-ins, and the context of a worker that syncs them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import SecretStr

from demo.providers.crowd import CrowdUser, add_crowd
from demo.providers.stand_ins import StandIns
from demo.providers.world import APP, CLIENT, ProviderWorld
from engine.warehouse.warehouse import Warehouse
from state import State
from sync.http import ProviderClient
from sync.job import JobLimits, SyncContext
from sync.limits import CALL_LIMITS, CallLimits
from sync.provider import Provider
from sync.providers.registry import Addresses, Applications, open_providers
from tests.support.providers import google_faults, graph_faults
from tests.support.providers.faults import plant_fault
from tests.sync.conftest import CATALOG, RecordingObserver

# The limits of an installation, but with short waits when the stand-ins limit the calls.
BRISK = replace(CALL_LIMITS, backoff=0.01, max_backoff=0.1, throttled=0.02)
DEAD_EVERY = 10
THROTTLED = 0.2


def make_user_id(user: CrowdUser) -> str:
    return f"00000000-0000-4000-8000-{user.number:012d}"


def is_dead(user: CrowdUser) -> bool:
    return user.number % DEAD_EVERY == 0


@dataclass
class Crowd:
    """A crowd of users and the stand-ins with their accounts."""

    users: Sequence[CrowdUser]
    stand_ins: StandIns

    @classmethod
    def of(cls, size: int, now: datetime) -> Crowd:
        world = ProviderWorld(lambda: now)
        return cls(add_crowd(world, size), StandIns(world))

    def connect_accounts(self, state: State) -> None:
        for user in self.users:
            state.connections.put(make_user_id(user), "ga4", user.property_id, {"refresh_token": user.refresh_token})
            state.connections.put(make_user_id(user), "meta", user.ad_account_id, {"access_token": user.meta_token})
            state.connections.put(
                make_user_id(user), "instagram", user.profile_id, {"access_token": user.instagram_token}
            )

    def make_trouble(self, *, seconds: int = 0) -> None:
        """Kill the tokens of every tenth user, and throttle a fifth of all calls.

        Meta's and Instagram's throttled calls say to wait `seconds`.
        """
        ga4, meta, instagram = self.stand_ins.all
        for user in filter(is_dead, self.users):
            self.stand_ins.world.google.revoke(user.refresh_token)
            self.stand_ins.world.meta.kill(user.meta_token)
            self.stand_ins.world.instagram.kill(user.instagram_token)
        plant_fault(ga4, google_faults.exhaust_quota(), chance=THROTTLED, path=":runReport")
        for each in (meta, instagram):
            plant_fault(each, graph_faults.throttle_calls(80000, seconds=seconds), chance=THROTTLED)


def make_sync_context(
    stand_ins: StandIns,
    state: State,
    warehouse: Warehouse,
    *,
    now: datetime,
    history: int,
    bounds: JobLimits,
    pace: CallLimits = BRISK,
    counts: RecordingObserver | None = None,
) -> SyncContext:
    """Make the context of a worker that reads the stand-ins."""
    addresses = Addresses(stand_ins.ga4.url, stand_ins.ga4.token_url, stand_ins.meta.url, stand_ins.instagram.url)
    applications = Applications(CLIENT[0], SecretStr(CLIENT[1]), APP[0], SecretStr(APP[1]))

    @asynccontextmanager
    async def providers() -> AsyncIterator[Mapping[str, Provider]]:
        async with ProviderClient(pace) as client:
            yield open_providers(client, addresses, applications, history=history)

    return SyncContext(
        state, warehouse, lambda: CATALOG.tables, providers, counts or RecordingObserver(), bounds, clock=lambda: now
    )
