"""Instagram's metrics.

A metric that an object's kind does not have fails the whole call, which is then repeated without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync.parsing import JsonObject, Site
from sync.provider import Sink
from sync.providers.graph import INVALID, GraphClient, RejectedRequest

INSTAGRAM = Site.of_source("instagram")
# The option with the metrics that each kind does not have.
UNSUPPORTED_OPTION = "unsupported"
# What was taken back is subtracted, which may have been given on an earlier day.
NET_METRIC = "total_interactions"
# The medium is older than the professional account, and so has no metrics at all.
TOO_EARLY = 2108006


class InstagramInsights:
    """The metrics of an account and its media, without those that their kind does not have."""

    def __init__(self, graph: GraphClient, sink: Sink, options: Mapping[str, Any]) -> None:
        self.graph = graph
        self.sink = sink
        self.unsupported = parse_unsupported(options.get(UNSUPPORTED_OPTION))

    async def fetch_metrics(
        self, path: str, kind: str, metrics: Sequence[str], query: Mapping[str, str]
    ) -> dict[str, JsonObject]:
        """Fetch the available metrics, by name.

        Raises ProviderError: RejectedRequest if the object has none of them.
        """
        asked = [metric for metric in metrics if metric not in self.unsupported.get(kind, ())]
        if not asked:
            return {}
        try:
            return await self.fetch_metrics_once(path, asked, query)
        except RejectedRequest as error:
            if len(asked) == 1 or not is_metric_error(error):
                raise
        found: dict[str, JsonObject] = {}
        refusals: dict[str, RejectedRequest] = {}
        for metric in asked:
            try:
                found |= await self.fetch_metrics_once(path, [metric], query)
            except RejectedRequest as error:
                if not is_metric_error(error):
                    raise
                refusals[metric] = error
        if len(refusals) == len(asked):
            # In this case the error is not about the metrics.
            raise refusals[asked[0]]
        await self.remember_unsupported(kind, list(refusals))
        return found

    async def fetch_metrics_once(
        self, path: str, metrics: Sequence[str], query: Mapping[str, str]
    ) -> dict[str, JsonObject]:
        found = await self.graph.get(f"{path}/insights", {"metric": ",".join(metrics), **query})
        if "data" not in found:
            raise INSTAGRAM.unreadable_without("a list of 'data'")
        return {self.graph.reader.read_text(each, "name"): each for each in self.graph.reader.read_list(found, "data")}

    async def remember_unsupported(self, kind: str, metrics: Sequence[str]) -> None:
        if metrics:
            self.unsupported[kind] = sorted({*self.unsupported.get(kind, ()), *metrics})
            await self.sink.add_options({UNSUPPORTED_OPTION: dict(self.unsupported)})

    def read_value(self, metric: JsonObject, name: str) -> int | None:
        """Return the only value of a metric, in either of its two forms; None before it has one."""
        reader = self.graph.reader
        parse = reader.parse_int if name == NET_METRIC else reader.parse_count
        if "total_value" in metric:
            total = reader.read_object(metric, "total_value")
            return parse(total.get("value"), name) if total else None
        listed = reader.read_list(metric, "values")
        return parse(listed[0].get("value"), name) if listed else None


def is_metric_error(error: RejectedRequest) -> bool:
    return error.code == INVALID and error.subcode != TOO_EARLY


def parse_unsupported(option: Any) -> dict[str, list[str]]:
    """Parse what an earlier sync saved; options are the user's, and may contain anything."""
    if not isinstance(option, Mapping):
        return {}
    return {
        kind: [metric for metric in metrics if isinstance(metric, str)]
        for kind, metrics in option.items()
        if isinstance(kind, str) and isinstance(metrics, list)
    }
