"""The version of the Graph API: it is in the path once, and it is not old."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runtime.settings import Settings
from sync.providers.graph_version import GRAPH_VERSION, RELEASED_ON, add_version, drop_version
from sync.providers.registry import Addresses


def test_the_default_version_is_younger_than_a_year() -> None:
    # Meta retires a version about 13 months after its release: name the newest one in graph_version.py.
    assert (datetime.now(UTC).date() - RELEASED_ON).days < 365


def test_the_default_is_one_for_all() -> None:
    assert Settings.model_fields["meta_api_version"].default == Addresses().meta_api_version == GRAPH_VERSION


@pytest.mark.parametrize("base", ["https://host.example", "https://host.example/", "https://host.example/v27.0/"])
def test_the_version_is_in_the_path_once(base: str) -> None:
    assert add_version(base, "v27.0") == "https://host.example/v27.0"
    assert drop_version(add_version(base, "v27.0")) == "https://host.example"


def test_an_address_that_has_a_version_keeps_it() -> None:
    assert add_version("http://127.0.0.1:9/proxy/v23.0", "v27.0") == "http://127.0.0.1:9/proxy/v23.0"
    assert drop_version("http://127.0.0.1:9/proxy") == "http://127.0.0.1:9/proxy"
