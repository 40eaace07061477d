"""The Graph API, which Meta and Instagram share: paths, pages, tokens, and errors by class."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import SecretStr

from sync.errors import NeedsReauth, NotPermitted, ProviderError, Unreadable
from sync.http import ProviderClient, ProviderRequest
from sync.parsing import JsonObject, ObjectReader, ProviderResponse, Site, parse_wait
from sync.provider import Account, Sink

# Error codes, with the subcodes that matter.
DEAD_TOKEN = frozenset({102, 190})
THROTTLE = frozenset({4, 17, 32, 613, *range(80000, 80007), 80008})
WITHHELD = 10
PERMISSION = range(200, 300)
INVALID = 100
NO_SUCH_OBJECT = 33
# "Reduce the amount of data", and "your request timed out": 1504018 and 1504038.
TOO_MUCH_DATA = frozenset({(1, 99), (100, 1487534), (100, 1504018), (2, 1504038)})
TOO_MUCH_DATA_WORDS = "reduce the amount of data"
TRANSIENT = frozenset({1, 2})
RETIRED_VERSION = 2635

# Tokens are valid for 60 days; one that is used every day is renewed at this age.
RENEWED_AFTER = timedelta(days=7)

logger = logging.getLogger("metric_engine.sync.providers.graph")


class ObjectNotFound(NotPermitted):
    """The object does not exist, or not for these credentials."""


class AccessWithheld(NotPermitted):
    """The credentials may not read this, or it covers too few people; code 10 means either."""


class RejectedRequest(Unreadable):
    """The request is invalid: a parameter, a field or a metric does not fit the object."""

    def __init__(self, message: str, *, code: int, subcode: int) -> None:
        self.code = code
        self.subcode = subcode
        super().__init__(message)


class GraphClient:
    """A client of a Graph API for one account, with its token in a header."""

    def __init__(self, client: ProviderClient, site: Site, base: str, account: str, token: str) -> None:
        self.client = client
        self.site = site
        self.reader = ObjectReader(site)
        self.base = base
        self.account = account
        self.token = token

    async def get(self, path: str, query: Mapping[str, str]) -> JsonObject:
        """Return the object at a path. Raises ProviderError."""
        return await self.request("GET", path, query=query)

    async def post(self, path: str, form: Mapping[str, str]) -> JsonObject:
        """Return the answer to a form. Raises ProviderError."""
        return await self.request("POST", path, form=form)

    async def request(self, method: Literal["GET", "POST"], path: str, **what: Mapping[str, str]) -> JsonObject:
        request = ProviderRequest(method, f"{self.base}/{path}", token=self.token, **what)
        return await self.client.request(self.site, self.account, request, parse_response)

    async def iter_pages(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[Sequence[JsonObject], None]:
        """Yield the pages of a list, by cursors. Raises ProviderError.

        The address of the next page is never followed: it contains a token.
        """
        seen: set[str] = set()
        after: str | None = None
        while True:
            found = await self.get(path, query if after is None else {**query, "after": after})
            if "data" not in found:
                raise self.site.unreadable_without("a list of 'data'")
            yield self.reader.read_list(found, "data")
            paging = self.reader.read_object(found, "paging")
            if "next" not in paging:
                return
            after = self.reader.read_text(self.reader.read_object(paging, "cursors"), "after")
            if after in seen:
                raise self.site.unreadable("with the same page again and again")
            seen.add(after)

    async def exchange_token(self, account: Account, sink: Sink, app_id: str, app_secret: SecretStr) -> None:
        """Exchange a token of Facebook's login if it is a week old. Raises NeedsReauth."""
        query = {
            "grant_type": "fb_exchange_token",
            "client_id": app_id,
            "client_secret": app_secret.get_secret_value(),
            "fb_exchange_token": self.token,
        }
        await self.renew_token(account, sink, f"{self.base}/oauth/access_token", query)

    async def renew_token(self, account: Account, sink: Sink, url: str, query: Mapping[str, str]) -> None:
        """Renew the token if it is a week old. Raises NeedsReauth.

        Both addresses of the renewal take the old token in the query, so no log or error may show the request. After
        any failure but a dead token, the old one stays.
        """
        if sink.now() - account.credentials_at < RENEWED_AFTER:
            return
        try:
            request = ProviderRequest("GET", url, query=query)
            found = await self.client.request(self.site, self.account, request, parse_response)
            token = self.site.require_token(found, "access_token")
        except NeedsReauth:
            raise
        except ProviderError as error:
            logger.warning("%s: a token could not be renewed: %s", self.site.source, error)
        else:
            await sink.renew_credentials({**account.credentials, "access_token": token})
            self.token = token


