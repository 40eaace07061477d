"""The stand-in for Instagram: profiles, their days, and their media with lifetime values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from demo.providers.accounts import LOS_ANGELES, PostedMedium, Profile
from demo.providers.graph import graph_errors
from demo.providers.graph.graph import EXCHANGE, GraphStandIn, Json, parse_moment, split_names
from demo.providers.graph.instagram_insights import build_medium_insights, build_profile_insights
from demo.providers.tokens import SIXTY_DAYS, Grant, Tokens
from demo.providers.wire import ErrorResponse, StandInRequest, StandInResponse
from demo.providers.world import ProviderWorld

REFRESH = "/refresh_access_token"
NODE = re.compile(r"/(\d+)(?:/(insights|media))?")
MIN_TOKEN_AGE = timedelta(hours=24)
ZONE = ZoneInfo(LOS_ANGELES)

PROFILE_FIELDS: dict[str, Callable[[Profile, datetime], Any]] = {
    "biography": lambda profile, now: "",
    "followers_count": lambda profile, now: profile.count_followers(now),
    "id": lambda profile, now: profile.id,
    "media_count": lambda profile, now: profile.count_media(now),
    "name": lambda profile, now: profile.username,
    "username": lambda profile, now: profile.username,
}
MEDIUM_FIELDS: dict[str, Callable[[PostedMedium], Any]] = {
    "caption": lambda medium: medium.caption,
    "comments_count": lambda medium: medium.comments_count,
    "id": lambda medium: medium.id,
    "like_count": lambda medium: medium.like_count,
    "media_product_type": lambda medium: medium.media_product_type,
    "media_type": lambda medium: medium.media_type,
    "permalink": lambda medium: medium.permalink,
    "timestamp": lambda medium: medium.posted_at.strftime("%Y-%m-%dT%H:%M:%S%z"),
}


class InstagramStandIn(GraphStandIn):
    """A server of the Instagram Graph API, with or without a version in the path.

    It stands for Instagram's host, or for Facebook's: each takes only the tokens of its own login.
    """

    name = "Instagram"

    def __init__(
        self,
        world: ProviderWorld,
        *,
        port: int = 0,
        latency: float = 0.0,
        most_rows: int = 100,
        is_facebook: bool = False,
    ) -> None:
        super().__init__(world, port=port, latency=latency, most_rows=most_rows)
        self.is_facebook = is_facebook
        self.token_paths = frozenset({EXCHANGE if is_facebook else REFRESH})

    @property
    def tokens(self) -> Tokens:
        return self.world.meta if self.is_facebook else self.world.instagram

    def find_account_id(self, path: str) -> str:
        """Return the path's profile; for a medium, the profile that posted it."""
        match = NODE.fullmatch(path)
        if match is None:
            return ""
        if match[1] in self.world.profiles:
            return match[1]
        return self.world.find_profile_of_medium(match[1]) or ""

    def read_node(self, request: StandInRequest, path: str, grant: Grant) -> StandInResponse:
        match = NODE.fullmatch(path)
        node_id = match[1] if match else path.strip("/")
        account = self.find_account_id(path)
        profile = self.world.profiles.get(account)
        # Like Instagram, answer the same for another user's object as for one that does not exist.
        if match is None or request.method != "GET" or profile is None or account not in grant.accounts:
            raise ErrorResponse(graph_errors.build_missing_object(node_id))
        headers = graph_errors.build_usage_headers(account, code=80002)
        if node_id == profile.id:
            return StandInResponse.json(self._read_profile(request, match[2], profile), headers=headers)
        return StandInResponse.json(self._read_medium(request, match[2], profile, node_id), headers=headers)

    def _read_profile(self, request: StandInRequest, edge: str | None, profile: Profile) -> Json:
        fields, now = request.fields, self.world.now()
        if edge == "insights":
            return {"data": build_profile_insights(profile, fields, now)}
        if edge == "media":
            return self.build_page(self._list_media(request, profile), request, self.identify_subject(request).token)
        wanted = _check_fields(split_names(fields, "fields"), PROFILE_FIELDS, "IGUser")
        return _drop_nulls({name: PROFILE_FIELDS[name](profile, now) for name in wanted})

    def _list_media(self, request: StandInRequest, profile: Profile) -> list[Json]:
        fields = request.fields
        wanted = _check_fields(split_names(fields, "fields"), MEDIUM_FIELDS, "Media")
        posts = profile.list_media(self.world.now())
        if since := fields.get("since"):
            posts = [post for post in posts if post.posted_at >= parse_moment(since, ZONE)]
        if until := fields.get("until"):
            posts = [post for post in posts if post.posted_at <= parse_moment(until, ZONE)]
        return [_drop_nulls({name: MEDIUM_FIELDS[name](post) for name in wanted}) for post in posts]

    def _read_medium(self, request: StandInRequest, edge: str | None, profile: Profile, medium_id: str) -> Json:
        medium = profile.find_medium(medium_id, self.world.now())
        if medium is None or edge == "media":
            raise ErrorResponse(graph_errors.build_missing_object(medium_id))
        if edge == "insights":
            return {"data": build_medium_insights(medium, request.fields)}
        wanted = _check_fields(split_names(request.fields, "fields"), MEDIUM_FIELDS, "Media")
        return _drop_nulls({name: MEDIUM_FIELDS[name](medium) for name in wanted})

    def exchange_token(self, request: StandInRequest) -> StandInResponse:
        if self.is_facebook:
            return self.exchange_facebook_token(request)
        fields = request.fields
        if fields.get("grant_type") != "ig_refresh_token":
            raise ErrorResponse(
                graph_errors.build_invalid_parameter("Invalid grant_type: only ig_refresh_token is known here")
            )
        old = self.authorize_token(self.identify_subject(request).token)
        now = self.world.now()
        if now - old.issued_at < MIN_TOKEN_AGE:
            message = "The access token must be at least 24 hours old to be refreshed."
            raise ErrorResponse(graph_errors.build_error(100, message, kind="IGApiException"))
        token = self.tokens.renew(old, SIXTY_DAYS)
        content = {"access_token": token, "token_type": "bearer", "expires_in": int(SIXTY_DAYS.total_seconds()) - 56}
        return StandInResponse.json(content)


def _check_fields(wanted: list[str], fields: Mapping[str, object], node: str) -> list[str]:
    """Return the requested fields and `id`. Raises `ErrorResponse` for an unknown field."""
    for name in wanted:
        if name not in fields:
            message = f"Tried accessing nonexisting field ({name}) on node type ({node})"
            raise ErrorResponse(graph_errors.build_invalid_parameter(message))
    return list(dict.fromkeys([*wanted, "id"]))


def _drop_nulls(content: Json) -> Json:
    return {name: value for name, value in content.items() if value is not None}
