"""A believable history for a handful of tenants, the same on every machine."""
