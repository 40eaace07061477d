"""GA4's stand-in and Google's token endpoint."""
