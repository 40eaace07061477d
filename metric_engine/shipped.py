"""What comes with the package beside its code."""

from __future__ import annotations

from pathlib import Path


def shipped_metrics() -> Path:
    """The folder of the shipped metric files, installed or in a checkout; relative where it is below the cwd."""
    package = Path(__file__).parent
    installed = package / "metrics"
    folder = installed if installed.is_dir() else package.parent / "metrics"
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
