"""The environment, read once: an invalid variable stops the start with one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engine import InvalidSetting, did_you_mean, find_nearest_names
from runtime.shipped import get_shipped_folder
from sync.providers.graph_version import GRAPH_VERSION, VERSION_PATTERN

DEFAULT_DATABASE = "sqlite:///metric-engine.db"
DEFAULT_TIMEZONE = "America/Los_Angeles"
MIN_SECRET_BYTES = 32
MIN_CRON_SECRET_LENGTH = 16

SCHEME = re.compile(r"[a-z][a-z0-9+]*://", re.ASCII)
IN_MEMORY = re.compile(r"(sqlite|duckdb)(?:\+\w+)?://(?:/|/:memory:)?(?:\?.*)?")
IMPORTABLE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
RATE = re.compile(r"[1-9][0-9]{0,8}\s*(?:/|per)\s*(?:[1-9][0-9]{0,4}\s*)?(?:second|minute|hour|day)s?", re.I)


class Settings(BaseSettings):
    """Every setting of an installation; the variable of a field is its name in capitals.

    `str()` and `repr()` show no secret, and a database URL is one: it holds a password.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, validate_default=True)

    database_url: SecretStr = SecretStr(DEFAULT_DATABASE)
    warehouse_url: SecretStr | None = None
    metrics_dir: Path | None = None

    jwt_secret: SecretStr | None = None
    jwks_url: str | None = None
    jwt_audience: str | None = None
    jwt_issuer: str | None = None

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    frame_ancestors: Annotated[tuple[str, ...], NoDecode] = ()
    rate_limit: str | None = None
    redis_url: SecretStr | None = None
    cache_ttl_seconds: int = Field(default=90, ge=0, le=86_400)
    reporting_timezone: ZoneInfo = ZoneInfo(DEFAULT_TIMEZONE)

    llm_model: str | None = None
    llm_daily_budget: int = Field(default=200, ge=0)
    insights_language: str = "en"
    cron_secret: SecretStr | None = None
    encryption_key: SecretStr | None = None

    sync_providers: str | None = None
    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    meta_app_id: str | None = None
    meta_app_secret: SecretStr | None = None
    ga4_base_url: str | None = None
    google_token_url: str | None = None
    meta_base_url: str | None = None
    instagram_base_url: str | None = None
    meta_api_version: str = GRAPH_VERSION

    @classmethod
    def from_environment(cls, **given: Any) -> Self:
        """Read the settings from the environment's variables.

        A `given` field takes precedence, and an empty variable counts as unset. Raises InvalidSetting: one line that
        names the variable and the remedy, never its value.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            raise InvalidSetting(format_first_fault(error)) from None

    @model_validator(mode="before")
    @classmethod
    def drop_blank_values(cls, values: dict[str, Any]) -> dict[str, Any]:
        stripped = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in stripped.items() if value != ""}

    @property
    def facts_url(self) -> SecretStr:
        """The URL of the fact tables: WAREHOUSE_URL, or the state tables' database without it."""
        return self.warehouse_url or self.database_url

    @property
    def facts_setting(self) -> str:
        """The setting that names the database of the fact tables."""
        return "DATABASE_URL" if self.warehouse_url is None else "WAREHOUSE_URL"

    @property
    def metrics_folder(self) -> Path:
        """The folder of metric files: METRICS_DIR, or the shipped one without it."""
        return self.metrics_dir or get_shipped_folder()

    @field_validator("database_url", "warehouse_url", "redis_url")
    @classmethod
    def check_scheme(cls, url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if url is not None and not SCHEME.match(url.get_secret_value()):
            example = "redis://host:6379/0" if info.field_name == "redis_url" else "sqlite:///metric-engine.db"
            raise ValueError(f"is not a URL; write one such as {example}")
        return url

    @field_validator("warehouse_url")
    @classmethod
    def reject_in_memory(cls, url: SecretStr | None) -> SecretStr | None:
        found = url and IN_MEMORY.fullmatch(url.get_secret_value())
        if found:
            raise ValueError(f"names no file, so that what is loaded is lost; write {found[1]}:///path/to/file.db")
        return url

    @field_validator("metrics_dir")
    @classmethod
    def check_folder(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("there is no such folder; name the folder that holds the *.yaml files")
        return folder

    @field_validator("jwt_secret")
    @classmethod
    def check_secret_length(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and (size := len(secret.get_secret_value().encode())) < MIN_SECRET_BYTES:
            raise ValueError(
                f"has {size} bytes and needs at least {MIN_SECRET_BYTES}; `openssl rand -hex 32` makes a good one"
            )
        return secret

    @field_validator("meta_api_version")
    @classmethod
    def check_version(cls, version: str) -> str:
        if not VERSION_PATTERN.fullmatch(version):
            raise ValueError(f"is not a version; write one such as {GRAPH_VERSION}")
        return version

    @field_validator("cron_secret")
    @classmethod
    def check_cron_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and (length := len(secret.get_secret_value())) < MIN_CRON_SECRET_LENGTH:
            raise ValueError(
                f"has {length} characters and needs at least {MIN_CRON_SECRET_LENGTH}; "
                "`openssl rand -hex 32` makes a good one"
            )
        return secret

    @field_validator("jwks_url", "ga4_base_url", "google_token_url", "meta_base_url", "instagram_base_url")
    @classmethod
    def check_web_address(cls, url: str | None) -> str | None:
        if url is not None and not is_web_address(url):
            raise ValueError("is not a web address; write https://host/path")
        return url

    @field_validator("cors_origins", "frame_ancestors", mode="before")
    @classmethod
    def split_origins(cls, origins: Any) -> Any:
        if isinstance(origins, str):
            return tuple(origin.strip() for origin in origins.split(",") if origin.strip())
        return origins

    @field_validator("cors_origins")
    @classmethod
    def check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not is_origin(origin):
                raise ValueError(
                    f"{origin!r} is not an origin; write https://host or https://host:port, comma-separated, or *"
                )
        return origins

    @field_validator("frame_ancestors")
    @classmethod
    def check_ancestors(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        # A page that any site may frame is one that any site may have clicked.
        for origin in origins:
            if not is_origin(origin) or not origin.isascii() or re.search(r"[\s;']", origin):
                raise ValueError(
                    f"{origin!r} is not an origin; write https://host or https://host:port, comma-separated"
                )
        return origins

    @field_validator("sync_providers")
    @classmethod
    def check_importable(cls, name: str | None) -> str | None:
        if name is not None and not IMPORTABLE.fullmatch(name):
            raise ValueError(f"{name!r} names no function; write package.module:function")
        return name

    @field_validator("rate_limit")
    @classmethod
    def check_rate(cls, rate: str | None) -> str | None:
        if rate is None or rate == "off":
            return None
        if not RATE.fullmatch(rate):
            raise ValueError(f"{rate!r} is not a rate; write a count and a span, such as 100/minute, or off")
        return rate

    @field_validator("reporting_timezone", mode="before")
    @classmethod
    def parse_zone(cls, zone: Any) -> Any:
        if not isinstance(zone, str):
            return zone
        zones = available_timezones()
        if zone not in zones:
            hint = did_you_mean(find_nearest_names(zone, zones))
            raise ValueError(f"{zone!r} is not a known time zone{hint or '; write one such as Europe/Berlin'}")
        return ZoneInfo(zone)

    @model_validator(mode="after")
    def check_token_settings(self) -> Self:
        if self.jwt_secret is not None and self.jwks_url is not None:
            raise ValueError("JWT_SECRET and JWKS_URL are both set; keep the one that signs your tokens")
        if self.jwks_url is not None and self.jwt_audience is None:
            raise ValueError(
                "JWT_AUDIENCE is not set; JWKS_URL needs it, or tokens meant for other services would be accepted"
            )
        return self


def format_first_fault(error: ValidationError) -> str:
    """Format the first fault as one line, without the given value: it may be a secret."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    message = fault["msg"].removeprefix("Value error, ")
    variable = str(fault["loc"][0]).upper() if fault["loc"] else None
    return f"{variable}: {message}" if variable else message


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port raises ValueError where it is invalid.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_origin(url: str) -> bool:
    if not is_web_address(url):
        return False
    parts = urlsplit(url)
    return url == f"{parts.scheme}://{parts.netloc}" and "@" not in parts.netloc and "*" not in parts.netloc
