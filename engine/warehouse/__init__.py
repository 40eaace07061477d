"""SQL → rows."""
