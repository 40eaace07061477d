"""The phrases that a claim may be made of, over text as `spelling` has it. Whatever is none of them is a fault."""

from __future__ import annotations

import re

from insights.advice import ADVISED_WORDS, ASKED_FOR, GERUNDS, LEADS_ON
from insights.spelling import ASKED, COMPARED, OVER, B, D, M, N, Q
from insights.wordings import BE, BOUND, COMPARATIVES, DEGREES, NOUNS, TRANSITIVE, VERBS, alternatives

NOT_IN_WORD = r"(?![\w'-])"
DET = r"(?:(?:the|your|our|a|an|total|overall|all|these|this|their|its|both|in|for)\s)*"
KIND = r"(?:(?:landing |product |blog )?page|homepage|(?:ad )?campaign|channel|ad set)"
SOURCE = (
    r"(?:google analytics|ga4|(?:the |your )?(?:site|website|shop|store)|instagram|meta ads|facebook ads|meta|facebook)"
)
SOURCES_SAID = (("instagram", "instagram"), ("meta", "meta|facebook"), ("ga4", "."))
NUMBER = rf"(?:(?P<bound>{BOUND}) )*(?P<number>{N})(?: (?:in )?(?P<unit>{M}))?"
NOUN_OF_MOVE = rf"(?:{alternatives(NOUNS)})"
MAINLY = "(?:mostly|mainly|largely|primarily|chiefly)"
CAUSE = r"(?:because of|due to|driven by|led by|from|in|on|through|by|at|with)"


def phrase(*parts: str) -> re.Pattern[str]:
    return re.compile("".join(parts) + NOT_IN_WORD)


