"""Meta's and Instagram's stand-ins, which share the Graph API."""
