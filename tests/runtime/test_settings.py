from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import InvalidSetting
from runtime.shipped import get_shipped_folder
from tests.support.environment import read_settings

SECRET = "a secret of at least thirty-two bytes"


def test_nothing_set_gives_the_documented_defaults() -> None:
    settings = read_settings({})
    assert settings.database_url.get_secret_value() == "sqlite:///metric-engine.db"
    assert settings.facts_url == settings.database_url
    assert settings.metrics_folder == get_shipped_folder()
    assert settings.reporting_timezone.key == "America/Los_Angeles"
    assert settings.cache_ttl_seconds == 90
    assert settings.llm_daily_budget == 200
    assert settings.rate_limit is None
    assert settings.cors_origins == ()


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read_settings({"JWT_SECRET": "", "WAREHOUSE_URL": " "}) == read_settings({})


def test_a_rate_limit_may_be_off() -> None:
    assert read_settings({"RATE_LIMIT": "off"}).rate_limit is None


def test_given_values_are_read(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "WAREHOUSE_URL": "postgresql://reader:pw@db/facts",
            "METRICS_DIR": str(tmp_path),
            "CORS_ORIGINS": "https://app.example.com, http://localhost:5173",
            "RATE_LIMIT": "100/minute",
            "REPORTING_TIMEZONE": "Europe/Berlin",
            "JWKS_URL": "https://id.example.com/keys",
            "JWT_AUDIENCE": "dashboards",
        }
    )
    assert settings.facts_url.get_secret_value() == "postgresql://reader:pw@db/facts"
    assert settings.metrics_folder == tmp_path
    assert settings.cors_origins == ("https://app.example.com", "http://localhost:5173")
    assert settings.reporting_timezone.key == "Europe/Berlin"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"WAREHOUSE_URL": "duckdb://"},
            ["WAREHOUSE_URL", "names no file", "duckdb:///"],
        ),
        (
            {"WAREHOUSE_URL": "sqlite:///:memory:"},
            ["WAREHOUSE_URL", "sqlite:///"],
        ),
        ({"JWT_SECRET": "short"}, ["JWT_SECRET", "32", "openssl"]),
        ({"JWT_SECRET": SECRET, "JWKS_URL": "https://id/keys", "JWT_AUDIENCE": "a"}, ["JWT_SECRET", "JWKS_URL"]),
        ({"JWKS_URL": "https://id/keys"}, ["JWT_AUDIENCE"]),
        ({"JWKS_URL": "file:///etc/passwd", "JWT_AUDIENCE": "a"}, ["JWKS_URL", "https://"]),
        ({"DATABASE_URL": "metric-engine.db"}, ["DATABASE_URL", "sqlite:///"]),
        ({"WAREHOUSE_URL": "//db/facts"}, ["WAREHOUSE_URL"]),
        ({"REDIS_URL": "cache"}, ["REDIS_URL", "redis://"]),
        ({"METRICS_DIR": "/no/such/folder"}, ["METRICS_DIR", "folder"]),
        ({"CORS_ORIGINS": "https://a.example.com/path"}, ["CORS_ORIGINS", "https://host"]),
        ({"CORS_ORIGINS": "a.example.com"}, ["CORS_ORIGINS"]),
        ({"FRAME_ANCESTORS": "*"}, ["FRAME_ANCESTORS", "https://host"]),
        ({"FRAME_ANCESTORS": "https://a.example.com; script-src *"}, ["FRAME_ANCESTORS"]),
        ({"RATE_LIMIT": "many"}, ["RATE_LIMIT", "100/minute"]),
        ({"RATE_LIMIT": "0/minute"}, ["RATE_LIMIT"]),
        ({"REPORTING_TIMEZONE": "America/Los_Angelos"}, ["REPORTING_TIMEZONE", "America/Los_Angeles"]),
        ({"REPORTING_TIMEZONE": "../etc/passwd"}, ["REPORTING_TIMEZONE"]),
        ({"CACHE_TTL_SECONDS": "soon"}, ["CACHE_TTL_SECONDS"]),
        ({"LLM_DAILY_BUDGET": "-1"}, ["LLM_DAILY_BUDGET"]),
        ({"META_BASE_URL": "graph.facebook.com"}, ["META_BASE_URL", "https://"]),
        ({"INSTAGRAM_BASE_URL": "http://127.0.0.1:abc"}, ["INSTAGRAM_BASE_URL"]),
        ({"META_API_VERSION": "27"}, ["META_API_VERSION", "v27.0"]),
        ({"SYNC_PROVIDERS": "module.function"}, ["SYNC_PROVIDERS", "module:function"]),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(environment: dict[str, str], words: list[str]) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_settings(environment)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words)


def test_no_secret_shows_in_text_or_in_an_error() -> None:
    environment = {
        "JWT_SECRET": "jwt-secret-jwt-secret-jwt-secret-jwt",
        "DATABASE_URL": "postgresql://app:hunter2@db/state",
        "WAREHOUSE_URL": "postgresql://app:hunter2@db/facts",
        "REDIS_URL": "redis://:hunter2@cache",
        "CRON_SECRET": "hunter2 hunter2 hunter2",
        "ENCRYPTION_KEY": "hunter2",
        "GOOGLE_CLIENT_SECRET": "hunter2",
        "META_APP_SECRET": "hunter2",
    }
    settings = read_settings(environment)
    shown = f"{settings} {settings!r} {settings.model_dump_json()}"
    assert "hunter2" not in shown
    assert "jwt-secret" not in shown
    with pytest.raises(InvalidSetting) as caught:
        read_settings({"JWT_SECRET": "hunter2"})
    assert "hunter2" not in str(caught.value)
