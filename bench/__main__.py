"""The figures of docs/benchmarks.md, and those of docs/reliability.md that no test measures."""

from __future__ import annotations

from bench import caching, dashboard, engine, growth, http, loading, questions, syncing

if __name__ == "__main__":
    http.main()
    dashboard.main()
    engine.main()
    growth.main()
    questions.main()
    caching.main()
    loading.main()
    syncing.main()
