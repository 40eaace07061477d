"""Many users, each with rows of its own."""

from __future__ import annotations

import json
from datetime import date, timedelta

import httpx
import pytest

from demo.providers.crowd import add_crowd
from demo.providers.stand_ins import StandIns
from demo.providers.world import CLIENT, ProviderWorld
from tests.demo.providers.conftest import MovableClock

pytestmark = pytest.mark.server


def test_a_user_reads_its_own_rows(clock: MovableClock, client: httpx.Client) -> None:
    world = ProviderWorld(clock)
    users = add_crowd(world, 1000)
    assert len({user.property_id for user in users}) == 1000
    user = users[7]
    assert (user.property_id, user.ad_account_id, user.profile_id) == (
        "700000007",
        "act_800000007",
        "17840000000000007",
    )
    with StandIns(world) as stand_ins:
        client_id, client_secret = CLIENT
        form = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": user.refresh_token,
        }
        token = client.post(stand_ins.ga4.token_url, data=form).json()["access_token"]
        for dimension, expected in (
            (None, ["117", "118", "119"]),
            ("sessionDefaultChannelGroup", ["58", "59", "59", "59", "59", "60"]),
            ("landingPage", ["58", "59", "59", "59", "59", "60"]),
        ):
            report = client.post(
                f"{stand_ins.ga4.url}/v1beta/properties/{user.property_id}:runReport",
                json={
                    "dateRanges": [{"startDate": "2026-03-10", "endDate": "2026-03-12"}],
                    "dimensions": [{"name": "date"}, *([{"name": dimension}] if dimension else [])],
                    "metrics": [{"name": "sessions"}],
                },
                headers={"Authorization": f"Bearer {token}"},
            ).json()
            assert sorted(row["metricValues"][0]["value"] for row in report["rows"]) == expected
        spent = client.get(
            f"{stand_ins.meta.url}/v26.0/{user.ad_account_id}/insights",
            params={
                "level": "campaign",
                "time_increment": "1",
                "time_range": json.dumps({"since": "2026-03-18", "until": "2026-03-25"}),
                "fields": "spend",
            },
            headers={"Authorization": f"Bearer {user.meta_token}"},
        ).json()["data"]
        assert [(row["date_start"], row["spend"]) for row in spent] == [
            ("2026-03-18", "107.25"),
            ("2026-03-19", "107.25"),
            ("2026-03-20", "107.25"),
        ]
        bearer = {"Authorization": f"Bearer {user.instagram_token}"}
        media = client.get(
            f"{stand_ins.instagram.url}/{user.profile_id}/media", params={"fields": "timestamp"}, headers=bearer
        ).json()["data"]
        days = [date(2026, 3, 19) - timedelta(days=10 * number) for number in range(3)]
        assert [medium["timestamp"][:10] for medium in media] == [day.isoformat() for day in days]
        found = client.get(
            f"{stand_ins.instagram.url}/{media[2]['id']}/insights",
            params={"metric": "reach,total_interactions"},
            headers=bearer,
        ).json()["data"]
        assert [item["values"][0]["value"] for item in found] == [107, 112]
        other = {"Authorization": f"Bearer {users[8].instagram_token}"}
        assert client.get(f"{stand_ins.instagram.url}/{media[2]['id']}", headers=other).status_code == 400
        assert stand_ins.leaks == []
        assert stand_ins.calls[0].path == "/token"


def test_a_crowd_anywhere(clock: MovableClock) -> None:
    world = ProviderWorld(clock)
    (user,) = add_crowd(world, 1, zone="Pacific/Auckland")
    assert world.properties[user.property_id].zone == "Pacific/Auckland"
    # In Los Angeles it is still the 20th.
    rows = world.properties[user.property_id].iter_rows(None, date(2026, 3, 20), date(2026, 3, 25), clock.now)
    assert [visits.day for visits in rows] == [date(2026, 3, 20), date(2026, 3, 21)]
