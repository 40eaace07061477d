"""Text → definitions with positions."""
