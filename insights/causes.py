"""What is said beside figures: who is behind a change, what came in whose place, since when there is nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

from insights.facts import Fact, Weight
from insights.ground import folded, is_day
from insights.proof import Fault, Subject, drives
from insights.witness import Witness
from insights.wordings import NOUNS, sense_of


class Causes(Witness):
    """Proves phrases of that kind; its methods raise Fault."""

    def driver(self, found: re.Match[str]) -> bool:
        """`most of it from Organic Search`: it must be behind half of the change of what was spoken of, at least."""
        if not self.waiting and found["metric"] is not None:
            self.subjects = [Subject(self.spelled.name(found["metric"]))]
        if self.waiting or not self.subjects or len(self.movers) > 1:
            # Of which of them?
            raise Fault("wording")
        if found["way"] is not None:
            self.go("", sense_of(found["way"], NOUNS))
        whole, member = self.subjects[-1], self.spelled.name(found["driver"])
        if len(self.subjects) > 1 or whole.name is None or whole.member is not None:
            raise Fault("wording")
        return self.drove(whole.name, member)

    def is_behind(self, found: re.Match[str]) -> bool:
        """`Organic Search accounts for most of the drop in sessions`."""
        metric, way = found["metric"] or found["metric2"], found["way"] or found["way2"]
        told = [subject.name for subject in self.movers if subject.member is None]
        names = [self.spelled.name(metric)] if metric is not None else told
        if len(self.subjects) != 1 or self.subjects[0].member is None or len(names) != 1 or names[0] is None:
            raise Fault("wording")
        member = self.subjects[0].member
        if way is not None:
            self.subjects = [Subject(names[0])]
            self.go("", sense_of(way, NOUNS))
        self.waiting = False
        return self.drove(names[0], member)

    def drove(self, name: str, member: str) -> bool:
        if not drives(self.facts(Subject(name)), self.ground.about(name, member)):
            raise Fault("number")
        self.subjects = [Subject(name, member)]
        self.moving, self.behind, self.driven = None, True, True
        return True

    def new(self, found: re.Match[str]) -> bool:
        """`… is new against the previous 28 days`: there was none of it before, and it would have been counted."""
        return self.told(lambda fact: fact.new if fact.figure("previous") else None, lambda new: new)

    def replaced(self, found: re.Match[str]) -> bool:
        """`… took the place of “Autumn Sale”`."""
        gone = self.spelled.name(found["gone"])
        return self.told(lambda fact: fact.replaces, lambda before: folded(before) == gone)

    def standing(self, found: re.Match[str]) -> bool:
        """`… which returns more than the whole`."""
        says = "above" if found["way"] in ("more", "better", "above", "higher") else "below"
        return self.weighs(lambda weight: weight.standing == says)

    def weight(self, found: re.Match[str]) -> bool:
        """`… has a smaller share of the spend`."""
        says = "grew" if found["way"] in ("larger", "higher") else "shrank"
        of = self.ground.called(self.spelled.name(found["of"]))
        return self.weighs(lambda weight: weight.moved == says and not of.isdisjoint(map(folded, weight.of)))

    def weighs(self, true: Callable[[Weight], bool]) -> bool:
        """What is said of a member's part in a ratio; its effect may follow.

        Of one that is behind a change it says why, so that its share must have done more than its own ratio.
        """
        if self.driven and not all(self.by_share(fact) for each in self.subjects for fact in self.facts(each)):
            raise Fault("direction")
        behind = self.told(lambda fact: fact.weight, true)
        self.behind = behind
        return behind

    def without_data(self, found: re.Match[str]) -> bool:
        """`1 day has no data`: not of what was spoken of, but of the days that were counted."""
        days = self.spelled.numeral(found["days"])
        if (
            self.waiting
            or not days.value
            or not any(fact.missing == days.value for each in self.subjects for fact in self.facts(each))
        ):
            raise Fault("number")
        return True

    def silent(self, found: re.Match[str]) -> bool:
        """`… has no data since 13 November`."""
        since = self.spelled.day(found["since"])
        for subject in self.subjects:
            facts = [fact for fact in self.ground.about(subject.name, subject.member) if fact.silent]
            if subject.name is None or not any(fact.day is not None and is_day(since, fact.day) for fact in facts):
                raise Fault("date")
            self.hold_to_group(facts)
        self.waiting, self.moving, self.behind = False, None, False
        self.proven += 1
        return bool(self.subjects)

    def itself(self, _: re.Match[str]) -> bool:
        """It was the member's own value, more than its share."""
        told = [fact for each in self.subjects for fact in self.facts(each) if fact.figure("mix")]
        return self.behind and not any(map(self.by_share, told))

    def by_share(self, fact: Fact) -> bool:
        """Whether a member changed a ratio by its share, more than by its own ratio."""
        mix, rate = fact.figure("mix"), fact.figure("rate")
        return mix is None or rate is None or abs(mix.value) > abs(rate.value)
