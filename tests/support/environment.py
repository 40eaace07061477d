"""Settings from an environment that a test gives, and from nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from unittest.mock import patch

from runtime.settings import Settings


def read_settings(environment: Mapping[str, str]) -> Settings:
    with patch.dict(os.environ, environment, clear=True):
        return Settings.from_environment()
