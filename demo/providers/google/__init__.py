"""The stand-ins for GA4 and for Google's token endpoint."""