SUBJECT = phrase(
    rf"{DET}(?:(?P<owner>{SOURCE})(?:'s)? )?(?:",
    rf"(?P<metric>{M})(?: (?:of|on|from|for|in|at|via|through|by|to) (?:the |your )?",
    rf"(?:{KIND} )?(?P<member>{B})(?: {KIND})?)?",
    rf"|(?:{KIND} )?(?P<first>{B})(?:'s?)?(?: {KIND})?(?: (?P<second>{M}))?",
    rf")(?: (?:on|from|in|of) (?P<place>{SOURCE}))?",
)
POSSESSIVE = phrase(rf"(?:whose|its|their) (?P<metric>{M})")
PRONOUN = phrase("(?:it|they|which|that)(?= )")
NOBODY = phrase(
    r"(?:you|we|there|(?P<site>(?:the|your) (?:site|website|shop|store)))"
    r"(?= (?:had|have|has|got|saw|received|recorded|were|are) )"
)
# `most of it from Organic Search`
DRIVER = phrase(
    rf"(?:{MAINLY}(?: {CAUSE})?",
    rf"|(?:which )?(?:{BE} )?(?:{MAINLY} )?(?:driven|led|caused)(?: {MAINLY})? by|because of|due to",
    rf"|most of (?:it|them|that|the (?P<way>{NOUN_OF_MOVE})(?: (?:in|of) {DET}(?P<metric>{M}))?)",
    rf"(?: (?:is|are|was|were|comes|came|stems|coming))?(?: {CAUSE}| going to| went to)?)",
    rf" (?:the |your )?(?:{KIND} )?(?P<driver>{B})(?: {KIND})?",
)
# `Organic Search accounts for most of the drop in sessions`
BEHIND = phrase(
    r"(?:accounts? for|accounted for|explains?|explained|drove|brought|is behind|was behind) most of (?:it|that"
    rf"|(?:the|this|that) (?P<way>{NOUN_OF_MOVE})(?: (?:in|of) {DET}(?P<metric>{M}))?)"
    rf"|(?:is|was) the main (?:driver|reason|cause) (?:of|for|behind) (?:it|that"
    rf"|(?:the|this|that) (?P<way2>{NOUN_OF_MOVE})(?: (?:in|of) {DET}(?P<metric2>{M}))?)"
)
ITSELF = phrase("itself")
NEW = phrase("(?:is|are) new")
REPLACED = phrase(rf"(?:(?:has |have )?(?:replaced|taken the place of)|took the place of) (?:that on )?(?P<gone>{B})")
# `which returns more than the whole, has a smaller share of the spend`
STANDING = phrase(
    r"(?:returns?|returned|converts?|converted|is|are|was|were) "
    r"(?P<way>more|less|better|worse|above|below|higher|lower) (?:than )?(?:the |your )?(?:whole|average|rest|others)",
)
WEIGHT = phrase(
    rf"(?:has|had|brings|brought|takes|took|gets|got) (?:a|an) (?P<way>larger|smaller|higher|lower) share of {DET}"
    rf"(?P<of>{M})"
)
SILENT = phrase(rf"(?:has|have) no data since (?P<since>{D})")
WITHOUT_DATA = phrase(rf"(?:where )?(?P<days>{N}) days? (?:has|have) no data")
# `a 23% drop in sessions`
FORWARD = phrase(
    rf"(?:(?:the|a|an|this|that|your|its) )?(?:(?P<before>{BOUND}) )?(?:(?P<size>{N})[ -])?(?P<way>{NOUN_OF_MOVE})",
    rf" (?:in|of) (?={DET}(?:{M}|{B}|{KIND} {B}|{SOURCE})){SUBJECT.pattern}",
)
# `33% of all sessions`
SHARE = phrase(
    "(?:(?:is|are|was|were|makes? up|made up|accounts? for|accounted for|brought|brings|takes|took|represents?|now) )*",
    rf"(?:(?P<bound>{BOUND}) )?(?P<number>{N})(?P<unit>(?!))? of (?:all |the |your |total )*(?P<of>{M})",
)
# `5.1 times a usual day's 144`
TIMES = phrase(rf"(?:{BE} )?{NUMBER} (?:what )?(?:a |the )?usual(?: day)?(?:'s)?(?: (?:value|level|(?P<usual>{N})))?")
USUAL = phrase(
    "(?:(?:where|against|versus|vs\\.?|than|from) )?(?:a|the) usual(?: day)?(?:'s| has| had| is| of|:)? ", NUMBER
)
# `23% lower`, `6,860 fewer sessions`
COMPARED_WITH = phrase(
    rf"(?:{BE} )?(?:(?P<bound>{BOUND}) )*(?P<number>{N}) (?:{DEGREES} )?(?P<way>{alternatives(COMPARATIVES)})",
    rf"(?: (?P<unit>{M}))?(?: than (?:before|previously|earlier))?",
)
# `a 60% drop`, `a loss of 6,860`
NOUN = phrase(
    rf"(?:(?:{BE}|saw|showed|took|suffered) )?(?:a|an|that is a|which is a|the) ",
    rf"(?:(?:(?P<bound>{BOUND}) )?(?P<number>{N})[ -](?P<way>{NOUN_OF_MOVE})",
    rf"|(?P<way2>{NOUN_OF_MOVE}) of (?:(?P<bound2>{BOUND}) )?(?P<number2>{N}))",
)
GAINED = phrase(rf"(?P<way>{alternatives(TRANSITIVE)}) {NUMBER}")
STOOD_OUT = phrase("(?:peaked|spiked|stood out)")
# `from 29,263`
BEFORE = phrase(
    r"(?:from|after|versus|vs\.?|against|compared (?:with|to)|previously|than) ",
    NUMBER,
    "(?: (?:before|previously|earlier))?",
)
WAS_BEFORE = phrase(rf"(?:was|were|had been) {NUMBER} (?:before|previously|earlier)")
MOVE = phrase(
    rf"(?:{BE} )?(?:{DEGREES} )?(?P<way>{alternatives(VERBS)})(?: {DEGREES})?,?(?: by)?(?: {NUMBER})?",
)
REACHED = phrase(
    "(?:(?:is|are|was|were|be|now|to|at|of|with|has|have|had|stands?|stood|sits?|sat|came|comes|reached|reaches|reaching"
    f"|hit|hits|hitting|totall?ed|totals|totalling|amounted|counted) )+{NUMBER}"
)
BROUGHT = phrase(
    "(?:(?P<earned>brought(?: in)?|brings|drove|sent|made|generated|delivered|attracted|earned|contributed)"
    f"|got|gets|saw|received|recorded|began|counts) {NUMBER}"
)
FIGURE = phrase(NUMBER)
POST = phrase(
    r"(?:on or after|after|on|with) (?:(?:the|your) )?(?:(?:post|reel|story|video|image|carousel) )?",
    rf"(?P<quote>{Q})",
)
DAY = phrase(rf"(?:on )?{D}")
AGAINST = phrase(
    rf"(?P<how>against|versus|vs\.?|compared (?:with|to)|relative to|than|than in|than over) {COMPARED}|{OVER}"
)
# Behind a change it is what it is compared with; behind a number it may be when that was.
BACK = phrase(rf"(?P<how>over|on|from|in|during) {COMPARED}")
WITHIN = phrase(rf"(?:(?:in|over|during|for|within|across) )?{ASKED}")
JOIN = re.compile(r",|&|(?:and|but|yet|while|whereas|with|although|though)(?=\s)")
CONDITION = phrase("(?:until|before)(?= you )")
FILLER = re.compile(r"[()]|(?:also|overall|meanwhile|however|in total|now|both|too|together|altogether)" + NOT_IN_WORD)

END = re.compile(r"[.!?]+(?=\s|$)|;|:(?=\s)|[–—](?=\s)|-(?=\s)")
SENTENCE_END = re.compile(r"[.!?](?: |$)")
# What follows in a piece of advice, and is none.
WHO = re.compile(r",? ?(?P<word>which|whose|where)(?= )")
REASON = phrase("(?:because|since|as|while(?! it lasts)|whereas|although|though|but)")
# A piece of advice: its words, punctuation and quotes, and what is no claim in it alone.
ADVISED = re.compile(
    rf"{ASKED_FOR}|what the added {M} brings\b|that (?:the |its )?(?:stock|return|{M}) keeps? up\b"
    rf"|{LEADS_ON}|[&/]|{Q}|to grow\b"
    r"|(?:(?<=\bmake )|(?<=\bbe ))sure\b|(?:is|are) (?:current|correct|complete)\b"
    r"|(?:(?<=\bfollow )|(?<=\bkeep )|(?<=\bscale )|(?<=\bset ))(?:(?:it|this|that|them) )?up\b"
    rf"|(?:(?<=\bconsider )|(?<=\bby )|(?<=\band )|(?<=\bor )|(?<=\btry )|(?<=\bof ))(?:{GERUNDS})\b"
    rf"|(?:{ADVISED_WORDS})(?:-(?:{ADVISED_WORDS}))*(?:'s)?{NOT_IN_WORD}"
)
