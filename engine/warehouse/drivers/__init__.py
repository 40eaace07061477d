"""How databases are opened, read, written and understood when they fail, said once for each."""
