"""Sync: jobs that copy the providers' rows into the fact tables, on request and every day."""
