"""The Graph API's errors, Meta's and Instagram's alike, as answers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from demo.providers.wire import StandInResponse

Json = dict[str, Any]

# The business use cases by the codes of their limits.
PERMISSIONS = {
    10: "(#10) Application does not have permission for this action",
    200: "(#200) Ad account owner has NOT grant ads_management or ads_read permission",
    272: "(#272) This Ads action requires the user to be an admin of the application",
    294: "(#294) Managing advertisements requires the extended permission ads_management.",
}
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


def build_usage_headers(
    account: str, *, code: int = 80000, share: int = 1, minutes: int = 0, seconds: int = 0
) -> dict[str, str]:
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


def build_too_much_data(code: int = 100) -> StandInResponse:
    message = "Please reduce the amount of data you're asking for, then retry your request"
    return build_error(code, message, 1487534 if code == 100 else None, status=500 if code == 1 else 400)
