"""The parts of the contract that random questions ask for, each of which can be left out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuestionFeatures:
    """What the worlds, their questions and the comparison of answers contain.

    `calendar`: every grain and compare, cut buckets. `extents`: accounts that a sync reads, notes. `to_date`: the part
    of an unfinished window, and totals of the first day. `filters`: dimensions, filters, breakdowns and their order
    in the request, currencies by member. `tables`: rows and columns. `windows`: rolling and to-date metrics, targets,
    operands that may be missing.
    """

    calendar: bool = False
    extents: bool = False
    to_date: bool = False
    filters: bool = False
    tables: bool = False
    windows: bool = False


ALL_FEATURES = QuestionFeatures(calendar=True, extents=True, to_date=True, filters=True, tables=True, windows=True)
# What the engine answers; a test that compares it with the oracle asks for nothing else.
ANSWERED = ALL_FEATURES
