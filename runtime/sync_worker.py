"""The sync worker of an installation, as the settings describe it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING

from engine import SOURCES, InvalidSetting, Table, Warehouse, suggest_source
from runtime.settings import Settings
from state import State
from sync.job import JobLimits, SyncContext, SyncObserver
from sync.provider import Provider
from sync.schedule import Schedule
from sync.worker import Worker

if TYPE_CHECKING:
    from sync.providers.registry import Addresses, Applications

# An embedded database takes one writer at a time; servers take as many as come.
SERVER_WRITERS = 8


def open_worker(
    settings: Settings,
    *,
    state: State,
    warehouse: Warehouse,
    tables: Callable[[], Mapping[str, Table]],
    observer: SyncObserver,
    schedule: Schedule | None = None,
) -> Worker:
    """Build a worker without starting it; with a schedule it opens the daily runs too.

    Raises InvalidSetting.
    """
    own = import_providers(settings.sync_providers)

    @asynccontextmanager
    async def open_all_providers() -> AsyncIterator[Mapping[str, Provider]]:
        from sync.http import ProviderClient
        from sync.providers.registry import open_providers

        async with ProviderClient() as calls:
            yield {**open_providers(calls, build_addresses(settings), build_applications(settings)), **own}

    writers = 1 if warehouse.driver.embedded else SERVER_WRITERS
    context = SyncContext(state, warehouse, tables, open_all_providers, observer, JobLimits(writers=writers))
    return Worker(context, schedule)


def import_providers(setting: str | None) -> Mapping[str, Provider]:
    """Return the providers of `module:function`, by source; they replace the built-in ones.

    Raises InvalidSetting.
    """
    if setting is None:
        return {}
    module, _, name = setting.partition(":")
    try:
        given: Mapping[str, Provider] = getattr(import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise InvalidSetting(f"SYNC_PROVIDERS: {setting!r} cannot be imported: {error}") from None
    for source in given:
        if source not in SOURCES:
            hint = suggest_source(source, SOURCES)
            raise InvalidSetting(f"SYNC_PROVIDERS: {setting!r} provides {source!r}, which is no source{hint}")
    return given


def build_addresses(settings: Settings) -> Addresses:
    """Return the providers' addresses: their own, unless a setting replaces one."""
    from sync.providers.registry import Addresses

    given = {each.name: getattr(settings, each.name) for each in fields(Addresses)}
    return Addresses(**{name: address for name, address in given.items() if address is not None})


def build_applications(settings: Settings) -> Applications:
    """Return the ids and secrets by which the providers know the installation."""
    from sync.providers.registry import Applications

    return Applications(**{each.name: getattr(settings, each.name) for each in fields(Applications)})
