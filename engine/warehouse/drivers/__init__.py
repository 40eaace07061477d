"""The drivers: how each database is opened, read and written, and how its errors read."""
