"""The rows of Meta's insights for one request."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from demo.providers.accounts import AdAccount, AdDelivery
from demo.providers.graph.graph import Json, split_names
from demo.providers.graph.graph_errors import build_error, build_invalid_parameter, build_too_much_data
from demo.providers.wire import ErrorResponse

MAX_MONTHS = 37
LEVELS = ("account", "campaign")
STATUS_FIELD = "campaign.effective_status"
STATUSES = frozenset({"ACTIVE", "ARCHIVED", "DELETED", "IN_PROCESS", "PAUSED", "WITH_ISSUES"})
# The statuses without a filter; a deleted campaign is in no account's answer, whatever the filter.
LISTED_STATUSES = STATUSES - {"ARCHIVED", "DELETED"}
DEFAULT_FIELDS = ("account_id", "impressions", "spend")
FIELDS_PAGE = "https://developers.facebook.com/docs/marketing-api/reference/ads-insights/"


class InsightsRequest:
    """One validated request for the insights of an account, or of one of its campaigns.

    Raises `ErrorResponse` where Meta does.
    """

    def __init__(
        self,
        account: AdAccount,
        fields: Mapping[str, str],
        now: datetime,
        *,
        at_once: bool,
        campaign: str | None = None,
    ) -> None:
        self.account = account
        self.campaign = campaign
        self.statuses = _parse_filtering(fields.get("filtering"))
        self.now = now
        self.level = fields.get("level", "account")
        if self.level not in LEVELS:
            raise ErrorResponse(build_invalid_parameter(f"Param level must be one of {{{', '.join(LEVELS)}}}"))
        self.today = now.astimezone(ZoneInfo(account.zone)).date()
        self.first, self.last = self._parse_window(fields)
        self.step = self._parse_step(fields.get("time_increment", "all_days"))
        self.fields = split_names(fields, "fields") or list(DEFAULT_FIELDS)
        for name in self.fields:
            if name not in FIELDS and name not in ("date_start", "date_stop"):
                message = f"{name} is not valid for fields param. please check {FIELDS_PAGE} for all valid values"
                raise ErrorResponse(build_invalid_parameter(message))
        days = (self.last - self.first).days + 1
        if at_once and account.most_days is not None and days > account.most_days:
            raise ErrorResponse(build_too_much_data())

    def build_rows(self) -> list[Json]:
        """Build a row for each campaign (or the account) and each time step with deliveries."""
        groups: dict[tuple[date, str], list[AdDelivery]] = defaultdict(list)
        for delivery in self.account.iter_rows(self.first, self.last, self.now):
            if not self._includes(delivery.campaign_id):
                continue
            start = self.first + timedelta(days=(delivery.day - self.first).days // self.step * self.step)
            groups[start, delivery.campaign_id if self.level == "campaign" else ""].append(delivery)
        return [self._build_row(start, group) for (start, _), group in sorted(groups.items(), key=lambda item: item[0])]

    def _includes(self, campaign: str) -> bool:
        """Whether the answer has this campaign; one that is asked itself answers in every status."""
        if self.campaign is not None:
            return campaign == self.campaign
        return self.account.statuses.get(campaign, "ACTIVE") in self.statuses

    def _build_row(self, start: date, group: list[AdDelivery]) -> Json:
        total = group[0] if len(group) == 1 else _sum_deliveries(group)
        row: Json = {}
        for name in self.fields:
            if name in FIELDS and (value := FIELDS[name](self.account, total)) not in (None, []):
                row[name] = value
        if self.level == "account":
            row = {name: value for name, value in row.items() if not name.startswith("campaign_")}
        stop = min(start + timedelta(days=self.step - 1), self.last)
        return {**row, "date_start": start.isoformat(), "date_stop": stop.isoformat()}

    def _parse_window(self, fields: Mapping[str, str]) -> tuple[date, date]:
        text = fields.get("time_range")
        if text is None:
            return self._resolve_preset(fields.get("date_preset", "last_30d"))
        try:
            span = json.loads(text)
            first, last = date.fromisoformat(span["since"]), date.fromisoformat(span["until"])
        except (ValueError, KeyError, TypeError):
            message = "Must be a JSON object with since and until, each a date in YYYY-MM-DD"
            raise ErrorResponse(build_invalid_parameter(f"param time_range: {message}")) from None
        if first > last:
            raise ErrorResponse(build_invalid_parameter("since must not be later than until"))
        months = (self.today.year - first.year) * 12 + self.today.month - first.month
        if months > MAX_MONTHS or (months == MAX_MONTHS and first.day < self.today.day):
            message = "(#3018) The start date of the time range cannot be beyond 37 months from the current date"
            raise ErrorResponse(build_error(3018, message))
        return first, last

    def _resolve_preset(self, name: str) -> tuple[date, date]:
        yesterday = self.today - timedelta(days=1)
        if name == "today":
            return self.today, self.today
        if name == "yesterday":
            return yesterday, yesterday
        if name in ("last_3d", "last_7d", "last_14d", "last_28d", "last_30d", "last_90d"):
            return self.today - timedelta(days=int(name[5:-1])), yesterday
        raise ErrorResponse(build_invalid_parameter(f"{name} is not a date_preset of this stand-in"))

    def _parse_step(self, text: str) -> int:
        if text == "all_days":
            return (self.last - self.first).days + 1
        if text.isdigit() and 1 <= int(text) <= 90:
            return int(text)
        raise ErrorResponse(
            build_invalid_parameter("Param time_increment must be all_days or a number of days from 1 to 90")
        )


def _parse_filtering(text: str | None) -> frozenset[str]:
    """Return the statuses of the campaigns to list. Raises `ErrorResponse` for any other filter."""
    if text is None:
        return LISTED_STATUSES
    try:
        (condition,) = json.loads(text)
        if (condition["field"], condition["operator"]) == (STATUS_FIELD, "IN"):
            statuses = frozenset(condition["value"])
            if statuses <= STATUSES:
                return statuses - {"DELETED"}
    except (ValueError, KeyError, TypeError):
        pass
    message = f"param filtering must list {STATUS_FIELD} IN {', '.join(sorted(STATUSES))} in this stand-in"
    raise ErrorResponse(build_invalid_parameter(message))


def _sum_deliveries(group: list[AdDelivery]) -> AdDelivery:
    """Sum several rows; the reach is their largest, a lower bound."""
    first = group[0]
    total = AdDelivery(first.day, first.campaign_id, first.campaign_name)
    total.impressions = sum(row.impressions or 0 for row in group)
    total.clicks = sum(row.clicks or 0 for row in group)
    total.spend = sum((Decimal(str(row.spend or 0)) for row in group), Decimal(0))
    total.reach = max(row.reach or 0 for row in group)
    for row in group:
        for action, count in row.actions.items():
            total.actions[action] = total.actions.get(action, 0) + count
        for action, value in row.action_values.items():
            total.action_values[action] = round(total.action_values.get(action, 0) + value, 2)
    return total


def _format_count(value: int | None) -> str | None:
    return None if value is None else str(value)


def _format_money(value: Decimal | float | str | None) -> str | None:
    return None if value is None else str(value)


def _format_actions(values: Mapping[str, float]) -> list[Json]:
    return list(_iter_actions(values))


def _iter_actions(values: Mapping[str, float]) -> Iterator[Json]:
    for action, value in values.items():
        yield {"action_type": action, "value": str(int(value)) if value == int(value) else str(value)}


def _format_rate(part: Decimal | float | str | None, whole: float | None, scale: int = 1) -> str | None:
    return None if not whole or part is None else str(round(scale * float(part) / whole, 6))


FIELDS: dict[str, Callable[[AdAccount, AdDelivery], Any]] = {
    "account_currency": lambda account, row: account.currency,
    "account_id": lambda account, row: account.id.removeprefix("act_"),
    "account_name": lambda account, row: account.name,
    "action_values": lambda account, row: _format_actions(row.action_values),
    "actions": lambda account, row: _format_actions(row.actions),
    "campaign_id": lambda account, row: row.campaign_id,
    "campaign_name": lambda account, row: row.campaign_name,
    "clicks": lambda account, row: _format_count(row.clicks),
    "cpc": lambda account, row: _format_rate(row.spend, row.clicks),
    "cpm": lambda account, row: _format_rate(row.spend, row.impressions, 1000),
    "ctr": lambda account, row: _format_rate(row.clicks, row.impressions, 100),
    "frequency": lambda account, row: _format_rate(row.impressions, row.reach),
    "impressions": lambda account, row: _format_count(row.impressions),
    "inline_link_clicks": lambda account, row: _format_count(row.clicks),
    "reach": lambda account, row: _format_count(row.reach),
    "spend": lambda account, row: _format_money(row.spend),
}
