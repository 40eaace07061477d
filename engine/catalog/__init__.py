"""Definitions → tables and metrics in which every name has become the thing that it names."""
