"""How many examples a property is tried with."""

from __future__ import annotations

from typing import Any

import hypothesis


def try_examples(most: int, **more: Any) -> hypothesis.settings:
    """Try so many examples, or those of the run's profile where these are fewer; `more` is for Hypothesis' settings."""
    profile = hypothesis.settings.default
    assert profile is not None
    return hypothesis.settings(max_examples=min(most, profile.max_examples), **more)
