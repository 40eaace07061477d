"""The one door to the providers: a call, bounded in time and size, tried again as its failure deserves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type

from sync.errors import Throttled, Unreachable
from sync.limits import CALL_LIMITS, CallLimits, ConcurrencyLimits, RetryPolicy
from sync.parsing import ProviderResponse, Site

logger = logging.getLogger("metric_engine.sync.http")

Reading = TypeVar("Reading")


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """What is asked: a query, and a form or JSON where something is posted. The token travels as a header."""

    method: str
    url: str = field(repr=False)
    query: Mapping[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


class ProviderClient:
    """The calls of one event loop to all providers. Close it, or use it as a context.

    Credentials travel with a call and are kept nowhere; nothing here writes an address to a log.
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
            # Neither a proxy nor a .netrc of the machine has a say in where a token goes.
            trust_env=False,
        )
        # They log every address with its query, in which two endpoints want a token.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)

    async def request(
        self, site: Site, account: str, request: ProviderRequest, read: Callable[[ProviderResponse], Reading]
    ) -> Reading:
        """What `read` makes of the answer; it may raise any ProviderError.

        Unreachable is tried again a few times; Throttled is waited for, as long as the patience lasts, and others
        are called meanwhile. Raises ProviderError.
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
                # Its words may hold an address; its name does for a start.
                logger.info("%s: %s", site.source, type(error).__name__)
                raise site.no_answer() from None
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
                    raise site.unreadable("with more data than is taken in at once")
            return ProviderResponse(site, response.status_code, response.headers, bytes(body))

    async def aclose(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
