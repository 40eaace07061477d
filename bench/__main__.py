"""Every figure of docs/benchmarks.md."""

from __future__ import annotations

from bench import caching, engine, loading

if __name__ == "__main__":
    engine.main()
    caching.main()
    loading.main()
