"""The dialects: the differences of each engine, in one file each."""
