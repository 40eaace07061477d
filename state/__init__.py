"""The state database: layouts, settings, connections, jobs."""

from state.store import State

__all__ = ["State"]
