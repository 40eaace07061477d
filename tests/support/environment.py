"""Settings of an environment that holds nothing but what a test gives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from unittest.mock import patch

from runtime.settings import Settings


def read_settings(environment: Mapping[str, str]) -> Settings:
    with patch.dict(os.environ, environment, clear=True):
        return Settings.from_environment()
