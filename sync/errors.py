"""Errors of providers, one class for each reaction.

MetricEngineError
└── ProviderError       one plain sentence for the user, without secrets and addresses
    ├── Throttled       too many calls: wait, for as long as the provider says
    ├── Unreachable     no answer, or one that says it will be better later: try again, a few times
    ├── NeedsReauth     the credentials are dead: the user has to connect the account again
    ├── NotPermitted    this account may not be read: it fails, the others go on
    ├── TooMuchData     the window is too large for one answer: ask for less
    └── Unreadable      an answer that is not what the provider documents
"""

from __future__ import annotations

from engine import MetricEngineError


class ProviderError(MetricEngineError):
    """An account cannot be read; the message is shown to its user."""


class Throttled(ProviderError):
    """The provider limits the calls; `seconds` is the wait that it requests, or None."""

    def __init__(self, message: str, *, seconds: float | None = None) -> None:
        self.seconds = seconds
        super().__init__(message)


class Unreachable(ProviderError):
    """The provider does not answer, or answers with a server error.

    `is_overload` is whether a smaller request may succeed, as after a time-out.
    """

    def __init__(self, message: str, *, is_overload: bool = False) -> None:
        self.is_overload = is_overload
        super().__init__(message)


class NeedsReauth(ProviderError):
    """The provider no longer accepts the credentials; only their user can give new ones."""


class NotPermitted(ProviderError):
    """The credentials are valid but do not permit this request for this account."""


class TooMuchData(ProviderError):
    """The provider refuses to answer for so many days at once."""


class Unreadable(ProviderError):
    """The answer lacks what the provider documents, or is not JSON."""
