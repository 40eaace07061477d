"""The metric files that come with the package."""

from __future__ import annotations

from pathlib import Path


def get_shipped_folder() -> Path:
    """Return the folder of the shipped metric files, installed or in a checkout.

    It is relative where it is below the current folder, so that diagnostics show the path as a user types it.
    """
    folder = Path(__file__).parents[1] / "metrics"
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
