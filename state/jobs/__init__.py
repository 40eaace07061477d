"""Sync jobs: for their users, for workers, and those of scheduled runs."""
