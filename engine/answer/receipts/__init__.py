"""Receipts: what a number rests on, and whether it is still that."""
