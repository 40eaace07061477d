"""The Graph API, shared by two stand-ins: versions, tokens, fields, times and pages."""

from __future__ import annotations

import base64
import binascii
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any
from urllib.parse import urlencode

from demo.providers.graph import graph_errors
from demo.providers.server import CallSubject, StandIn
from demo.providers.tokens import SIXTY_DAYS, Grant, Tokens
from demo.providers.wire import ErrorResponse, StandInRequest, StandInResponse
from demo.providers.world import ProviderWorld

VERSION = re.compile(r"/v\d+\.\d+(?=/)")
# The real API's page if a request has no limit.
DEFAULT_ROWS = 25
# Where Facebook exchanges tokens of its login.
EXCHANGE = "/oauth/access_token"

Json = dict[str, Any]


class GraphStandIn(StandIn):
    """A server of the Graph API. Paths may begin with a version. `most_rows` limits a page."""

    # The paths that exchange tokens, and so may have one in the query string.
    token_paths: frozenset[str]

    def __init__(self, world: ProviderWorld, *, port: int = 0, latency: float = 0.0, most_rows: int = 500) -> None:
        super().__init__(world, port=port, latency=latency)
        self.most_rows = most_rows

    @property
    @abstractmethod
    def tokens(self) -> Tokens:
        """The provider's tokens."""

    @abstractmethod
    def find_account_id(self, path: str) -> str:
        """Return the account of a path without version, "" if there is none."""

    @abstractmethod
    def read_node(self, request: StandInRequest, path: str, grant: Grant) -> StandInResponse:
        """Answer a call with a valid token. Raises `ErrorResponse`."""

    @abstractmethod
    def exchange_token(self, request: StandInRequest) -> StandInResponse:
        """Answer a call of `token_paths`. Raises `ErrorResponse`."""

    def identify_subject(self, request: StandInRequest) -> CallSubject:
        path = strip_version(request)
        token = request.bearer or request.fields.get("access_token")
        leaked = path not in self.token_paths and "access_token" in request.query
        return CallSubject(self.find_account_id(path), token, leaked)

    def respond(self, request: StandInRequest, subject: CallSubject) -> StandInResponse:
        path = strip_version(request)
        if path in self.token_paths:
            return self.exchange_token(request)
        return self.read_node(request, path, self.authorize_token(subject.token))

    def exchange_facebook_token(self, request: StandInRequest) -> StandInResponse:
        """Exchange a token of Facebook's login for one of sixty days. Raises `ErrorResponse`."""
        fields = request.fields
        secret = self.world.apps.get(fields.get("client_id", ""))
        if secret is None:
            raise ErrorResponse(graph_errors.build_error(101, "Error validating application. Invalid application ID."))
        if secret != fields.get("client_secret"):
            raise ErrorResponse(graph_errors.build_error(1, "Error validating client secret.", status=400))
        if fields.get("grant_type") != "fb_exchange_token":
            raise ErrorResponse(
                graph_errors.build_invalid_parameter("Invalid grant_type: only fb_exchange_token is known here")
            )
        old = self.authorize_token(fields.get("fb_exchange_token"))
        token = self.tokens.renew(old, SIXTY_DAYS)
        content = {"access_token": token, "token_type": "bearer", "expires_in": int(SIXTY_DAYS.total_seconds()) - 56}
        return StandInResponse.json(content)

    def authorize_token(self, token: str | None) -> Grant:
        """Return a token's grant. Raises `ErrorResponse` if it is missing, unknown, dead or expired."""
        if token is None:
            raise ErrorResponse(graph_errors.build_error(104, "An access token is required to request this resource."))
        grant = self.tokens.find(token)
        if grant is None:
            raise ErrorResponse(graph_errors.build_dead_token(None))
        if grant.dead is not None:
            raise ErrorResponse(graph_errors.build_dead_token(grant.dead))
        if grant.is_expired(self.world.now()):
            raise ErrorResponse(graph_errors.build_dead_token(463))
        return grant

    def build_page(self, rows: Sequence[Json], request: StandInRequest, token: str | None) -> Json:
        """Build the requested page of `rows`, with its cursors.

        Like the real API's, the `next` URL holds this host and the token.
        """
        fields = request.fields
        limit = min(_parse_limit(fields.get("limit"), DEFAULT_ROWS), self.most_rows)
        start = _decode_cursor(fields["after"]) + 1 if fields.get("after") else 0
        page = list(rows[start : start + limit])
        if not page:
            return {"data": []}
        end = start + len(page)
        paging: Json = {"cursors": {"before": _encode_cursor(start), "after": _encode_cursor(end - 1)}}
        repeated = {name: value for name, value in fields.items() if name not in ("access_token", "after", "before")}
        for name, position, exists in (("next", end - 1, end < len(rows)), ("previous", start, start > 0)):
            if exists:
                side = "after" if name == "next" else "before"
                query = urlencode({"access_token": token or "", **repeated, side: _encode_cursor(position)})
                paging[name] = f"{self.url}{request.path}?{query}"
        return {"data": page, "paging": paging}


def strip_version(request: StandInRequest) -> str:
    """Return the path without its version."""
    return VERSION.sub("", request.path, count=1) if VERSION.match(request.path) else request.path


def split_names(fields: Mapping[str, str], name: str) -> list[str]:
    """Split a comma list or a JSON list of names."""
    text = fields.get(name, "").strip()
    return [part.strip(" \"'") for part in text.strip("[]").split(",") if part.strip(" \"'")]


def parse_moment(text: str, zone: tzinfo) -> datetime:
    """Parse unix seconds, or a date as its midnight in the zone. Raises `ErrorResponse`."""
    if re.fullmatch(r"\d{5,12}", text):
        return datetime.fromtimestamp(int(text), UTC)
    try:
        return datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
    except ValueError:
        raise ErrorResponse(
            graph_errors.build_invalid_parameter(f"{text!r} is no unix timestamp and no date")
        ) from None


def _parse_limit(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdigit() or int(text) == 0:
        raise ErrorResponse(graph_errors.build_invalid_parameter("Param limit must be an integer greater than 0"))
    return int(text)


def _encode_cursor(position: int) -> str:
    """Encode a position as an opaque cursor."""
    return base64.urlsafe_b64encode(f"QVFIUk{position}ZD".encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return int(text.removeprefix("QVFIUk").removesuffix("ZD"))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ErrorResponse(graph_errors.build_invalid_parameter("Invalid cursors values")) from None
