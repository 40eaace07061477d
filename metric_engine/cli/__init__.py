"""The command line: `metric-engine`."""

from metric_engine.cli.commands import main

__all__ = ["main"]
