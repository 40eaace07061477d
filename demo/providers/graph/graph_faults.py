"""The Graph API's errors, Meta's and Instagram's alike, as answers and as faults to plant."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from demo.providers.faults import CallFault, change_json
from demo.providers.wire import StandInResponse

Json = dict[str, Any]

LIMITS = "For more info, please refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting."
# The business use cases by the codes of their limits.
USE_CASES = {
    80000: "ads_insights",
    80001: "pages",
    80002: "instagram",
    80003: "custom_audience",
    80004: "ads_management",
    80005: "leadgen",
    80006: "messenger",
    80008: "whatsapp",
}
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
DEAD_TOKENS = {
    None: "Invalid OAuth access token - Cannot parse access token",
    458: "Error validating access token: The user has not authorized application 1.",
    460: (
        "Error validating access token: The session has been invalidated because the user changed their password or "
        "Facebook has changed the session for security reasons."
    ),
    463: "Error validating access token: Session has expired on Thursday, 01-Jan-26 00:00:00 PST.",
    467: "Error validating access token: This may be because the user logged out or may be due to a system error.",
}
PERMISSIONS = {
    10: "(#10) Application does not have permission for this action",
    200: "(#200) Ad account owner has NOT grant ads_management or ads_read permission",
    272: "(#272) This Ads action requires the user to be an admin of the application",
    294: "(#294) Managing advertisements requires the extended permission ads_management.",
}
TRANSIENT = {
    1: "An unknown error occurred",
    2: "An unexpected error has occurred. Please retry your request later.",
}
# The codes whose answers are not 400.
STATUSES = {1: 500, 2: 500, 4: 403, 10: 403}
FORBIDDEN = range(200, 300)


def build_error(
    code: int,
    message: str,
    subcode: int | None = None,
    *,
    kind: str = "OAuthException",
    status: int | None = None,
    transient: bool | None = None,
    title: str | None = None,
    explanation: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> StandInResponse:
    """An error of the Graph API."""
    content: Json = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        content["error_subcode"] = subcode
    if transient is not None:
        content["is_transient"] = transient
    if title is not None:
        content |= {"error_user_title": title, "error_user_msg": explanation or title}
    content["fbtrace_id"] = f"A{secrets.token_urlsafe(16)}"
    if status is None:
        status = 403 if code in FORBIDDEN else STATUSES.get(code, 400)
    if code == 190:
        challenge = f'OAuth "Facebook Platform" "invalid_token" "{message}"'
        headers = {**(headers or {}), "WWW-Authenticate": challenge}
    return StandInResponse.json({"error": content}, status, headers)


def build_dead_token(subcode: int | None) -> StandInResponse:
    return build_error(190, DEAD_TOKENS.get(subcode, DEAD_TOKENS[467]), subcode)


def build_missing_object(object_id: str, status: int = 400) -> StandInResponse:
    message = (
        f"Unsupported get request. Object with ID '{object_id}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return build_error(100, message, 33, kind="GraphMethodException", status=status)


def build_invalid_parameter(message: str) -> StandInResponse:
    """Code 100: a parameter is wrong."""
    return build_error(100, f"(#100) {message}")


def build_usage_headers(account: str, *, code: int = 80000, share: int = 1, minutes: int = 0, seconds: int = 0) -> dict[str, str]:
    """The headers that tell how much of the limits is used, in percent, and when there is access again."""
    share = 100 if minutes or seconds else share
    business = {
        "type": USE_CASES.get(code, "ads_insights"),
        "call_count": share,
        "total_cputime": share,
        "total_time": share,
        "estimated_time_to_regain_access": minutes,
        "ads_api_access_tier": "standard_access",
    }
    of_account = {
        "acc_id_util_pct": float(share),
        "reset_time_duration": seconds,
        "ads_api_access_tier": "standard_access",
    }
    of_app = {"call_count": share, "total_cputime": share, "total_time": share}
    return {
        "X-Business-Use-Case-Usage": json.dumps({account.removeprefix("act_"): [business]}),
        "X-Ad-Account-Usage": json.dumps(of_account),
        "X-App-Usage": json.dumps(of_app),
    }


def throttle_calls(
    code: int = 80004, *, minutes: int = 0, seconds: int = 0, hints: bool = True, account: str = "1"
) -> CallFault:
    """A rate limit; `minutes` until access is regained, or `seconds` until the account's is reset.

    Without `hints`, the headers that tell it are missing.
    """
    subcode = THROTTLE_SUBCODES.get(code)
    headers = build_usage_headers(account, code=code, minutes=minutes, seconds=seconds) if hints else {}
    return CallFault(f"throttle {code}", answer=lambda request: build_error(code, THROTTLES[code], subcode, headers=headers))


def fail_transiently(code: int = 2, status: int | None = None) -> CallFault:
    """Codes 1 and 2; any other code is one that says of itself `is_transient`."""
    message = TRANSIENT.get(code, f"(#{code}) Please try again later.")
    return CallFault(f"transient {code}", answer=lambda request: build_error(code, message, status=status, transient=True))


def fail_gateway(status: int = 503) -> CallFault:
    """A 5xx from before the API, with no JSON."""
    return CallFault(str(status), answer=lambda request: StandInResponse(b"upstream connect error", status, "text/plain"))


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


def build_too_much_data(code: int = 100) -> StandInResponse:
    message = "Please reduce the amount of data you're asking for, then retry your request"
    return build_error(code, message, 1487534 if code == 100 else None, status=500 if code == 1 else 400)


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
