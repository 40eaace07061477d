"""The shapes of the credentials that providers give."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Secret = Annotated[str, Field(min_length=1, max_length=8_192)]


class ProviderCredentials(BaseModel):
    """Credentials in one of a provider's shapes; neither they nor their errors show a value."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class AccessTokenCredentials(ProviderCredentials):
    """A token that is sent with each call."""

    access_token: Secret


class RefreshTokenCredentials(ProviderCredentials):
    """A token that Google exchanges for access tokens."""

    refresh_token: Secret


class ServiceAccountKey(ProviderCredentials):
    """The parts of Google's key file that sign.

    Its `token_uri` is dropped: it would decide where the credentials are sent.
    """

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    client_email: Secret
    private_key: Secret
    private_key_id: Secret | None = None


class ServiceAccountCredentials(ProviderCredentials):
    """The key of a Google service account."""

    service_account: ServiceAccountKey
