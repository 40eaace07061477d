"""What an analyst does with metric files."""
