"""The providers, a file each, and the Graph API that two of them share."""
