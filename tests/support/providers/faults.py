"""Faults, planted for some calls or for a share of them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from random import Random
from typing import Any

from demo.providers.server import Exchange, StandIn
from demo.providers.wire import StandInRequest, StandInResponse, write_response

HTML = "text/html; charset=UTF-8"
DRIPS = 20
PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"


class DeliveryMode(Enum):
    """How an answer goes out."""

    WHOLE = auto()
    # Half of the body that Content-Length promises, and then the end.
    CUT_OFF = auto()
    # In pieces, so slowly that no single read takes long.
    DRIP = auto()
    # Nothing, for as long as the client waits.
    HANG = auto()
    # Nothing, and the connection is reset.
    RESET = auto()


@dataclass(frozen=True, slots=True)
class CallFault:
    """What goes wrong with a call.

    `answer` takes the place of the provider's; `change` gets the provider's answer as JSON and gives another;
    `spoil` does the same with its bytes. `delay` is in seconds, before the answer or over a drip.
    """

    name: str
    answer: Callable[[StandInRequest], StandInResponse] | None = None
    change: Callable[[Any], Any] | None = None
    spoil: Callable[[StandInResponse], StandInResponse] | None = None
    delivery: DeliveryMode = DeliveryMode.WHOLE
    delay: float = 0.0

    def apply_to(self, answer: StandInResponse) -> StandInResponse:
        """The provider's answer, changed."""
        if self.change is not None:
            changed = self.change(json.loads(answer.body))
            answer = replace(answer, body=json.dumps(changed, separators=(",", ":"), ensure_ascii=False).encode())
        return answer if self.spoil is None else self.spoil(answer)


@dataclass(slots=True)
class PlantedFault:
    """A fault and the calls it befalls: those that fit, after the first `skip`, at most `times`."""

    fault: CallFault
    account: str | None = None
    token: str | None = None
    path: str | None = None
    when: Callable[[StandInRequest], bool] | None = None
    times: int | None = None
    skip: int = 0
    chance: float = 1.0
    seed: int = 0
    hits: int = 0
    _seen: Counter[str] = field(default_factory=Counter)

    def befalls(self, request: StandInRequest, account: str, token: str | None) -> bool:
        """Whether it befalls this call, which then counts.

        Chance is drawn by account and by that account's own count of calls, so that it does not depend on the
        order in which the calls of several accounts arrive.
        """
        if self.times is not None and self.hits >= self.times:
            return False
        if self.account not in (None, account) or self.token not in (None, token):
            return False
        if (self.path is not None and self.path not in request.path) or (self.when and not self.when(request)):
            return False
        self._seen[account] += 1
        if self._seen.total() <= self.skip:
            return False
        if self.chance < 1.0 and Random(f"{self.seed}/{account}/{self._seen[account]}").random() >= self.chance:
            return False
        self.hits += 1
        return True


class PlantedFaults:
    """The faults of one stand-in. The first planted that befalls a call is the one it gets."""

    def __init__(self) -> None:
        self.plants: list[PlantedFault] = []

    def find_fault(self, request: StandInRequest, account: str, token: str | None) -> CallFault | None:
        """The fault that befalls this call."""
        return next((plant.fault for plant in list(self.plants) if plant.befalls(request, account, token)), None)

    async def intercept(self, exchange: Exchange) -> bool | None:
        """Answer a call as its fault says; leave a call without one to the stand-in."""
        fault = self.find_fault(exchange.request, exchange.subject.account, exchange.subject.token)
        if fault is None:
            return None
        exchange.call.fault = fault.name
        if fault.delay and fault.delivery is DeliveryMode.WHOLE:
            await asyncio.sleep(fault.delay)
        if fault.answer is not None:
            answer = fault.answer(exchange.request)
        else:
            answer = exchange.respond()
            # A refusal is no body to be changed: the fault was meant for an answer.
            answer = fault.apply_to(answer) if answer.status == 200 else answer
        if fault.delivery not in (DeliveryMode.HANG, DeliveryMode.RESET):
            exchange.call.status = answer.status
        return await deliver_answer(answer, fault, exchange)


