"""The queries of `sql:` tables: what each name in them means, and what their rows come from."""
