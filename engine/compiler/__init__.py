"""Metrics → checked SQL."""
