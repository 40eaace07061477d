"""The providers' own SDKs, pointed at the stand-ins, understand every word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.igmedia import IGMedia
from facebook_business.adobjects.iguser import IGUser
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.types import DateRange, Dimension, Metric, RunReportRequest, RunReportResponse
from google.api_core.exceptions import BadRequest, Forbidden, ServiceUnavailable, TooManyRequests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as ServiceAccount
from requests import Session

from demo.providers.stand_ins import StandIns
from demo.providers.tokens import get_utc_now
from demo.providers.world import CLIENT, ProviderWorld
from tests.demo.providers.conftest import AD_ACCOUNT, PROFILE, PROPERTY, MovableClock
from tests.support.providers import google_faults, graph_faults
from tests.support.providers.faults import plant_fault

pytestmark = pytest.mark.server

# Google has not typed them.
CREDENTIALS: Callable[..., Credentials] = Credentials
SIGNER: Callable[..., Any] = ServiceAccount.from_service_account_info
SCOPE = "https://www.googleapis.com/auth/analytics.readonly"


@pytest.fixture
def facebook(world: ProviderWorld, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> Iterator[FacebookAdsApi]:
    monkeypatch.setattr(FacebookSession, "GRAPH", stand_ins.meta.url)
    session = FacebookSession(access_token=world.meta.issue(AD_ACCOUNT))
    yield FacebookAdsApi(session)
    session.requests.close()


@pytest.fixture
def instagram_api(
    world: ProviderWorld, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FacebookAdsApi]:
    monkeypatch.setattr(FacebookSession, "GRAPH", stand_ins.instagram.url)
    session = FacebookSession(access_token=world.instagram.issue(PROFILE))
    yield FacebookAdsApi(session)
    session.requests.close()


INSIGHTS = {
    "level": "campaign",
    "time_increment": 1,
    "time_range": {"since": "2026-03-11", "until": "2026-03-19"},
    "limit": 7,
}


def test_meta_reads_an_account_and_all_pages(facebook: FacebookAdsApi) -> None:
    account = AdAccount(AD_ACCOUNT, api=facebook)
    assert account.api_get(fields=["timezone_name", "currency"])["timezone_name"] == "America/Los_Angeles"
    rows = list(account.get_insights(fields=["campaign_id", "impressions", "actions"], params=INSIGHTS))
    assert len(rows) == 18
    assert sum(int(row["impressions"]) for row in rows) == 2 * sum(1000 + d for d in range(1, 10))
    assert rows[0]["actions"][0]["action_type"] == "omni_purchase"


def test_meta_makes_a_report(facebook: FacebookAdsApi) -> None:
    run = AdAccount(AD_ACCOUNT, api=facebook).get_insights_async(fields=["campaign_id", "spend"], params=INSIGHTS)
    states: list[str] = []
    while not states or states[-1] != "Job Completed":
        states.append(run.api_get()["async_status"])
    assert states == ["Job Not Started", "Job Started", "Job Completed"]
    assert run["async_percent_completion"] == 100
    rows = list(run.get_result(params={"limit": 5}))
    assert [row["spend"] for row in rows] == ["14.35"] * 18


def test_meta_understands_the_errors(world: ProviderWorld, stand_ins: StandIns, facebook: FacebookAdsApi) -> None:
    account = AdAccount(AD_ACCOUNT, api=facebook)
    for fault, code, subcode in (
        (graph_faults.throttle_calls(80004, minutes=3), 80004, 2446079),
        (graph_faults.refuse_token(463), 190, 463),
        (graph_faults.refuse_before_conversion(), 100, 2108006),
    ):
        plant_fault(stand_ins.meta, fault, times=1)
        with pytest.raises(FacebookRequestError) as caught:
            account.get_insights(params=INSIGHTS)
        assert (caught.value.api_error_code(), caught.value.api_error_subcode()) == (code, subcode)
        assert caught.value.api_error_type() == "OAuthException"
    plant_fault(stand_ins.meta, graph_faults.fail_transiently(2), times=1)
    with pytest.raises(FacebookRequestError) as caught:
        account.get_insights(params=INSIGHTS)
    assert caught.value.api_transient_error() is True
    # This SDK puts the token into every query string; that is what the log is for.
    assert len(stand_ins.leaks) == len(stand_ins.meta.calls)


def test_instagram_reads_a_profile_its_days_and_its_media(instagram_api: FacebookAdsApi) -> None:
    profile = IGUser(PROFILE, api=instagram_api)
    assert profile.api_get(fields=["followers_count", "media_count"])["followers_count"] == 1000
    span = {"since": "2026-03-18", "until": "2026-03-20", "period": ["day"]}
    (reach,) = profile.get_insights(params={"metric": ["reach"], **span})
    assert [value["value"] for value in reach["values"]] == [102, 101]
    (views,) = profile.get_insights(params={"metric": ["views"], "metric_type": "total_value", **span})
    assert views["total_value"]["value"] == 302 + 301
    media = list(profile.get_media(fields=["caption", "timestamp"], params={"limit": 4}))
    assert [medium["caption"] for medium in media] == [f"Post {d}" for d in range(10)]
    assert datetime.strptime(media[0]["timestamp"], "%Y-%m-%dT%H:%M:%S%z") == datetime(2026, 3, 20, 9, 30, tzinfo=UTC)
    (saved,) = IGMedia(media[1]["id"], api=instagram_api).get_insights(params={"metric": ["saved"]})
    assert (saved["period"], saved["values"][0]["value"]) == ("lifetime", 1)


def test_analytics_tells_what_a_report_lacks(world: ProviderWorld, stand_ins: StandIns) -> None:
    account = world.properties[PROPERTY]
    account.sampled, account.threshold, account.truncated = (500, 1000), 1, {date(2026, 3, 19)}
    credentials = make_user_credentials(stand_ins, world.google.issue(PROPERTY))
    metadata = open_analytics(stand_ins, credentials).run_report(make_report_request()).metadata
    assert metadata.subject_to_thresholding is True
    (sampled,) = metadata.sampling_metadatas
    assert (sampled.samples_read_count, sampled.sampling_space_size) == (500, 1000)
    (reason,) = metadata.data_truncation_reasons
    assert reason.data_truncation_type.name == "DATA_TRUNCATION_TYPE_DATE_RANGE"
    assert [each.start_date for each in reason.data_truncation_date_ranges] == ["2026-03-19"]


def open_analytics(stand_ins: StandIns, credentials: Credentials) -> BetaAnalyticsDataClient:
    return BetaAnalyticsDataClient(
        credentials=credentials, transport="rest", client_options={"api_endpoint": stand_ins.ga4.url}
    )


def make_user_credentials(stand_ins: StandIns, refresh_token: str) -> Credentials:
    client_id, client_secret = CLIENT
    return CREDENTIALS(
        None,
        refresh_token=refresh_token,
        token_uri=stand_ins.ga4.token_url,
        client_id=client_id,
        client_secret=client_secret,
    )


def make_report_request(**more: object) -> RunReportRequest:
    return RunReportRequest(
        property=f"properties/{PROPERTY}",
        date_ranges=[DateRange(start_date="2026-03-11", end_date="2026-03-19")],
        dimensions=[Dimension(name="date"), Dimension(name="sessionDefaultChannelGroup")],
        metrics=[Metric(name="sessions"), Metric(name="engagedSessions")],
        **more,
    )


@pytest.fixture
def ga4(world: ProviderWorld, stand_ins: StandIns) -> Iterator[BetaAnalyticsDataClient]:
    """Google's client, which gets its access tokens from the stand-in, too."""
    with open_analytics(stand_ins, make_user_credentials(stand_ins, world.google.issue(PROPERTY))) as client:
        yield client


