"""The campaigns of an ad account: permanent ones, ones in flights, and seasonal sales."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from demo.rhythm import find_black_friday, is_in_spell, seed_random
from demo.tenants import DemoAccount, DemoTenant

FLIGHT_DAYS = 42
RAMP = (0.55, 0.75, 0.9)


class Campaign(NamedTuple):
    """A campaign and its averages.

    `budget` is the daily spend in the account's currency at size 1, `cpm` the spend per 1,000 impressions, `ctr` the
    clicks per impression, `rate` the purchases per click.
    """

    id: str
    name: str
    budget: float
    cpm: float
    ctr: float
    rate: float


class Promotion(NamedTuple):
    """A seasonal sale, from `first` to `last` inclusive."""

    name: str
    first: date
    last: date
    budget: float


@lru_cache(maxsize=256)
def list_promotions(tenant_key: str, year: int) -> tuple[Promotion, ...]:
    """List the tenant's sales of a calendar year; each begins up to four days early or late."""
    shift = seed_random(f"{tenant_key}/promotions", year)

    def sale(name: str, first: date, days: int, budget: float) -> Promotion:
        begin = first + timedelta(days=shift.randint(-4, 4))
        return Promotion(name, begin, begin + timedelta(days=days - 1), budget)

    friday = find_black_friday(year)
    return (
        sale("January Clearance", date(year, 1, 8), 16, 320.0),
        sale("Valentine's Gifts", date(year, 2, 6), 8, 220.0),
        sale("Spring Drop", date(year, 3, 10), 33, 360.0),
        sale("Early Summer", date(year, 5, 12), 20, 280.0),
        sale("Summer Sale", date(year, 6, 24), 26, 420.0),
        sale("Autumn Edit", date(year, 9, 10), 30, 340.0),
        Promotion("Black Friday", friday - timedelta(days=12), friday + timedelta(days=3), 780.0),
        Promotion("Holiday Gifts", friday + timedelta(days=4), date(year, 12, 21), 430.0),
    )


def find_promotion(tenant: DemoTenant, day: date) -> Promotion | None:
    """Return the sale that runs on the day, or None."""
    return next((sale for sale in list_promotions(tenant.key, day.year) if sale.first <= day <= sale.last), None)


def iter_campaigns(tenant: DemoTenant, account: DemoAccount, day: date) -> Iterator[Campaign]:
    """Yield the campaigns that deliver on the day; none if the account's payment failed."""
    stream = tenant.build_stream_key(account, "campaigns")
    if is_in_spell(f"{stream}/payment", day, every=240, longest=2):
        return
    # Prospecting is switched off now and then, as in a holdout test.
    if not is_in_spell(f"{stream}/holdout", day, every=130, longest=12):
        yield Campaign(
            _make_campaign_id(stream, "prospecting"), "Prospecting | Lookalike 2%", 360.0, 8.4, 0.0112, 0.029
        )
    yield Campaign(_make_campaign_id(stream, "retargeting"), "Retargeting | Catalogue", 130.0, 11.5, 0.0160, 0.044)
    if day.toordinal() // FLIGHT_DAYS % 2 == 0:
        yield Campaign(_make_campaign_id(stream, "video"), "Brand | Video views", 110.0, 5.2, 0.0061, 0.018)
    if sale := find_promotion(tenant, day):
        age = (day - sale.first).days
        budget = sale.budget * (RAMP[age] if age < len(RAMP) else 1.0)
        name = f"{sale.name} {day.year}"
        yield Campaign(_make_campaign_id(stream, name), name, budget, 9.2, 0.0125, 0.033)


@lru_cache(maxsize=1024)
def _make_campaign_id(stream: str, name: str) -> str:
    return f"1202{seed_random(f'{stream}/{name}', 0).randrange(10**13):013d}"
