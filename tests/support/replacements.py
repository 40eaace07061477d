"""What stands in the program's place for as long as a process runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def replace(replacements: Mapping[str, Any]) -> None:
    """Put each in place of what a module has by that name, in this process; the keys are `module.name`."""
    for path, replacement in replacements.items():
        module, _, name = path.rpartition(".")
        setattr(import_module(module), name, replacement)
