"""Realistic data for a few demo tenants, the same on every machine."""
