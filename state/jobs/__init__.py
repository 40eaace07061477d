"""Sync jobs: as users see them, as workers do, and the daily run's."""
