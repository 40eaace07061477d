"""Instagram's metrics: one that an object's kind lacks fails a whole call, so the rest is asked for without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.parsing import Object, Site
from sync.provider import Intake
from sync.providers.graph import INVALID, Graph, Refused

INSTAGRAM = Site("instagram", "Instagram")
# The option that says what which kind lacks.
OPTION = "unsupported"
# The medium is from before its account became a professional one, and so has no metrics at all.
TOO_EARLY = 2108006


class Insights:
    """What an account and its media are asked for, less what their kind is known to lack."""

    def __init__(self, graph: Graph, intake: Intake, options: Mapping[str, Any]) -> None:
        self.graph = graph
        self.intake = intake
        self.lacking = remembered(options.get(OPTION))

    async def of(self, path: str, kind: str, metrics: Sequence[str], query: Mapping[str, str]) -> dict[str, Object]:
        """The metrics that are answered, by name. Raises ProviderError: Refused where none of them is understood."""
        asked = [metric for metric in metrics if metric not in self.lacking.get(kind, ())]
        if not asked:
            return {}
        try:
            return await self.once(path, asked, query)
        except Refused as error:
            if len(asked) == 1 or not of_a_metric(error):
                raise
        found: dict[str, Object] = {}
        refusals: dict[str, Refused] = {}
        for metric in asked:
            try:
                found |= await self.once(path, [metric], query)
            except Refused as error:
                if not of_a_metric(error):
                    raise
                refusals[metric] = error
        if len(refusals) == len(asked):
            # Then it is not the metrics that are wrong.
            raise refusals[asked[0]]
        await self.remember(kind, list(refusals))
        return found

    async def once(self, path: str, metrics: Sequence[str], query: Mapping[str, str]) -> dict[str, Object]:
        found = await self.graph.get(f"{path}/insights", {"metric": ",".join(metrics), **query})
        if "data" not in found:
            raise INSTAGRAM.without("a list of 'data'")
        return {self.graph.read.text(each, "name"): each for each in self.graph.read.items(found, "data")}

    async def remember(self, kind: str, metrics: Sequence[str]) -> None:
        if metrics:
            self.lacking[kind] = sorted({*self.lacking.get(kind, ()), *metrics})
            await self.intake.remember({OPTION: dict(self.lacking)})

    def value(self, metric: Object, name: str) -> int | None:
        """The one value of a metric, in either of the two forms; None where there is none yet."""
        read = self.graph.read
        if "total_value" in metric:
            total = read.part(metric, "total_value")
            return read.whole(total.get("value"), name) if total else None
        listed = read.items(metric, "values")
        return read.whole(listed[0].get("value"), name) if listed else None


def of_a_metric(error: Refused) -> bool:
    return error.code == INVALID and error.subcode != TOO_EARLY


def remembered(option: Any) -> dict[str, list[str]]:
    """What an earlier sync remembered; options are the user's, and may hold anything."""
    if not isinstance(option, Mapping):
        return {}
    return {
        kind: [metric for metric in metrics if isinstance(metric, str)]
        for kind, metrics in option.items()
        if isinstance(kind, str) and isinstance(metrics, list)
    }
