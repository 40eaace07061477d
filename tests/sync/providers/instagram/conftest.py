"""A profile at Instagram's stand-in, and a sink that remembers what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from demo.providers.accounts import Profile
from demo.providers.graph.instagram import InstagramStandIn
from tests.support.sync.instagram_profile import PROFILE, make_profile
from tests.support.sync.recording_sink import RecordingSink, make_world, open_sink


@pytest.fixture
def instagram() -> Iterator[InstagramStandIn]:
    world = make_world()
    world.add_accounts(make_profile())
    with InstagramStandIn(world) as stand_in:
        yield stand_in


@pytest.fixture
def profile(instagram: InstagramStandIn) -> Profile:
    return instagram.world.profiles[PROFILE]


@pytest.fixture
def credentials(instagram: InstagramStandIn) -> dict[str, Any]:
    return {"access_token": instagram.world.instagram.issue(PROFILE)}


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[RecordingSink]:
    with open_sink(sqlite_url, "instagram", PROFILE) as desk:
        yield desk
