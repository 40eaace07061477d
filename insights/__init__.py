"""Insights: facts of the data, the rules that speak of them, a language model, and the check on what it says."""
