"""Where the cache is kept, by the settings."""

from __future__ import annotations

import sys

import pytest

import engine
from engine.errors import InvalidSetting
from runtime.caches import open_store
from tests.support.environment import read_settings


def test_a_missing_redis_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "engine.answer.redis_store", raising=False)
    # Where another test has used it, the engine's name for it is there already.
    monkeypatch.delitem(vars(engine), "RedisStore", raising=False)
    settings = read_settings({"REDIS_URL": "redis://host"})
    with pytest.raises(InvalidSetting, match=r"REDIS_URL .*: pip install redis \(the extra 'redis'\)"):
        open_store(settings, "an-installation", 60)
