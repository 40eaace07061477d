"""Rows → the answer."""
