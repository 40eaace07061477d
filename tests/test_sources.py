"""The table of sources against what else has to know a source: its provider, its options, the page's names."""

from __future__ import annotations

import re

from api.schemas import ConnectionOptions
from engine import SOURCES
from sync.providers.registry import PROVIDERS
from tests.support.paths import ROOT

PAGE_NAMES = re.compile(r"^const SHORT = \{(.+)\};$", re.MULTILINE)


def test_sources_stand_under_their_names_in_alphabetical_order() -> None:
    assert [*SOURCES] == sorted(source.name for source in SOURCES.values())


def test_no_two_sources_claim_one_key() -> None:
    prefixes = [prefix for source in SOURCES.values() for prefix in {source.name, source.key_prefix}]
    assert len(prefixes) == len(set(prefixes))


def test_each_provider_is_a_sources() -> None:
    assert PROVIDERS.keys() <= SOURCES.keys()


def test_each_option_has_a_shape_and_each_shape_a_source() -> None:
    assert {option for source in SOURCES.values() for option in source.options} == set(ConnectionOptions.model_fields)


def test_the_pages_short_names_are_of_sources() -> None:
    (names,) = PAGE_NAMES.findall((ROOT / "web" / "static" / "view.js").read_text(encoding="utf-8"))
    assert set(re.findall(r"(\w+): ", names)) <= SOURCES.keys()
