"""The dashboard page: static files that speak to the HTTP API and to nothing else."""
