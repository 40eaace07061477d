"""The services of an installation, opened once for the API, the commands and the benches."""
