"""What can be made to go wrong with the providers' stand-ins."""
