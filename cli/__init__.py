"""The command line: `metric-engine`."""

from cli.program import main

__all__ = ["main"]
