"""What an installation is made of, opened once for the API, the commands and the benches."""
