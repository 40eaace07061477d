"""One router a theme."""
