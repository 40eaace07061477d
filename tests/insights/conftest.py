from __future__ import annotations

from collections.abc import Iterator

import pytest

from insights.collect_facts import CollectedFacts
from tests.insights.worlds import Plant, Worlds, history

# Much happens: a channel lost, a campaign that returns half, a post that took off.
EVENTFUL = Plant(
    channel={"Organic Search": 0.4},
    page={"/products/wool-throw": 1.8},
    returns={"Retargeting": 0.4},
    spike=(5, 6.0),
)


@pytest.fixture(scope="session")
def worlds() -> Iterator[Worlds]:
    made = Worlds()
    yield made
    made.close()


@pytest.fixture(scope="session")
def eventful(worlds: Worlds) -> CollectedFacts:
    return worlds.collect(worlds.settle(history(1, EVENTFUL, days=28)))
