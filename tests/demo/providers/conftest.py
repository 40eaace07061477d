"""A world of one account of each kind, at a moment of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from demo.providers.accounts import AdAccount, AdDelivery, PostedMedium, Profile, Property
from demo.providers.stand_ins import StandIns
from demo.providers.world import CLIENT, ProviderWorld
from tests.support.plain_http import NO_AUTHORITIES
from tests.support.processes import PATIENCE

# Noon in Los Angeles.
NOW = datetime(2026, 3, 20, 19, 0, tzinfo=UTC)
TODAY = date(2026, 3, 20)
PROPERTY, AD_ACCOUNT, PROFILE = "318204557", "act_798085168510957", "17841439536867616"


class MovableClock:
    """A clock that a test moves."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def world(clock: MovableClock) -> ProviderWorld:
    """Ten days up to today: on the day `d` days ago, 100 + d of whatever is counted first."""
    days = {d: TODAY - timedelta(days=d) for d in range(10)}
    world = ProviderWorld(clock)
    world.add_accounts(
        Property(
            PROPERTY,
            days={
                day: {"sessions": 100 + d, "activeUsers": 80, "keyEvents": 3, "sessionKeyEventRate": 2 / (100 + d)}
                for d, day in days.items()
            },
            channels={
                (day, channel): {"sessions": 50 + d, "engagedSessions": 25}
                for d, day in days.items()
                for channel in ("Direct", "Organic Search")
            },
            pages={(day, "/"): {"sessions": 90 + d} for d, day in days.items()},
        ),
        AdAccount(
            AD_ACCOUNT,
            name="Alder & Finch",
            deliveries=[
                AdDelivery(day, f"12020{n}", f"Campaign {n}", 1000 + d, 10, "14.35", 700).add_purchases(2, 99.5)
                for d, day in days.items()
                for n in range(2)
            ],
        ),
        Profile(
            PROFILE,
            days={
                day: {"reach": 100 + d, "follower_count": d, "views": 300 + d, "total_interactions": 9}
                for d, day in days.items()
            },
            posts=[
                PostedMedium(
                    f"1780{d}",
                    datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC),
                    caption=f"Post {d}",
                    like_count=d,
                    insights={"reach": 10 + d, "saved": 1, "shares": 2, "views": 20 + d, "total_interactions": 5},
                )
                for d, day in days.items()
            ],
        ),
    )
    return world


@pytest.fixture
def stand_ins(world: ProviderWorld) -> Iterator[StandIns]:
    with StandIns(world) as stand_ins:
        yield stand_ins


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=PATIENCE, verify=NO_AUTHORITIES) as client:
        yield client


@pytest.fixture
def google(world: ProviderWorld, stand_ins: StandIns, client: httpx.Client) -> dict[str, str]:
    """The headers of a caller who may read the property."""
    client_id, client_secret = CLIENT
    form = {
        "grant_type": "refresh_token",
        "refresh_token": world.google.issue(PROPERTY),
        "client_id": client_id,
        "client_secret": client_secret,
    }
    token = client.post(stand_ins.ga4.token_url, data=form).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def meta(world: ProviderWorld) -> dict[str, str]:
    """The headers of a caller who may read the ad account."""
    return {"Authorization": f"Bearer {world.meta.issue(AD_ACCOUNT, lasts=None)}"}


@pytest.fixture
def instagram(world: ProviderWorld) -> dict[str, str]:
    """The headers of a caller who may read the profile."""
    return {"Authorization": f"Bearer {world.instagram.issue(PROFILE, lasts=None)}"}


Ask = Callable[..., httpx.Response]


@pytest.fixture
def report(stand_ins: StandIns, client: httpx.Client, google: dict[str, str]) -> Ask:
    """Ask for a report by day of the last ten days; keywords are members of the request."""

    def ask(property_id: str = PROPERTY, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        asked = {
            "dateRanges": [{"startDate": "9daysAgo", "endDate": "yesterday"}],
            "dimensions": [{"name": "date"}],
            "metrics": [{"name": "sessions"}],
            **more,
        }
        url = f"{stand_ins.ga4.url}/v1beta/properties/{property_id}:runReport"
        return client.post(url, json=asked, headers=google if headers is None else headers)

    return ask


@pytest.fixture
def insights(stand_ins: StandIns, client: httpx.Client, meta: dict[str, str]) -> Ask:
    """Ask for an ad account's insights by campaign and day; keywords are parameters."""

    def ask(account: str = AD_ACCOUNT, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        asked = {
            "level": "campaign",
            "time_increment": "1",
            "time_range": '{"since":"2026-03-11","until":"2026-03-19"}',
            "fields": "campaign_id,campaign_name,impressions,clicks,spend,reach,actions,action_values",
            **more,
        }
        url = f"{stand_ins.meta.url}/v26.0/{account}/insights"
        return client.get(url, params=asked, headers=meta if headers is None else headers)

    return ask


@pytest.fixture
def graph(stand_ins: StandIns, client: httpx.Client, instagram: dict[str, str]) -> Ask:
    """Ask Instagram for a path; keywords are parameters."""

    def ask(path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return client.get(
            f"{stand_ins.instagram.url}/{path}", params=more, headers=instagram if headers is None else headers
        )

    return ask
