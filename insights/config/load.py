"""A folder's metric files and its insights.yaml, loaded together: every file is read once, all problems are told."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from engine import Catalog, Diagnostics, InvalidSetting, raise_if_invalid, read_folder, resolve_catalog, suggest_name
from insights.config.resolve import resolve_insights
from insights.config.rules import Insights

logger = logging.getLogger("metric_engine.insights.config.load")


@dataclass(frozen=True)
class InsightsCatalog(Catalog):
    """A catalog, and what insights look at in it."""

    insights: Insights = field(default_factory=Insights)


def load_catalog(folder: Path) -> InsightsCatalog:
    """Read, resolve and check a folder. Raises InvalidCatalog with every problem of every file."""
    diagnostics = Diagnostics()
    files = read_folder(folder, diagnostics)
    catalog = resolve_catalog(files, diagnostics)
    insights = resolve_insights(files, catalog.metrics, diagnostics)
    raise_if_invalid(diagnostics, files)
    return InsightsCatalog(
        catalog.tables, catalog.metrics, catalog.version, insights, warnings=diagnostics.list_in_file_order()
    )


def insights_of(catalog: Catalog) -> Insights:
    """What insights look at in a catalog; nothing, where it was loaded without them."""
    return catalog.insights if isinstance(catalog, InsightsCatalog) else Insights()


def check_language(catalog: Catalog, code: str) -> None:
    """Raise InvalidSetting where the insights do not speak this language; what they do not say in it is logged."""
    insights = insights_of(catalog)
    if code not in insights.languages:
        known = suggest_name(code, sorted(insights.languages))
        remedy = f"a file insights.{code[:40]}.yaml in METRICS_DIR would make it one"
        raise InvalidSetting(f"INSIGHTS_LANGUAGE: {code[:40]!r} is not a language of the insights{known}; {remedy}")
    lacking = [rule.name for rule in insights.rules if rule.name not in insights.languages[code].rules]
    if lacking:
        logger.warning("insights.%s.yaml lacks the rules %s: they are not said", code, ", ".join(lacking))
