"""Definitions → tables and metrics, whose names are resolved."""
