"""The wording of counts in the commands' output."""

from __future__ import annotations


def format_count(count: int, noun: str) -> str:
    """Format a count and its noun, such as `1 file` or `1,200 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
