"""What the providers know: accounts, tokens, and what time it is."""

from __future__ import annotations

from datetime import datetime

from demo.providers.accounts import AdAccount, Profile, Property
from demo.providers.tokens import Clock, GoogleTokens, Tokens, get_utc_now

# The OAuth client and the Meta app that every world knows, each with its key.
CLIENT = ("stand-in-client", "stand-in-client-key")
APP = ("1000000000000001", "stand-in-app-key")


class ProviderWorld:
    """Accounts by id, and the tokens to read them with. It may change while it is served.

    Move the clock, and days end, tokens expire, and what ripens has ripened.
    """

    def __init__(self, now: Clock = get_utc_now) -> None:
        self.clock = now
        self.properties: dict[str, Property] = {}
        self.ad_accounts: dict[str, AdAccount] = {}
        self.profiles: dict[str, Profile] = {}
        self.google = GoogleTokens(self.now)
        self.google.register(*CLIENT)
        self.meta = Tokens("EAAB", self.now)
        self.instagram = Tokens("IGAA", self.now)
        # The Meta apps that may exchange tokens, each with its secret.
        self.apps: dict[str, str] = dict([APP])
        self._posters: dict[str, str] = {}

    def now(self) -> datetime:
        """The time in UTC; another `clock` may be set at any moment."""
        return self.clock()

    def add_accounts(self, *accounts: Property | AdAccount | Profile) -> None:
        """Add accounts, or replace those of the same id."""
        for account in accounts:
            if isinstance(account, Property):
                self.properties[account.id] = account
            elif isinstance(account, AdAccount):
                self.ad_accounts[account.id] = account
            else:
                self.profiles[account.id] = account

    def find_profile_of_medium(self, medium_id: str) -> str | None:
        """The id of the profile that posted a medium, also if it has deleted it since; None if nobody did."""
        if medium_id not in self._posters:
            now = self.now()
            for profile in list(self.profiles.values()):
                self._posters.update((medium.id, profile.id) for medium in profile.list_media(now))
        return self._posters.get(medium_id)
