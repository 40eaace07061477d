"""The middlewares: what a request passes before the routes."""
