"""The demo's tenants and their connected accounts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A connected account; `size` scales its volumes: 1.0 is about 3,600 sessions a day."""

    source: str
    id: str
    currency: str | None = None
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class DemoTenant:
    """A demo user; the same `seed` and `user_id` always have the same history."""

    user_id: str
    name: str
    accounts: tuple[DemoAccount, ...] = ()
    products: tuple[str, ...] = ()
    seed: int = 1

    @property
    def sources(self) -> tuple[str, ...]:
        """The connected sources, each once, in alphabetical order."""
        return tuple(sorted({account.source for account in self.accounts}))

    def list_accounts(self, source: str) -> tuple[DemoAccount, ...]:
        """List the accounts of one source."""
        return tuple(account for account in self.accounts if account.source == source)

    @property
    def key(self) -> str:
        """The stream key of what all accounts share."""
        return f"{self.seed}/{self.user_id}"

    def build_stream_key(self, account: DemoAccount, name: str) -> str:
        """Build the stream key of `name` of one account."""
        return f"{self.key}/{account.id}/{name}"


EVERYTHING = DemoTenant(
    user_id="00000000-0000-4000-8000-000000000001",
    name="Alder & Finch",
    accounts=(
        DemoAccount("ga4", "318204557", currency="USD"),
        DemoAccount("meta", "act_798085168510957", currency="USD"),
        DemoAccount("instagram", "17841439536867616"),
    ),
    products=("linen shirt", "wool throw", "oak stool", "enamel mug", "canvas tote"),
)

GA4_ONLY = DemoTenant(
    user_id="00000000-0000-4000-8000-000000000002",
    name="Paper Lantern Books",
    accounts=(DemoAccount("ga4", "402771936", currency="USD", size=1.4),),
    products=("field notebook", "fountain pen", "wall calendar", "short story box", "reading lamp"),
)

TWO_CURRENCIES = DemoTenant(
    user_id="00000000-0000-4000-8000-000000000003",
    name="Maison Verdier",
    accounts=(
        DemoAccount("ga4", "377019842", currency="EUR", size=0.8),
        DemoAccount("meta", "act_564120987733201", currency="EUR", size=0.7),
        DemoAccount("meta", "act_231907755480116", currency="USD", size=0.35),
    ),
    products=("silk scarf", "leather belt", "card holder", "cashmere beanie", "travel pouch"),
)

INSTAGRAM_ONLY = DemoTenant(
    user_id="00000000-0000-4000-8000-000000000004",
    name="Tidepool Ceramics",
    accounts=(DemoAccount("instagram", "17841402268841935", size=0.4),),
    products=("speckled mug", "moon vase", "ramen bowl", "butter dish", "planter"),
)

NO_DATA = DemoTenant(user_id="00000000-0000-4000-8000-000000000005", name="Blank Slate Supply")

TENANTS: tuple[DemoTenant, ...] = (EVERYTHING, GA4_ONLY, TWO_CURRENCIES, INSTAGRAM_ONLY, NO_DATA)
