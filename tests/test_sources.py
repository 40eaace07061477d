"""The table of sources against what else has to know a source: its provider and its options."""

from __future__ import annotations

from api.schemas.connections import ConnectionOptions
from engine import SOURCES
from sync.providers.registry import PROVIDERS


def test_sources_stand_under_their_names_in_alphabetical_order() -> None:
    assert [*SOURCES] == sorted(source.name for source in SOURCES.values())


def test_no_two_sources_claim_one_key() -> None:
    prefixes = [prefix for source in SOURCES.values() for prefix in {source.name, source.key_prefix}]
    assert len(prefixes) == len(set(prefixes))


def test_each_provider_is_a_sources() -> None:
    assert PROVIDERS.keys() <= SOURCES.keys()


def test_each_option_has_a_shape_and_each_shape_a_source() -> None:
    assert {option for source in SOURCES.values() for option in source.options} == set(ConnectionOptions.model_fields)
