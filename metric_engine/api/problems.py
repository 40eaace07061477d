"""Errors over HTTP: one domain error, one `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from metric_engine.api.auth import KeysUnavailable, Unauthenticated
from metric_engine.engine.errors import (
    InvalidQuestion,
    MetricEngineError,
    Problem,
    StateUnavailable,
    UnknownMetric,
    WarehouseUnavailable,
)
from metric_engine.state.errors import NoEncryptionKey, StaleLayout

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "5"}

STATUSES: Mapping[type[MetricEngineError], HTTPStatus] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    UnknownMetric: HTTPStatus.NOT_FOUND,
    StaleLayout: HTTPStatus.CONFLICT,
    InvalidQuestion: HTTPStatus.UNPROCESSABLE_ENTITY,
    NoEncryptionKey: HTTPStatus.CONFLICT,
    KeysUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    StateUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    WarehouseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
# What the outside is told instead of the error's own words, which may name hosts and tables: those go to the log.
DETAILS: Mapping[type[MetricEngineError], str] = {
    StateUnavailable: "the state database does not answer; try again shortly",
    WarehouseUnavailable: "the warehouse does not answer; try again shortly",
}
HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: RETRY_AFTER,
}

logger = logging.getLogger(__name__)


class InvalidBody(MetricEngineError):
    """A body has faults that its model cannot see, each given as a JSON pointer and what is wrong there."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{pointer}: {message}" for pointer, message in faults))


def problem(status: int, detail: str, *, errors: Sequence[Mapping[str, str]] = (), **members: Any) -> dict[str, Any]:
    """A problem object; `members` are further members of its own. Its kind is its status, so its type is blank."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}
    return body | ({"errors": list(errors)} if errors else {}) | members


def problem_response(body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Response:
    """A problem object as a response, with the headers that belong to its status."""
    status = HTTPStatus(body["status"])
    return Response(
        to_json(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**HEADERS.get(status, {}), **(headers or {})},
    )


def problem_of(error: MetricEngineError) -> dict[str, Any]:
    """The problem object of a domain error; one that is not in the table is our own fault and shows nothing."""
    status = STATUSES.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, InvalidQuestion):
        return problem(status, str(error), errors=[parameter_error(fault) for fault in error.problems])
    if isinstance(error, StaleLayout):
        return problem(status, str(error), layout=error.current)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected()
    return problem(status, DETAILS.get(type(error), str(error)))


def unexpected() -> dict[str, Any]:
    """What the outside learns of a fault of our own."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; the log has it by X-Request-ID")


def parameter_error(fault: Problem) -> dict[str, str]:
    return {"parameter": fault.parameter, "detail": fault.message}


async def on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MetricEngineError)
    body = problem_of(error)
    if body["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s: %s", type(error).__name__, error, exc_info=error if body == unexpected() else None)
    return problem_response(body)


async def on_invalid_body(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidBody)
    errors = [{"pointer": pointer, "detail": message} for pointer, message in error.faults]
    return problem_response(problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), errors=errors))


async def on_validation_error(request: Request, error: Exception) -> Response:
    """What pydantic found, without the values it found it in: they may be credentials."""
    assert isinstance(error, RequestValidationError)
    errors = [location_error(fault) for fault in error.errors()]
    detail = "; ".join(f"{fault.get('parameter') or fault.get('pointer')}: {fault['detail']}" for fault in errors)
    return problem_response(problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors))


def location_error(fault: Mapping[str, Any]) -> dict[str, str]:
    """An error of RFC 9457's: a JSON pointer into the body, or the name of a parameter."""
    place, *path = fault["loc"]
    message = str(fault["msg"]).removeprefix("Value error, ")
    if place == "body":
        return {"pointer": pointer(path), "detail": message}
    return {"parameter": ".".join(map(str, path)), "detail": message}


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer as a URI fragment's text: `#/widgets/3/id`."""
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Unknown paths, wrong methods, and what a route raises with a status of its own."""
    assert isinstance(error, HTTPException)
    details = {
        HTTPStatus.NOT_FOUND: "there is nothing at this path; /docs lists the paths",
        HTTPStatus.METHOD_NOT_ALLOWED: f"this path does not take {request.method}",
    }
    status = HTTPStatus(error.status_code)
    detail = details.get(status, error.detail) if error.detail == status.phrase else error.detail
    return problem_response(problem(status, detail), headers=error.headers)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem. What is none of these is caught around the app, by `access`."""
    app.add_exception_handler(MetricEngineError, on_domain_error)
    app.add_exception_handler(InvalidBody, on_invalid_body)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