def parse_response(answer: ProviderResponse) -> JsonObject:
    """Parse the answer's object. Raises the ProviderError of its error code."""
    site = answer.site
    try:
        found = answer.parse_object()
    except Unreadable:
        if answer.status == 429:
            raise site.too_many_calls(read_pause(answer)) from None
        if answer.status >= 500:
            raise site.server_fault() from None
        raise
    error = found.get("error")
    if isinstance(error, dict):
        raise classify_error(site, error, status=answer.status, pause=read_pause(answer))
    if answer.status >= 500:
        raise site.server_fault()
    if answer.status != 200:
        raise site.unreadable("with an error that it does not explain")
    return found


def classify_error(site: Site, error: JsonObject, *, status: int = 400, pause: float | None = None) -> ProviderError:
    """Return the error of an answer; the provider's own words are never shown.

    `pause` is the wait that the answer's headers ask for.
    """
    code, subcode = (int_or_zero(error.get(name)) for name in ("code", "error_subcode"))
    logger.info("%s: code %d/%d, trace %.40r", site.source, code, subcode, error.get("fbtrace_id"))
    if code in DEAD_TOKEN or (status == 401 and not code):
        return site.needs_reauth()
    if code in THROTTLE or status == 429:
        return site.too_many_calls(pause)
    if (code, subcode) in TOO_MUCH_DATA or TOO_MUCH_DATA_WORDS in str(error.get("message")).lower():
        return site.too_much_data()
    if (code, subcode) == (INVALID, NO_SUCH_OBJECT) or status == 404:
        return ObjectNotFound(
            f"{site.name} knows no such account, or not for these credentials; check it and connect it again"
        )
    if code == RETIRED_VERSION:
        return NotPermitted(
            f"{site.name} no longer answers this version of its API; whoever runs this installation has to name "
            "a newer one in META_API_VERSION"
        )
    if code == WITHHELD:
        return AccessWithheld(str(site.not_permitted(PERMIT)))
    if code in PERMISSION or (status == 403 and not code):
        return site.not_permitted(PERMIT)
    if code in TRANSIENT or error.get("is_transient") is True or status >= 500:
        return site.server_fault()
    message = str(site.unreadable("that it does not understand the question"))
    return RejectedRequest(message, code=code, subcode=subcode)


PERMIT = "connect it again and allow the access that is asked for"


def int_or_zero(value: Any) -> int:
    return value if isinstance(value, int) else 0


def read_pause(answer: ProviderResponse) -> float | None:
    """Return the seconds until calls are accepted again, if a header has them."""
    hints = [
        answer.read_retry_after(),
        *(
            parse_wait(usage.get("estimated_time_to_regain_access"), unit=60)
            for usage in parse_usages(answer.headers.get("x-business-use-case-usage"))
        ),
        *(
            parse_wait(usage.get("reset_time_duration"))
            for usage in parse_usages(answer.headers.get("x-ad-account-usage"))
        ),
    ]
    return max((hint for hint in hints if hint is not None), default=None)


def parse_usages(header: str | None) -> list[JsonObject]:
    """Return the objects in a header at any depth: one header nests them by business and list."""
    try:
        waiting = [json.loads(header or "{}")]
    except (ValueError, RecursionError):
        return []
    found: list[JsonObject] = []
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found.append(each)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found