async def deliver_answer(answer: StandInResponse, fault: CallFault, exchange: Exchange) -> bool:
    """Send the answer as the fault has it; whether the connection can be used again."""
    reader, writer = exchange.reader, exchange.writer
    match fault.delivery:
        case DeliveryMode.WHOLE:
            await write_response(answer, writer)
            return True
        case DeliveryMode.HANG:
            await reader.read()
        case DeliveryMode.RESET:
            writer.transport.abort()
        case DeliveryMode.CUT_OFF:
            writer.write(answer.format_head() + answer.body[: len(answer.body) // 2])
            await writer.drain()
        case DeliveryMode.DRIP:
            writer.write(answer.format_head())
            size = max(1, len(answer.body) // DRIPS)
            for start in range(0, len(answer.body), size):
                await asyncio.sleep(fault.delay / DRIPS)
                writer.write(answer.body[start : start + size])
                await writer.drain()
    return False


def plant_fault(
    stand_in: StandIn,
    fault: CallFault,
    *,
    account: str | None = None,
    token: str | None = None,
    path: str | None = None,
    when: Callable[[StandInRequest], bool] | None = None,
    times: int | None = None,
    skip: int = 0,
    chance: float = 1.0,
    seed: int = 0,
) -> PlantedFault:
    """Plant a fault for every call that fits, or the first `times` of them, or a share of them.

    `path` is a part of the path. Without any condition it befalls every call until `clear_faults`.
    """
    planted = getattr(stand_in.interceptor, "__self__", None)
    if not isinstance(planted, PlantedFaults):
        planted = PlantedFaults()
        stand_in.interceptor = planted.intercept
    plant = PlantedFault(fault, account, token, path, when, times, skip, chance, seed)
    planted.plants.append(plant)
    return plant


def clear_faults(stand_in: StandIn) -> None:
    """Let nothing go wrong any more."""
    stand_in.interceptor = None


def slow_answer(seconds: float) -> CallFault:
    """The right answer, late."""
    return CallFault("slow", delay=seconds)


def drip_answer(seconds: float) -> CallFault:
    """The right answer in small pieces, over so many seconds."""
    return CallFault("drip", delivery=DeliveryMode.DRIP, delay=seconds)


def hang_forever() -> CallFault:
    """No answer, for as long as the client waits."""
    return CallFault("hang", delivery=DeliveryMode.HANG)


def reset_connection() -> CallFault:
    """The connection is reset before the answer."""
    return CallFault("reset", delivery=DeliveryMode.RESET)


def cut_off_body() -> CallFault:
    """Half of the promised body, and then the connection closes."""
    return CallFault("cut off", delivery=DeliveryMode.CUT_OFF)


def send_html(status: int = 200) -> CallFault:
    """A page for people, as proxies and outages bring it."""
    return CallFault("html", answer=lambda request: StandInResponse(PAGE, status, HTML))


def truncate_json() -> CallFault:
    """A whole HTTP answer whose JSON stops half-way."""
    return CallFault(
        "truncated JSON", spoil=lambda answer: replace(answer, body=answer.body[: len(answer.body) * 2 // 3])
    )


def send_empty(status: int = 200) -> CallFault:
    """An answer without a body."""
    return CallFault("empty", answer=lambda request: StandInResponse(b"", status))


def send_json(content: Any, status: int = 200) -> CallFault:
    """Some JSON that is not what was asked for."""
    return CallFault("other JSON", answer=lambda request: StandInResponse.json(content, status))


def change_json(name: str, change: Callable[[Any], Any]) -> CallFault:
    """The right answer, changed by a function from JSON to JSON."""
    return CallFault(name, change=change)


def drop_member(name: str) -> CallFault:
    """The right answer without one of its outermost members."""
    return change_json(f"without {name}", lambda content: {key: value for key, value in content.items() if key != name})


def add_extra_fields() -> CallFault:
    """The right answer with members that no documentation knows, at every level."""
    return change_json("extra fields", _add_extras)


def _add_extras(content: Any) -> Any:
    if isinstance(content, dict):
        return {
            "new_in_this_version": {"beta": [1, None]},
            **{key: _add_extras(value) for key, value in content.items()},
        }
    return [_add_extras(item) for item in content] if isinstance(content, list) else content
