"""The claims of a bullet, read phrase by phrase; the facts must prove each of them. What is no known phrase is a fault.

A bullet is tiled from its start by the phrases in `Reader`: a subject (metrics, members), what is said of it (a move, a
value, the value before, a share, who is behind it), a period, or advice. There is no phrase for anything else, so that
nothing is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from insights import phrases
from insights.advice import ADVICE, PRAISE
from insights.causes import Causes
from insights.ground import Ground, folded
from insights.proof import BEFORE, EFFECT, MOVED, SHARE, TIMES, USUAL, VALUE, Fault, Subject
from insights.spelling import N, Spelled
from insights.wordings import COMPARATIVES, NOUNS, TRANSITIVE, VERBS, sense_of

# The source of what the site has.
SITE = "ga4"


class Reader(Causes):
    """Reads one bullet from its start to its end."""

    def __init__(self, spelled: Spelled, ground: Ground, group: str) -> None:
        super().__init__(spelled, ground, group)
        # Whether another subject may join those of which nothing is said yet.
        self.joining = False
        self.advising = False

    def read(self) -> None:
        """Raises Fault at the first thing that is not proven."""
        starts = True
        while self.at < len(self.text):
            if self.text[self.at].isspace():
                self.at += 1
                continue
            starts = self.step(starts)
        self.close()

    def step(self, starts: bool) -> bool:
        """Read one phrase; whether a clause starts behind it."""
        if (end := phrases.END.match(self.text, self.at)) is not None:
            self.at = end.end()
            if end[0] in ":–—-":
                self.joining = False
            else:
                self.close()
            self.advising = False
            return True
        if starts and not self.waiting and (found := ADVICE.match(self.text, self.at)) is not None:
            self.praise(found[0])
            self.at = found.end()
            self.advising, self.moving, self.behind = True, None, False
            return False
        if self.advising:
            return self.advise()
        for pattern, handler in PHRASES:
            found = pattern.match(self.text, self.at)
            if found is not None and found.end() > self.at and handler(self, found):
                self.at = found.end()
                # `…, so check it`
                return found[0] in (",", "and", "but")
        raise Fault("number" if re.match(N, self.text[self.at]) else "wording")

    # Advice

    def advise(self) -> bool:
        if (found := phrases.FORWARD.match(self.text, self.at)) is not None:
            self.forward(found)
        elif (found := phrases.WHO.match(self.text, self.at)) is not None:
            if not self.subjects:
                raise Fault("wording")
            self.advising = False
            self.waiting = found["word"] != "whose"
            self.at = found.end() if self.waiting else found.start("word")
            return False
        elif (found := phrases.REASON.match(self.text, self.at)) is not None:
            self.advising = False
        elif (found := phrases.SUBJECT.match(self.text, self.at)) is not None:
            self.subjects = self.named(found)
        elif (found := phrases.ADVISED.match(self.text, self.at)) is not None:
            self.praise(found[0])
        else:
            raise Fault("number" if re.match(N, self.text[self.at]) else "wording")
        self.at = found.end()
        return False

    def praise(self, said: str) -> None:
        """What went badly is not celebrated, nor done more of."""
        if PRAISE.search(said) and self.verdicts == {"worse"}:
            raise Fault("direction")

    # Subjects

    def named(self, found: re.Match[str]) -> list[Subject]:
        metric, member = found["metric"] or found["second"], found["member"] or found["first"]
        name = self.spelled.name(metric) if metric else None
        who = self.spelled.name(member) if member else None
        if name is None:
            spoken = self.subjects[-1].name if self.subjects else None
            name = spoken if spoken is not None and self.ground.about(spoken, who) else None
        subject = Subject(name, who)
        for said in filter(None, (found["owner"], found["place"])):
            source = next(source for source, pattern in phrases.SOURCES_SAID if re.search(pattern, said))
            if not any(source in fact.sources for fact in self.ground.about(name, who)):
                raise Fault("source")
        return [subject]

    def subject(self, found: re.Match[str]) -> bool:
        subjects = self.named(found)
        if self.waiting and not self.joining:
            raise Fault("wording")
        self.subjects = [*self.subjects, *subjects] if self.waiting else subjects
        self.waiting, self.joining, self.moving = True, False, None
        self.behind, self.driven, self.place = False, False, None
        return True

    def possessive(self, found: re.Match[str]) -> bool:
        if self.waiting or not self.subjects:
            raise Fault("wording")
        self.subjects = [Subject(self.spelled.name(found["metric"]), self.subjects[-1].member)]
        self.waiting, self.moving, self.behind = True, None, False
        return True

    def pronoun(self, _: re.Match[str]) -> bool:
        if self.waiting or not self.subjects:
            raise Fault("wording")
        self.waiting, self.moving, self.behind = True, None, False
        return True

    def nobody(self, found: re.Match[str]) -> bool:
        """`You had …`, `there were …`, and `the site had …`, which is of the site's own source."""
        if self.waiting:
            raise Fault("wording")
        self.subjects, self.waiting = [Subject()], True
        self.place = SITE if found["site"] else None
        return True

    def close(self) -> None:
        if self.waiting:
            raise Fault("no_fact")
        self.moving, self.behind, self.joining, self.moved, self.last = None, False, False, False, None
        self.place, self.driven = None, False
        self.movers.clear()

    # What is said of them

    def move(self, found: re.Match[str]) -> bool:
        if not self.subjects:
            raise Fault("no_fact")
        sense = sense_of(found["way"], VERBS)
        if found["number"] is None and found["way"] in ("changed", "moved"):
            raise Fault("wording")
        if found["number"] is not None and sense == "flat" and found["way"] not in ("changed", "moved"):
            # `held steady at` says so of a value.
            return False
        self.prove(found, MOVED, sense) if found["number"] is not None else self.go(found[0], sense)
        self.moving = None if found["number"] is not None else sense
        return True

    def gained(self, found: re.Match[str]) -> bool:
        return self.prove(found, MOVED, sense_of(found["way"], TRANSITIVE))

    def compared(self, found: re.Match[str]) -> bool:
        return self.prove(found, MOVED, sense_of(found["way"], COMPARATIVES))

    def noun(self, found: re.Match[str]) -> bool:
        sense = sense_of(found["way"] or found["way2"], NOUNS)
        number = found["number"] or found["number2"]
        return self.proven_number(found[0], number, found["bound"] or found["bound2"], None, MOVED, sense)

    def forward(self, found: re.Match[str]) -> bool:
        """`a 23% drop in sessions`: the subject follows."""
        if self.waiting:
            raise Fault("wording")
        self.subjects = self.named(found)
        sense = sense_of(found["way"], NOUNS)
        if found["size"] is None:
            return self.go(found[0], sense)
        return self.proven_number(found[0], found["size"], found["before"], None, MOVED, sense)

    def reached(self, found: re.Match[str]) -> bool:
        if not self.subjects and found["unit"]:
            return self.figure(found)
        return self.prove(found, VALUE)

    def before(self, found: re.Match[str]) -> bool:
        return self.prove(found, BEFORE)

    def brought(self, found: re.Match[str]) -> bool:
        """`Organic Search brought 4,690 sessions`: no metric brings itself."""
        bare = found["unit"] is None
        if bare and (found["earned"] or all(subject.name is None for subject in self.subjects)):
            raise Fault("no_fact")
        return self.prove(found, VALUE)

    def share(self, found: re.Match[str]) -> bool:
        if not self.subjects or self.subjects[-1].member is None:
            raise Fault("no_fact")
        self.subjects = [Subject(self.spelled.name(found["of"]), self.subjects[-1].member)]
        return self.prove(found, SHARE)

    def times(self, found: re.Match[str]) -> bool:
        self.prove(found, TIMES)
        if found["usual"] is not None:
            self.proven_number("", found["usual"], None, None, USUAL)
        return True

    def usual(self, found: re.Match[str]) -> bool:
        return self.prove(found, USUAL)

    def figure(self, found: re.Match[str]) -> bool:
        """A number by itself: with a sign a change, without one the value, or what a move in words came to."""
        numeral = self.spelled.numeral(found["number"])
        if numeral.sign:
            behind = self.behind and any(fact.figure("effect") for s in self.subjects for fact in self.facts(s))
            return self.prove(found, EFFECT if behind else MOVED)
        if self.text[: self.at].rstrip().endswith("("):
            # `fell (23%)`, and `fell by 6,860 (23%)`, but `fell 23% (22,403)`.
            if self.moving is not None and not (self.moving in ("flat", "little") and numeral.unit is None):
                return self.prove(found, MOVED, self.moving)
            if self.last is MOVED and numeral.unit == "percent" and self.is_change(numeral):
                return self.prove(found, MOVED, self.way)
        if self.subjects or found["unit"]:
            if found["unit"] and not self.waiting:
                # `23%: 22,403 sessions`, and `…, and 740 interactions`.
                name = self.spelled.name(found["unit"])
                last = self.subjects[-1] if self.subjects else Subject()
                same = last.name is None or bool(set(self.facts(last)) & set(self.ground.about(name, last.member)))
                self.subjects = [Subject(name, last.member if same else None)]
            return self.prove(found, VALUE)
        raise Fault("no_fact")

    # Days, periods and the rest

    def day(self, found: re.Match[str]) -> bool:
        return self.today is not None

    def stood_out(self, found: re.Match[str]) -> bool:
        """`25 March stood out with 740 interactions`, `interactions peaked on 25 March`."""
        if self.today is None:
            raise Fault("direction")
        if found[0].startswith(("peaked", "spiked")) and self.subjects:
            self.go("", "up")
        elif not self.subjects:
            self.subjects = [Subject()]
        self.waiting = False
        return True

    def post(self, found: re.Match[str]) -> bool:
        quote = self.spelled.name(found["quote"])
        told = [fact for subject in self.subjects for fact in self.facts(subject)]
        if self.today is None or not any(fact.quote and folded(fact.quote) == quote for fact in told):
            raise Fault("date")
        return True

    def back(self, found: re.Match[str]) -> bool:
        """The compared period behind a change, or behind a number of that period: not behind what was reached."""
        allowed = {"in": (BEFORE,), "during": (BEFORE,), "over": (BEFORE, MOVED)}.get(found["how"], (MOVED, VALUE))
        return self.last in allowed and (self.last is not VALUE or self.moved)

    def within(self, _: re.Match[str]) -> bool:
        return self.last is not BEFORE

    def join(self, found: re.Match[str]) -> bool:
        """A conjunction. Only `and` and commas let another subject join one of which nothing is said yet."""
        self.joining = found[0] in (",", "and", "&")
        if self.waiting and not self.joining:
            raise Fault("wording")
        if found[0] in ("while", "whereas", "but"):
            self.moving = None
        return True

    def condition(self, _: re.Match[str]) -> bool:
        """`…, until you know why`."""
        self.close()
        self.advising = True
        return True

    def filler(self, _: re.Match[str]) -> bool:
        return True


