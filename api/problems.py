"""Errors over HTTP: one domain error, one `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.tokens import KeysUnavailable, Unauthenticated
from engine import (
    InvalidQuery,
    LayoutMismatch,
    MetricEngineError,
    StateUnavailable,
    UnavailableForm,
    UnknownMetric,
    WarehouseTimeout,
    WarehouseUnavailable,
)
from runtime.accounts import AccountConflict
from state.errors import NoEncryptionKey, StaleLayout, TooManyAccounts

MEDIA_TYPE = "application/problem+json"
# Words of JSON for pydantic's.
PLAIN_WORDS = (
    ("Input should be", "must be"),
    ("a valid string", "a text"),
    ("a valid dictionary", "an object"),
    ("a valid list", "an array"),
    ("a valid integer", "a whole number"),
    ("List should", "must"),
    (" or object to extract fields from", ""),
    (" after validation", ""),
)
RETRY_AFTER: Mapping[str, str] = {"Retry-After": "5"}


class InvalidBody(MetricEngineError):
    """A body with faults that its model cannot see; each is a JSON pointer and a message.

    A request is no file, so these are no Diagnostics.
    """

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{pointer}: {message}" for pointer, message in faults))


class NoFreePlace(MetricEngineError):
    """Others' requests have all the places that this one may have."""


class AnswerTooLate(MetricEngineError):
    """The answer is not there in the time that a request may take."""


class ExtraNotInstalled(MetricEngineError):
    """Something is asked that needs a package that is not installed; the message names what installs it."""


# The status of each error, and the code of its problem, which clients rely on.
PROBLEMS: Mapping[type[MetricEngineError], tuple[HTTPStatus, str]] = {
    Unauthenticated: (HTTPStatus.UNAUTHORIZED, "unauthenticated"),
    UnknownMetric: (HTTPStatus.NOT_FOUND, "unknown-widget"),
    UnavailableForm: (HTTPStatus.NOT_ACCEPTABLE, "unavailable-form"),
    StaleLayout: (HTTPStatus.CONFLICT, "stale-layout"),
    InvalidQuery: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-parameter"),
    InvalidBody: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-body"),
    NoEncryptionKey: (HTTPStatus.CONFLICT, "no-encryption-key"),
    TooManyAccounts: (HTTPStatus.CONFLICT, "too-many-accounts"),
    AccountConflict: (HTTPStatus.CONFLICT, "account-conflict"),
    KeysUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "keys-unavailable"),
    StateUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "state-unavailable"),
    WarehouseUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "warehouse-unavailable"),
    LayoutMismatch: (HTTPStatus.SERVICE_UNAVAILABLE, "layout-mismatch"),
    WarehouseTimeout: (HTTPStatus.SERVICE_UNAVAILABLE, "warehouse-timeout"),
    NoFreePlace: (HTTPStatus.SERVICE_UNAVAILABLE, "no-free-place"),
    ExtraNotInstalled: (HTTPStatus.NOT_IMPLEMENTED, "not-installed"),
    AnswerTooLate: (HTTPStatus.SERVICE_UNAVAILABLE, "answer-too-late"),
}
# Shown instead of the error's own message, which may name hosts and tables and goes to the log.
DETAILS: Mapping[type[MetricEngineError], str] = {
    StateUnavailable: "the state database does not answer; try again shortly",
    WarehouseUnavailable: "the warehouse does not answer; try again shortly",
    LayoutMismatch: "a table of the warehouse is not as it is declared; the server's log names the declaration",
    WarehouseTimeout: "the warehouse does not answer in time; ask for fewer days, or try again shortly",
}
HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: RETRY_AFTER,
}

logger = logging.getLogger("metric_engine.api.problems")


def build_problem(
    status: int, detail: str, *, code: str | None = None, errors: Sequence[Mapping[str, str]] = (), **members: Any
) -> dict[str, Any]:
    """Build a problem object with further `members`; without a code, its status is its kind."""
    title = HTTPStatus(status).phrase
    kind = f"/problems/{code or title.lower().replace(' ', '-')}"
    body = {"type": kind, "title": title, "status": int(status), "detail": detail}
    return body | ({"errors": list(errors)} if errors else {}) | members


