"""Insights: what happened, in clauses that code writes from facts, and rules or a model that arrange them."""
