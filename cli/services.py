"""The services that a command uses."""

from __future__ import annotations

from pathlib import Path

from runtime.services import Services
from runtime.settings import Settings


def open_services(metrics: Path) -> Services:
    """Open the services of the environment's settings, with the metric files of this folder.

    Raises InvalidSetting, InvalidCatalog, StateUnavailable or WarehouseUnavailable.
    """
    return Services.open(Settings.from_environment(metrics_dir=metrics))
