"""Exchange of metric files with other formats."""
