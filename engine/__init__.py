"""A declarative metric engine for marketing dashboards."""

__version__ = "0.1.0"
