"""The stand-ins for Meta and Instagram, which share the Graph API."""
