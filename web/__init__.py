"""The dashboard: its source, and what is built of it into `dist`, which the API serves."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
DIST = FOLDER / "dist"
# Why there is no page, as a sentence; written by the build, read by the API.
REASON = DIST / "reason.txt"
UNBUILT = "It has not been built yet; `make run` builds it, and so does `python -m web.build`."


def is_built() -> bool:
    """Tell whether there is a page to serve."""
    return (DIST / "index.html").is_file()


def read_reason() -> str:
    """Return why there is no page."""
    return REASON.read_text(encoding="utf-8") if REASON.is_file() else UNBUILT
