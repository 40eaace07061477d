"""Every figure of docs/benchmarks.md, and those of docs/reliability.md that are not a test's."""

from __future__ import annotations

from bench import caching, engine, loading, syncing

if __name__ == "__main__":
    engine.main()
    caching.main()
    loading.main()
    syncing.main()
