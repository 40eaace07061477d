"""The providers' state: accounts, tokens and clock."""

from __future__ import annotations

from datetime import datetime

from demo.providers.accounts import AdAccount, Profile, Property
from demo.providers.tokens import Clock, GoogleTokens, Tokens, get_utc_now

# The OAuth client and the Meta app that every world has, each with its secret.
CLIENT = ("stand-in-client", "stand-in-client-key")
APP = ("1000000000000001", "stand-in-app-key")


class ProviderWorld:
    """Accounts by id, and the tokens that read them; both may change while they are served.

    When the clock is moved, days end, tokens expire, and numbers ripen.
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
        # The secrets of the Meta apps that may exchange tokens.
        self.apps: dict[str, str] = dict([APP])
        self._posters: dict[str, str] = {}

    def now(self) -> datetime:
        """Return the time in UTC; another `clock` may be set at any moment."""
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

    def find_owner_of_campaign(self, campaign: str) -> str | None:
        """Return the ad account that has, or had, a campaign; None if it is unknown."""
        return next((each.id for each in list(self.ad_accounts.values()) if each.has_campaign(campaign)), None)

    def find_profile_of_medium(self, medium_id: str) -> str | None:
        """Return the profile that posted a medium, even a deleted one; None if it is unknown."""
        if medium_id not in self._posters:
            now = self.now()
            for profile in list(self.profiles.values()):
                self._posters.update((medium.id, profile.id) for medium in profile.list_media(now))
        return self._posters.get(medium_id)
