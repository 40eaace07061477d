"""An analyst's expressions and queries."""
