"""The state database: layouts, settings, connections, jobs."""

from metric_engine.state.store import State

__all__ = ["State"]
