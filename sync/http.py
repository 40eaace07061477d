"""The HTTP client for all providers: calls limited in time and size, with retries."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type

from sync.errors import Throttled, TooMuchData, Unreachable
from sync.limits import CALL_LIMITS, CallLimits, ConcurrencyLimits, RetryPolicy
from sync.parsing import ProviderResponse, Site

logger = logging.getLogger("metric_engine.sync.http")

Reading = TypeVar("Reading")


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A request to a provider, with a query, and a form or JSON to post; the token is a header."""

    method: str
    url: str = field(repr=False)
    query: Mapping[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@cache
def load_authorities() -> ssl.SSLContext:
    """Load the web's certificate authorities once in a process: each time takes 30 ms, and a job makes a client."""
    return httpx.create_ssl_context(trust_env=False)


class ProviderClient:
    """The client of one event loop for all providers. Close it, or use it as a context.

    It keeps no credentials and logs no addresses.
    """

    def __init__(
        self, limits: CallLimits = CALL_LIMITS, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.limits = limits
        self.sleep = sleep
        self._concurrency = ConcurrencyLimits(limits)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(limits.silence, connect=limits.connect),
            limits=httpx.Limits(max_connections=limits.at_once, max_keepalive_connections=limits.at_once),
            follow_redirects=False,
            verify=load_authorities(),
            # Neither a proxy nor a .netrc of the machine may redirect a token.
            trust_env=False,
        )
        # They log every address with its query, which holds a token at two endpoints.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)

    async def request(
        self, site: Site, account: str, request: ProviderRequest, read: Callable[[ProviderResponse], Reading]
    ) -> Reading:
        """Send the request, with retries, and return the result of `read` on the answer.

        `read` may raise any ProviderError. Unreachable is retried a few times. Throttled is retried after a wait, up to
        the patience of the limits; other accounts are called meanwhile. Raises ProviderError.
        """
        policy = RetryPolicy(self.limits)
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((Unreachable, Throttled)),
            wait=policy.wait,
            stop=policy.stop,
            sleep=self.sleep,
            reraise=True,
        )

        async def attempt() -> Reading:
            return read(await self._send(site, account, request))

        return await attempts(attempt)

    async def _send(self, site: Site, account: str, request: ProviderRequest) -> ProviderResponse:
        async with self._concurrency.acquire(site.source, account):
            try:
                async with asyncio.timeout(self.limits.call):
                    return await self._receive(site, request)
            except (httpx.TransportError, TimeoutError) as error:
                # The error's text may hold an address, so only its class is logged.
                logger.info("%s: %s", site.source, type(error).__name__)
                is_slow = isinstance(error, (TimeoutError, httpx.ReadTimeout))
                raise site.no_answer(is_overload=is_slow) from None
            except httpx.DecodingError:
                raise site.unreadable("with something that cannot be unpacked") from None

    async def _receive(self, site: Site, request: ProviderRequest) -> ProviderResponse:
        headers = {} if request.token is None else {"Authorization": f"Bearer {request.token}"}
        async with self._client.stream(
            request.method,
            request.url,
            params=request.query,
            data=request.form,
            json=request.json,
            headers=headers,
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self.limits.max_bytes:
                    raise TooMuchData(str(site.unreadable("with more data than is taken in at once")))
            return ProviderResponse(site, response.status_code, response.headers, bytes(body))

    async def aclose(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