def test_ga4_reads_all_pages(ga4: BetaAnalyticsDataClient) -> None:
    pages: list[RunReportResponse] = [
        ga4.run_report(make_report_request(limit=10, offset=offset, return_property_quota=True)) for offset in (0, 10)
    ]
    assert [len(page.rows) for page in pages] == [10, 8]
    page = pages[0]
    assert page.row_count == 18
    assert (page.kind, page.metadata.time_zone) == ("analyticsData#runReport", "America/Los_Angeles")
    assert page.metric_headers[0].type_.name == "TYPE_INTEGER"
    assert page.property_quota.tokens_per_day.remaining == 199_999
    found = {
        (row.dimension_values[0].value, row.dimension_values[1].value): int(row.metric_values[0].value)
        for page in pages
        for row in page.rows
    }
    assert found["20260319", "Direct"] == 51
    assert sum(found.values()) == 2 * sum(50 + d for d in range(1, 10))


def test_ga4_understands_the_errors(stand_ins: StandIns, ga4: BetaAnalyticsDataClient) -> None:
    for fault, error in (
        (google_faults.deny_permission(), Forbidden),
        (google_faults.exhaust_quota(), TooManyRequests),
        (google_faults.fail_server(503), ServiceUnavailable),
    ):
        plant_fault(stand_ins.ga4, fault, account=PROPERTY, times=1)
        with pytest.raises(error):
            ga4.run_report(make_report_request(), retry=None)
    request = make_report_request()
    request.metrics.append(Metric(name="conversions"))
    with pytest.raises(BadRequest, match="Did you mean keyEvents"):
        ga4.run_report(request)


def test_google_gets_a_new_token_when_one_is_refused(
    world: ProviderWorld, stand_ins: StandIns, ga4: BetaAnalyticsDataClient
) -> None:
    ga4.run_report(make_report_request())
    plant_fault(stand_ins.ga4, google_faults.refuse_token(), account=PROPERTY, times=1)
    assert ga4.run_report(make_report_request()).row_count == 18
    assert [(call.path[:6], call.status) for call in stand_ins.ga4.calls] == [
        ("/token", 200),
        ("/v1bet", 200),
        ("/v1bet", 401),
        ("/token", 200),
        ("/v1bet", 200),
    ]
    assert stand_ins.leaks == []


def test_google_understands_a_dead_refresh_token(world: ProviderWorld, stand_ins: StandIns) -> None:
    token = world.google.issue(PROPERTY)
    world.google.revoke(token)
    with (
        open_analytics(stand_ins, make_user_credentials(stand_ins, token)) as client,
        pytest.raises(RefreshError, match="revoked"),
    ):
        client.run_report(make_report_request())


def test_google_signs_for_a_service_account(world: ProviderWorld, stand_ins: StandIns, clock: MovableClock) -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    world.google.allow("reader@demo", public.decode(), PROPERTY)
    # The library signs with the real time.
    clock.now = get_utc_now()
    credentials = SIGNER(
        {
            "type": "service_account",
            "client_email": "reader@demo",
            "private_key": private.decode(),
            "token_uri": stand_ins.ga4.token_url,
        },
        scopes=[SCOPE],
    )
    # The client would sign for itself, and never ask for a token.
    with Session() as session:
        credentials.refresh(Request(session))
    with open_analytics(stand_ins, CREDENTIALS(credentials.token)) as client:
        assert client.run_report(make_report_request()).row_count == 18
