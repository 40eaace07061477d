"""The shapes of the API, for its documentation and typed clients; the hot path needs none."""