Handler = Callable[[Reader, re.Match[str]], bool]
# The first that matches is taken, and never taken back.
PHRASES: Sequence[tuple[re.Pattern[str], Handler]] = (
    (phrases.BEHIND, Reader.is_behind),
    (phrases.DRIVER, Reader.driver),
    (phrases.ITSELF, Reader.itself),
    (phrases.WITHOUT_DATA, Reader.without_data),
    (phrases.SILENT, Reader.silent),
    (phrases.NEW, Reader.new),
    (phrases.REPLACED, Reader.replaced),
    (phrases.STANDING, Reader.standing),
    (phrases.WEIGHT, Reader.weight),
    (phrases.FORWARD, Reader.forward),
    (phrases.SHARE, Reader.share),
    (phrases.TIMES, Reader.times),
    (phrases.USUAL, Reader.usual),
    (phrases.COMPARED_WITH, Reader.compared),
    (phrases.NOUN, Reader.noun),
    (phrases.GAINED, Reader.gained),
    (phrases.STOOD_OUT, Reader.stood_out),
    (phrases.BEFORE, Reader.before),
    (phrases.WAS_BEFORE, Reader.before),
    (phrases.MOVE, Reader.move),
    (phrases.REACHED, Reader.reached),
    (phrases.BROUGHT, Reader.brought),
    (phrases.FIGURE, Reader.figure),
    (phrases.POSSESSIVE, Reader.possessive),
    (phrases.SUBJECT, Reader.subject),
    (phrases.PRONOUN, Reader.pronoun),
    (phrases.NOBODY, Reader.nobody),
    (phrases.POST, Reader.post),
    (phrases.DAY, Reader.day),
    (phrases.AGAINST, Reader.filler),
    (phrases.BACK, Reader.back),
    (phrases.WITHIN, Reader.within),
    (phrases.JOIN, Reader.join),
    (phrases.CONDITION, Reader.condition),
    (phrases.FILLER, Reader.filler),
)
