"""Instagram's stand-in: profiles, their days, their media and the media's lifetime values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from demo.providers.accounts import LOS_ANGELES, Medium, Profile
from demo.providers.graph import graph_faults
from demo.providers.graph.graph import GraphStandIn, Json, moment, names
from demo.providers.graph.instagram_insights import medium_insights, profile_insights
from demo.providers.tokens import SIXTY_DAYS, Grant, Tokens
from demo.providers.wire import Answer, Refused, Request
from demo.providers.world import World

REFRESH = "/refresh_access_token"
NODE = re.compile(r"/(\d+)(?:/(insights|media))?")
YOUNGEST = timedelta(hours=24)
ZONE = ZoneInfo(LOS_ANGELES)

PROFILE_FIELDS: dict[str, Callable[[Profile, datetime], Any]] = {
    "biography": lambda profile, now: "",
    "followers_count": lambda profile, now: profile.followers_count(now),
    "id": lambda profile, now: profile.id,
    "media_count": lambda profile, now: profile.media_count(now),
    "name": lambda profile, now: profile.username,
    "username": lambda profile, now: profile.username,
}
MEDIUM_FIELDS: dict[str, Callable[[Medium], Any]] = {
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
    """The Instagram Graph API, with and without a version in the path."""

    name = "Instagram"
    token_paths = frozenset({REFRESH})

    def __init__(self, world: World, *, port: int = 0, latency: float = 0.0, most_rows: int = 100) -> None:
        super().__init__(world, port=port, latency=latency, most_rows=most_rows)

    @property
    def tokens(self) -> Tokens:
        return self.world.instagram

    def account_of(self, path: str) -> str:
        """The profile; for a medium, the profile that posted it."""
        asked = NODE.fullmatch(path)
        if asked is None:
            return ""
        if asked[1] in self.world.profiles:
            return asked[1]
        return self.world.profile_of_medium(asked[1]) or ""

    def node(self, request: Request, path: str, grant: Grant) -> Answer:
        asked = NODE.fullmatch(path)
        node_id = asked[1] if asked else path.strip("/")
        account = self.account_of(path)
        profile = self.world.profiles.get(account)
        # An object of somebody else's is one that does not exist.
        if asked is None or request.method != "GET" or profile is None or account not in grant.accounts:
            raise Refused(graph_faults.missing(node_id))
        headers = graph_faults.usage(account, code=80002)
        if node_id == profile.id:
            return Answer.json(self._of_profile(request, asked[2], profile), headers=headers)
        return Answer.json(self._of_medium(request, asked[2], profile, node_id), headers=headers)

    def _of_profile(self, request: Request, edge: str | None, profile: Profile) -> Json:
        fields, now = request.fields, self.world.now()
        if edge == "insights":
            return {"data": profile_insights(profile, fields, now)}
        if edge == "media":
            return self.page(self._media(request, profile), request, self.subject(request).token)
        wanted = _known(names(fields, "fields"), PROFILE_FIELDS, "IGUser")
        return _present({name: PROFILE_FIELDS[name](profile, now) for name in wanted})

    def _media(self, request: Request, profile: Profile) -> list[Json]:
        fields = request.fields
        wanted = _known(names(fields, "fields"), MEDIUM_FIELDS, "Media")
        posts = profile.media(self.world.now())
        if since := fields.get("since"):
            posts = [post for post in posts if post.posted_at >= moment(since, ZONE)]
        if until := fields.get("until"):
            posts = [post for post in posts if post.posted_at <= moment(until, ZONE)]
        return [_present({name: MEDIUM_FIELDS[name](post) for name in wanted}) for post in posts]

    def _of_medium(self, request: Request, edge: str | None, profile: Profile, medium_id: str) -> Json:
        medium = profile.medium(medium_id, self.world.now())
        if medium is None or edge == "media":
            raise Refused(graph_faults.missing(medium_id))
        if edge == "insights":
            return {"data": medium_insights(medium, request.fields)}
        wanted = _known(names(request.fields, "fields"), MEDIUM_FIELDS, "Media")
        return _present({name: MEDIUM_FIELDS[name](medium) for name in wanted})

    def exchange(self, request: Request) -> Answer:
        fields = request.fields
        if fields.get("grant_type") != "ig_refresh_token":
            raise Refused(graph_faults.invalid("Invalid grant_type: only ig_refresh_token is known here"))
        old = self.granted(self.subject(request).token)
        now = self.world.now()
        if now - old.issued_at < YOUNGEST:
            message = "The access token must be at least 24 hours old to be refreshed."
            raise Refused(graph_faults.error(100, message, kind="IGApiException"))
        token = self.tokens.renew(old, SIXTY_DAYS)
        content = {"access_token": token, "token_type": "bearer", "expires_in": int(SIXTY_DAYS.total_seconds()) - 56}
        return Answer.json(content)


def _known(wanted: list[str], fields: Mapping[str, object], node: str) -> list[str]:
    """The names of the fields asked for, and `id` always. Raises `Refused` for one that does not exist."""
    for name in wanted:
        if name not in fields:
            message = f"Tried accessing nonexisting field ({name}) on node type ({node})"
            raise Refused(graph_faults.invalid(message))
    return list(dict.fromkeys([*wanted, "id"]))


def _present(content: Json) -> Json:
    return {name: value for name, value in content.items() if value is not None}
