"""The stand-ins for all three providers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from demo.providers.calls import LoggedCall
from demo.providers.google.ga4 import GA4StandIn
from demo.providers.graph.instagram import InstagramStandIn
from demo.providers.graph.meta import MetaStandIn
from demo.providers.server import StandIn
from demo.providers.world import APP, CLIENT, ProviderWorld


class StandIns:
    """GA4, Meta and Instagram of one world; run them with `start` and `close`, or as a context.

    `latency` is the minimum time of a call in seconds.
    """

    def __init__(self, world: ProviderWorld, *, latency: float = 0.0) -> None:
        self.world = world
        self.ga4 = GA4StandIn(world, latency=latency)
        self.meta = MetaStandIn(world, latency=latency)
        self.instagram = InstagramStandIn(world, latency=latency)

    @property
    def all(self) -> tuple[StandIn, ...]:
        return (self.ga4, self.meta, self.instagram)

    def start(self) -> Self:
        """Start all three. Raises `OSError` if a port is in use; then none runs."""
        with ExitStack() as started:
            for stand_in in self.all:
                started.enter_context(stand_in)
            started.pop_all()
        return self

    def close(self) -> None:
        """Close all three. Raises the first error of a server's thread."""
        with ExitStack() as closing:
            for stand_in in self.all:
                closing.callback(stand_in.close)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.close()

    def build_environment(self) -> dict[str, str]:
        """Build the environment variables that direct a sync to these stand-ins."""
        client_id, client_secret = CLIENT
        app_id, app_secret = APP
        return {
            "GA4_BASE_URL": self.ga4.url,
            "GOOGLE_TOKEN_URL": self.ga4.token_url,
            "GOOGLE_CLIENT_ID": client_id,
            "GOOGLE_CLIENT_SECRET": client_secret,
            "META_BASE_URL": self.meta.url,
            "META_APP_ID": app_id,
            "META_APP_SECRET": app_secret,
            "INSTAGRAM_BASE_URL": self.instagram.url,
        }

    @property
    def calls(self) -> list[LoggedCall]:
        """The calls of all three, in order of arrival."""
        return sorted((call for stand_in in self.all for call in stand_in.calls), key=lambda call: call.started)

    @property
    def leaks(self) -> list[LoggedCall]:
        """The calls with a token in the query string where it is not allowed."""
        return [call for stand_in in self.all for call in stand_in.calls.leaks]

    def clear(self) -> None:
        """Delete the calls and remove the interceptors."""
        for stand_in in self.all:
            stand_in.calls.clear()
            stand_in.interceptor = None
