"""The metric engine: a library without a web server."""
