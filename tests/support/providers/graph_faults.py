"""The Graph API's errors as faults to plant, and what can be wrong with its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from demo.providers.graph.graph_errors import (
    PERMISSIONS,
    USE_CASES,
    Json,
    build_dead_token,
    build_error,
    build_missing_object,
    build_too_much_data,
    build_usage_headers,
)
from demo.providers.wire import StandInResponse
from tests.support.providers.faults import CallFault, change_json

LIMITS = "For more info, please refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting."

THROTTLES = {
    4: "(#4) Application request limit reached",
    17: "(#17) User request limit reached",
    32: "(#32) Page request limit reached",
    613: "(#613) Calls to this api have exceeded the rate limit.",
    **{
        code: f"(#{code}) There have been too many calls to this account. Wait a bit and try again. {LIMITS}"
        for code in USE_CASES
    },
}

THROTTLE_SUBCODES = {17: 2446079, 613: 1487742, 80004: 2446079}


TRANSIENT = {
    1: "An unknown error occurred",
    2: "An unexpected error has occurred. Please retry your request later.",
}


def throttle_calls(
    code: int = 80004, *, minutes: int = 0, seconds: int = 0, hints: bool = True, account: str = "1"
) -> CallFault:
    """A rate limit; `minutes` until access is regained, or `seconds` until the account's is reset.

    Without `hints`, the headers that tell it are missing.
    """
    subcode = THROTTLE_SUBCODES.get(code)
    headers = build_usage_headers(account, code=code, minutes=minutes, seconds=seconds) if hints else {}
    return CallFault(
        f"throttle {code}", answer=lambda request: build_error(code, THROTTLES[code], subcode, headers=headers)
    )


def fail_transiently(code: int = 2, status: int | None = None) -> CallFault:
    """Codes 1 and 2; any other code is one that says of itself `is_transient`."""
    message = TRANSIENT.get(code, f"(#{code}) Please try again later.")
    return CallFault(
        f"transient {code}", answer=lambda request: build_error(code, message, status=status, transient=True)
    )


def fail_gateway(status: int = 503) -> CallFault:
    """A 5xx from before the API, with no JSON."""
    return CallFault(
        str(status), answer=lambda request: StandInResponse(b"upstream connect error", status, "text/plain")
    )


def refuse_token(subcode: int | None = 463) -> CallFault:
    """190: expired (463), removed (458), password changed (460), logged out (467), or not a token at all (None)."""
    return CallFault(f"token {subcode}", answer=lambda request: build_dead_token(subcode))


def forbid_account(code: int = 200) -> CallFault:
    """10 or 200–299: the account may not be read."""
    message = PERMISSIONS.get(code, f"(#{code}) Permissions error")
    return CallFault(f"permission {code}", answer=lambda request: build_error(code, message))


def refuse_amount(code: int = 100) -> CallFault:
    """100/1487534; with code 1 the same is said in words alone."""
    return CallFault(f"too much data {code}", answer=lambda request: build_too_much_data(code))


def time_out_request(code: int = 100) -> CallFault:
    """100/1504018 or 2/1504038: the request timed out, and a smaller one may not."""
    message = "Your request timed out. Please try a smaller date range, fetch less data, or use async jobs"
    subcode = 1504018 if code == 100 else 1504038
    status = 400 if code == 100 else 500
    return CallFault(f"timed out {code}", answer=lambda request: build_error(code, message, subcode, status=status))


def remove_object(status: int = 400) -> CallFault:
    """The object does not exist: 100/33, or with status 404."""
    return CallFault("gone", answer=lambda request: build_missing_object(request.path.split("/")[-2], status))


def refuse_before_conversion() -> CallFault:
    """100/2108006: the medium is older than the account's being a business account."""
    explanation = (
        "The media was posted before the most recent time that the user's account was converted to a business "
        "account from a personal account."
    )
    return CallFault(
        "before conversion",
        answer=lambda request: build_error(
            100,
            "Invalid parameter",
            2108006,
            transient=False,
            title="Media posted before business account conversion",
            explanation=explanation,
        ),
    )


def refuse_few_viewers() -> CallFault:
    """10: too few people have seen the medium."""
    message = "(#10) Not enough viewers for the media to show insights"
    return CallFault("too few viewers", answer=lambda request: build_error(10, message))


def fail_call(code: int, subcode: int | None = None, message: str = "Something is wrong", **more: Any) -> CallFault:
    """Any other error."""
    return CallFault(f"error {code}", answer=lambda request: build_error(code, message, subcode, **more))


KEPT_FIELDS = frozenset(
    {"account_id", "campaign_id", "campaign_name", "date_start", "date_stop", "end_time", "id", "name", "period"}
)


def null_values() -> CallFault:
    """Every value is null, in every row; the ids, the names and the dates stay."""
    return _change_rows("nulls", _null_row)


def drop_field(name: str) -> CallFault:
    """No row has the field, although it was asked for."""
    return _change_rows(f"missing field {name}", lambda row: {key: value for key, value in row.items() if key != name})


def replace_field(name: str, value: Any) -> CallFault:
    """A field of every row has this value."""
    return _change_rows(f"other {name}", lambda row: {**row, name: value})


def replace_numbers_with_words() -> CallFault:
    """Every number is a word."""
    return _change_rows("words for numbers", _word_row)


def empty_data() -> CallFault:
    """An empty `data`, and no further page."""
    return change_json("no data", lambda content: {"data": []})


def _change_rows(name: str, change: Callable[[Json], Json]) -> CallFault:
    def changed_rows(content: Any) -> Any:
        if "data" not in content:
            return change(content)
        return {**content, "data": [change(row) for row in content["data"]]}

    return change_json(name, changed_rows)


def _null_row(row: Json) -> Json:
    nulled: Json = {}
    for key, value in row.items():
        if key in KEPT_FIELDS:
            nulled[key] = value
        elif isinstance(value, dict):
            nulled[key] = _null_row(value)
        elif key == "values":
            nulled[key] = [_null_row(item) for item in value]
        else:
            nulled[key] = None
    return nulled


def _word_row(row: Json) -> Json:
    worded: Json = {}
    for key, value in row.items():
        if isinstance(value, dict):
            worded[key] = _word_row(value)
        elif isinstance(value, list):
            worded[key] = [_word_row(item) for item in value]
        elif key not in KEPT_FIELDS and (isinstance(value, int) or (isinstance(value, str) and _is_number(value))):
            worded[key] = "n/a"
        else:
            worded[key] = value
    return worded


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
