from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.detect.members import Parts, decompose_ratio

AMOUNTS = st.one_of(st.just(0.0), st.floats(0.01, 1e7))
PARTS = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(AMOUNTS, AMOUNTS), min_size=1)


def ratio(parts: Parts) -> float:
    return sum(upper for upper, _ in parts.values()) / sum(lower for _, lower in parts.values())


@given(PARTS, PARTS)
def test_the_parts_sum_to_the_change(now: Parts, then: Parts) -> None:
    """Whichever members come, go, spend nothing or bring nothing."""
    now, then = {**now, "z": (1.0, 1.0)}, {**then, "z": (1.0, 1.0)}
    effects = decompose_ratio(now, then)
    assert {effect.member for effect in effects} == now.keys() | then.keys()
    scale = max(1.0, ratio(now), ratio(then), *(abs(effect.mix) + abs(effect.rate) for effect in effects))
    assert fsum(effect.whole for effect in effects) == pytest.approx(ratio(now) - ratio(then), abs=1e-9 * scale)


@given(PARTS, st.floats(0.1, 10))
def test_a_ratio_that_grows_alike_everywhere_is_all_rate(then: Parts, factor: float) -> None:
    then = {**then, "z": (1.0, 1.0)}
    now = {member: (upper * factor, lower) for member, (upper, lower) in then.items()}
    effects = decompose_ratio(now, then)
    assert fsum(effect.mix for effect in effects) == pytest.approx(0, abs=1e-9 * max(1, ratio(now)))


def test_a_shift_between_steady_members_is_all_mix() -> None:
    """Half of the money each, at 4 and at 2; then a quarter at 4 and three quarters at 2."""
    effects = decompose_ratio({"a": (4.0, 1.0), "b": (6.0, 3.0)}, {"a": (8.0, 2.0), "b": (4.0, 2.0)})
    # Δs·(r − R̄), with R̄ half-way between 3 and 2.5.
    assert [effect.mix for effect in effects] == pytest.approx([-0.25 * (4 - 2.75), 0.25 * (2 - 2.75)])
    assert [effect.rate for effect in effects] == pytest.approx([0, 0])


def test_a_member_that_falls_is_named_with_its_rate() -> None:
    (a, b) = decompose_ratio({"a": (2.0, 2.0), "b": (4.0, 2.0)}, {"a": (8.0, 2.0), "b": (4.0, 2.0)})
    assert [a.mix, a.rate] == pytest.approx([0, 0.5 * (1 - 4)])
    assert [b.mix, b.rate] == [0, 0]
