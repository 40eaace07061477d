"""The table of providers: what opens each source's, and the credentials that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from sync.backfill import HISTORY_DAYS
from sync.http import ProviderClient
from sync.provider import Provider
from sync.providers.credentials import (
    AccessTokenCredentials,
    ProviderCredentials,
    RefreshTokenCredentials,
    ServiceAccountCredentials,
)
from sync.providers.ga4 import GA4
from sync.providers.google import GoogleSignIn
from sync.providers.graph_version import GRAPH_VERSION
from sync.providers.instagram import Instagram
from sync.providers.meta import MetaAds


@dataclass(frozen=True, slots=True)
class Addresses:
    """The providers' addresses, by setting, and the version of Meta's API.

    They may end in a slash, and those of Meta and Instagram may include another version.
    """

    ga4_base_url: str = "https://analyticsdata.googleapis.com"
    google_token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105
    meta_base_url: str = "https://graph.facebook.com"
    instagram_base_url: str = "https://graph.instagram.com"
    meta_api_version: str = GRAPH_VERSION


@dataclass(frozen=True, slots=True)
class Applications:
    """The installation's registrations with the providers, by setting.

    Without Google's, no refresh token can be used. Without Meta's, tokens of Facebook's login are not renewed.
    """

    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    meta_app_id: str | None = None
    meta_app_secret: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """The arguments that providers are opened with; a first sync loads `history` days."""

    client: ProviderClient
    addresses: Addresses
    applications: Applications
    history: int


def open_ga4(context: ProviderContext) -> Provider:
    sign_in = GoogleSignIn(
        context.client,
        address=context.addresses.google_token_url,
        client_id=context.applications.google_client_id,
        client_secret=context.applications.google_client_secret,
    )
    return GA4(context.client, sign_in, base=context.addresses.ga4_base_url, history=context.history)


def open_instagram(context: ProviderContext) -> Provider:
    return Instagram(
        context.client,
        base=context.addresses.instagram_base_url,
        facebook_base=context.addresses.meta_base_url,
        version=context.addresses.meta_api_version,
        app_id=context.applications.meta_app_id,
        app_secret=context.applications.meta_app_secret,
        history=context.history,
    )


def open_meta(context: ProviderContext) -> Provider:
    return MetaAds(
        context.client,
        base=context.addresses.meta_base_url,
        version=context.addresses.meta_api_version,
        app_id=context.applications.meta_app_id,
        app_secret=context.applications.meta_app_secret,
        history=context.history,
    )


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """A provider: what opens it, and the shapes of its credentials, the default one last."""

    open: Callable[[ProviderContext], Provider]
    credentials: tuple[type[ProviderCredentials], ...]

    def read_credentials(self, given: Mapping[str, object]) -> Mapping[str, object]:
        """Validate credentials in the shape that they resemble. Raises ValidationError."""
        *others, default = self.credentials
        shape = next((each for each in others if each.model_fields.keys() & given.keys()), default)
        return shape.model_validate(given).model_dump(exclude_none=True)


# By source.
PROVIDERS: Mapping[str, ProviderEntry] = {
    "ga4": ProviderEntry(open_ga4, (ServiceAccountCredentials, RefreshTokenCredentials)),
    "instagram": ProviderEntry(open_instagram, (AccessTokenCredentials,)),
    "meta": ProviderEntry(open_meta, (AccessTokenCredentials,)),
}


def open_providers(
    client: ProviderClient,
    addresses: Addresses | None = None,
    applications: Applications | None = None,
    *,
    history: int = HISTORY_DAYS,
) -> Mapping[str, Provider]:
    """Open the providers, by source; all of them call through `client`."""
    context = ProviderContext(client, addresses or Addresses(), applications or Applications(), history)
    return {source: entry.open(context) for source, entry in PROVIDERS.items()}
