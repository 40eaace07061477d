"""The commands that answer."""
