"""How the commands say things."""

from __future__ import annotations


def format_count(count: int, noun: str) -> str:
    """A count and its noun, such as `1 file` or `1,200 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
