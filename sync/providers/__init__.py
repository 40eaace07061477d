"""A file a provider, and the Graph API that two of them share."""
