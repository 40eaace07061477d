"""Sync: the providers' rows into the fact tables, by jobs that survive and on a schedule that does not slip."""
