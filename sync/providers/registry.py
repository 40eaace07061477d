"""The three providers of an installation, by source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from sync.backfill import HISTORY_DAYS
from sync.http import ProviderClient
from sync.provider import Provider
from sync.providers.ga4 import GA4
from sync.providers.google import GoogleSignIn
from sync.providers.instagram import Instagram
from sync.providers.meta import MetaAds


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the providers are; a slash at the end makes no difference, nor does a version in Meta's."""

    ga4: str = "https://analyticsdata.googleapis.com"
    google_tokens: str = "https://oauth2.googleapis.com/token"
    meta: str = "https://graph.facebook.com"
    instagram: str = "https://graph.instagram.com"


@dataclass(frozen=True, slots=True)
class Applications:
    """As what the installation is known to the providers. Without Google's no refresh token is of use; without
    Meta's its tokens are not renewed."""

    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    meta_app_id: str | None = None
    meta_app_secret: SecretStr | None = None


def open_providers(
    client: ProviderClient,
    addresses: Addresses | None = None,
    applications: Applications | None = None,
    *,
    history: int = HISTORY_DAYS,
) -> Mapping[str, Provider]:
    """The providers by source, all asking through `calls`; a first sync brings `history` days."""
    where = addresses or Addresses()
    known = applications or Applications()
    sign_in = GoogleSignIn(
        client,
        address=where.google_tokens,
        client_id=known.google_client_id,
        client_secret=known.google_client_secret,
    )
    return {
        "ga4": GA4(client, sign_in, base=where.ga4, history=history),
        "meta": MetaAds(
            client,
            base=where.meta,
            app_id=known.meta_app_id,
            app_secret=known.meta_app_secret,
            history=history,
        ),
        "instagram": Instagram(client, base=where.instagram, history=history),
    }