def build_problem_response(body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Response:
    """Build the response of a problem object, with the headers of its status."""
    status = HTTPStatus(body["status"])
    return Response(
        to_json(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**HEADERS.get(status, {}), **(headers or {})},
    )


def describe_error(error: MetricEngineError) -> dict[str, Any]:
    """Build the problem object of a domain error.

    An error that is not in the table is an internal one and shows nothing.
    """
    status, code = PROBLEMS.get(type(error), (HTTPStatus.INTERNAL_SERVER_ERROR, None))
    if isinstance(error, InvalidQuery):
        faults = [{"parameter": fault.parameter, "detail": fault.message} for fault in error.problems]
        return build_problem(status, str(error), code=code, errors=faults)
    if isinstance(error, InvalidBody):
        faults = [{"pointer": pointer, "detail": message} for pointer, message in error.faults]
        return build_problem(status, str(error), code=code, errors=faults)
    if isinstance(error, StaleLayout):
        return build_problem(status, str(error), code=code, layout=error.current)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return build_internal_error()
    return build_problem(status, DETAILS.get(type(error), str(error)), code=code)


def build_internal_error() -> dict[str, Any]:
    """Build the problem object of an internal error."""
    return build_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; the log has it by X-Request-ID")


def report_error(error: MetricEngineError) -> dict[str, Any]:
    """Build the problem object of a domain error, and log one that is not the caller's."""
    body = describe_error(error)
    if body["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s: %s", type(error).__name__, error, exc_info=error if body == build_internal_error() else None)
    return body


async def on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MetricEngineError)
    return build_problem_response(report_error(error))


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer with pydantic's faults, without their values: they may be credentials."""
    assert isinstance(error, RequestValidationError)
    errors = [describe_fault(fault) for fault in error.errors()]
    detail = "; ".join(f"{fault.get('parameter') or fault.get('pointer')}: {fault['detail']}" for fault in errors)
    kind = InvalidBody if any("pointer" in fault for fault in errors) else InvalidQuery
    status, code = PROBLEMS[kind]
    return build_problem_response(build_problem(status, detail, code=code, errors=errors))


def describe_fault(fault: Mapping[str, Any]) -> dict[str, str]:
    """Describe one fault: by a JSON pointer into the body, or by a parameter's name."""
    location, *path = fault["loc"]
    message = str(fault["msg"]).removeprefix("Value error, ")
    for word, plain in PLAIN_WORDS:
        message = message.replace(word, plain)
    if location == "body":
        return {"pointer": format_pointer(path), "detail": message}
    return {"parameter": ".".join(map(str, path)), "detail": message}


def format_pointer(path: Sequence[str | int]) -> str:
    """Format a JSON pointer as a URI fragment, such as `#/widgets/3/id`."""
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer unknown paths, wrong methods, and errors that a route raises with their own status."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(sorted(find_methods(request)))
        detail = f"this path does not take {request.method}; it takes {allowed}"
        return build_problem_response(build_problem(error.status_code, detail), headers={"Allow": allowed})
    detail = error.detail
    if detail == HTTPStatus.NOT_FOUND.phrase:
        detail = "there is nothing at this path; /docs lists the paths"
    return build_problem_response(build_problem(error.status_code, detail), headers=error.headers)


def find_methods(request: Request) -> set[str]:
    """Find the methods of a path: of the routes of just that path, or of all that match it."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    routes = [route for route in iter_route_contexts(request.app.routes) if route.methods]
    matching = [route for route in routes if route.path_regex.match(path)]
    own = [route for route in matching if route.path == path]
    return {method for route in own or matching for method in route.methods or ()}


def add_error_handlers(app: FastAPI) -> None:
    """Turn every error of the app into a problem; RequestLogging catches all others."""
    app.add_exception_handler(MetricEngineError, on_domain_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
