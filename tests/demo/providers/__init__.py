"""The stand-ins are held against the providers' documentation and against the official SDKs."""
