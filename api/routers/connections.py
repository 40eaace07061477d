"""The user's connections: accounts of a source, with or without credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Path, Query
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.middleware.authentication import get_tenant
from api.problems import InvalidBody, format_pointer
from api.request_state import get_services
from api.schemas.connections import ConnectionEntry, ConnectionList, ConnectionOptions, NewConnection
from api.schemas.shared import ONE_SOURCE
from api.widget_query import check_parameters
from engine import SOURCES, Source, did_you_mean, find_nearest_names, quote_text, suggest_source
from runtime.accounts import check_connectable

UNKNOWN_SOURCE = "no source of that name"
CONFLICTS = (
    "loaded rows without an account stand where the sync would put this one's; no key to keep credentials under; or as "
    "many accounts as are allowed"
)


def get_source(request: Request, source: Annotated[str, Path(json_schema_extra={"pattern": ONE_SOURCE})]) -> Source:
    """Return the source of the path. Raises HTTPException for an unknown one."""
    sources = get_services(request).engine.catalog.sources
    if source not in sources:
        raise HTTPException(404, f"no source {quote_text(source)}{suggest_source(source, sources)}")
    return sources[source]


User = Annotated[str, Depends(get_tenant)]
PathSource = Annotated[Source, Depends(get_source)]
# Accounts that were loaded with `load` may have any id that a database can store.
AccountId = Annotated[str | None, Query(pattern=r"^[^\x00]*$", max_length=200)]

router = APIRouter(prefix="/connections", tags=["connections"])


@router.get("", summary="The connected accounts")
def connections(request: Request, user: User) -> ConnectionList:
    found = get_services(request).state.connections.list_connections(user)
    return ConnectionList(connections=[ConnectionEntry.model_validate(asdict(entry)) for entry in found])


@router.put(
    "/{source}",
    summary="Connect an account",
    responses={404: {"description": UNKNOWN_SOURCE}, 409: {"description": CONFLICTS}},
)
def connect(request: Request, source: PathSource, new: NewConnection, user: User) -> ConnectionEntry:
    check_account(source, new.account_id)
    credentials = None if new.credentials is None else read_credentials(source, new.credentials)
    options = None if new.options is None else read_options(source, new.options)
    services = get_services(request)
    if credentials is not None:
        check_connectable(services, user, source.name, new.account_id)
    entry = services.state.connections.put(user, source.name, new.account_id, credentials, options)
    services.state.tenants.advance_data_version(user)
    return ConnectionEntry.model_validate(asdict(entry))


@router.delete(
    "/{source}",
    summary="Remove an account, or all of the source",
    status_code=204,
    responses={404: {"description": UNKNOWN_SOURCE}},
)
def disconnect(request: Request, source: PathSource, user: User, account_id: AccountId = None) -> None:
    # A misspelt parameter would remove every account.
    check_parameters(request, ("account_id",))
    state = get_services(request).state
    state.connections.delete(user, source.name, account_id)
    state.tenants.advance_data_version(user)


def check_account(source: Source, account_id: str) -> None:
    """Raise InvalidBody for an id that no account of the source can have."""
    if not source.is_account_id(account_id):
        message = f"{quote_text(account_id)} is not an account id of {source.name}: {source.account_form}"
        raise InvalidBody([("#/account_id", message)])


def read_credentials(source: Source, given: dict[str, Any]) -> Mapping[str, Any]:
    """Return the credentials in the source's shape. Raises InvalidBody, without their values."""
    # Imported late: providers are slow to import, and few requests have credentials.
    from sync.providers.registry import PROVIDERS

    if source.name not in PROVIDERS:
        raise InvalidBody(
            [("#/credentials", f"nothing here reads accounts of {source.name} with them; leave them out")]
        )
    try:
        return PROVIDERS[source.name].read_credentials(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidBody(
            [(format_pointer(["credentials", *fault["loc"]]), str(fault["msg"])) for fault in faults]
        ) from None


def read_options(source: Source, given: ConnectionOptions) -> dict[str, str]:
    """Return the options; each of them is for one source only. Raises InvalidBody."""
    options: dict[str, str] = given.model_dump(exclude_none=True)
    faults = [
        (f"#/options/{name}", f"is for {format_option_sources(name)} only; leave it out")
        for name in options
        if name not in source.options
    ]
    zone = options.get("time_zone")
    if zone is not None and zone not in (zones := available_timezones()):
        hint = did_you_mean(find_nearest_names(zone, zones)) or "; write one such as Europe/Berlin"
        faults.append(("#/options/time_zone", f"{quote_text(zone)} is not a known time zone{hint}"))
    if faults:
        raise InvalidBody(faults)
    return options


def format_option_sources(option: str) -> str:
    """Return the names of the sources that an option is for."""
    return " and ".join(source.name for source in SOURCES.values() if option in source.options)
