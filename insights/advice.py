"""What may be asked for: the words of advice, in which there is no figure, and nothing that has happened."""

from __future__ import annotations

import re

from insights.wordings import COMPARATIVES, NOUNS, VERBS, alternatives

ASKING = (
    "consider try review check test shift move reallocate keep pause scale raise increase reduce cut lower invest look "
    "investigate focus build promote repeat refresh make use explore double give plan monitor watch put boost find "
    "follow hold extend add stop start run audit fix improve optimise optimize protect prioritise prioritize expand "
    "lean analyse analyze learn ask set bring strengthen feature walk compare see track trim tighten narrow broaden "
    "rotate replace rework update rewrite post publish schedule reply greet write study confirm verify ensure inspect "
    "identify determine diagnose understand note ease continue adjust revisit reassess rebalance redirect dig avoid "
    "prepare limit celebrate spend act respond decide"
)
# All that may stand in advice beside names: no figure, and nothing that says how something is, went, or why.
ADVICE_WORDS = frozenset(
    f"""{ASKING}
    a an the this that these those it its them they their there here you your we our us one each every both all any
    some other others another same such else and or then so first next now again also instead together too soon
    often to of on in at for from with without by before after until while into onto across over through against
    between below around toward towards within during per under near about off out what which where when whether why
    how who if be does do want wants wanted needs need know knows runs running day days week weeks month months
    period time times today more less further closer deeper careful carefully closely quickly directly properly
    gradually small smaller larger new newer fresh different similar narrower wider broader longer shorter clearer
    clear current main key paid whole ad ads adset adsets audience audiences audit auction bid bids bidding brand
    budget budgets call-to-action campaign campaigns caption captions carousel carousels cart catalog change changes
    channel channels checkout content conversion conversions cost costs creative creatives copy customers data
    delivery design detail device devices effort engagement experiment experiments follow-up followers format
    formats frequency funnel hook hooks image images impressions investment keyword keywords landing layout link
    links loading message messages messaging money newsletter number numbers offer offers page pages part parts
    people performance phone placement placements post posts posting price prices pricing product products quality
    range rank ranking rankings reach reel reels report reports result results return returns sales schedule search
    seo sequel series shop side site source sources speed spend spending steps step stock stories story strategy
    structure tags targeting team test tests theme themes timing titles topic topics tracking traffic trend users
    variant variants version versions video videos visibility visible visitors visits website words lasts lead leads
    form forms indexing promotions homepage flow mix comments questions collection pattern patterns setup settings
    share action actions care attention priority way ways case cases recent lessons learnings common pinned feed
    consent analytics efficiency spread technical formats sync connection""".split()
)
ADVICE = re.compile(
    r"(?:please |then |so |and |or |first,? |next,? |also |instead,? |you (?:could|should|may|might|can) |"
    r"do not |don't |if (?:nobody|no one) meant (?:it|that)(?: to)?,? )*"
    rf"(?:{'|'.join(ASKING.split())})\b(?! (?:in|of)\b)"
)
# `The increase` has happened, `to increase` has not.
NOT_HAPPENED = r"(?<!\bthe )(?<!\bthis )(?<!\bthat )(?<!\ban )(?<!\ba )(?<!\bof )(?<!\bits )(?<!\btheir )"
DOING = ("increase", "boost", "cut", "raise", "reduce", "lower", "improve", "strengthen", "double", "ease")
ADVISED_WORDS = "|".join(
    f"{NOT_HAPPENED}{word}" if word in DOING else re.escape(word)
    for word in sorted(ADVICE_WORDS, key=lambda word: -len(word))
)
# What is asked for by more words than one, each of which alone could say what is.
SOUGHT = r"(?:causes?|reasons?|drivers?|errors?|issues?|gaps?)"
ASKED_FOR = (
    rf"for (?:an? |any |the )?(?:[a-z-]+ )?{SOUGHT}\b"
    rf"|(?:(?<=\bfind )|(?<=\bidentify )|(?<=\bdetermine )|(?<=\bunderstand )|(?<=\bconfirm ))the (?:main )?{SOUGHT}\b"
    r"|what (?:works?|worked|changed|happened|caused (?:it|them)|is behind (?:it|them|this|that))\b"
    r"|what (?:else )?(?:you )?(?:posted|changed|ran)\b|how often (?:and what )?you post(?:ed)?\b"
    r"|what the best (?:posts|pages|campaigns) have in common\b|your best\b|of the last (?:weeks|days)\b"
    r"|that (?:the )?tracking works\b|whether (?:you meant (?:it|that)|only the name changed|you (?:can|could))\b"
    r"|top (?:landing |product )?(?:products|posts|pages|channels|campaigns|sellers|performers)\b"
    r"|the (?:pages|posts|ads|channels) that convert\b"
)
# What is asked for where something went well.
PRAISE = re.compile(r"\b(?:celebrate|do more|more of it|what worked|keeps? up)\b")
# A comma leads on to more of the same, not to what explains a name: `…, the cause`, `the best one, “Brand”`.
LEADS_ON = (
    r",(?= [a-z])"
    r"(?! (?:an?|the|this|that|these|those|your|our|its|their|each|every|both|all|any|some|another|one|such)\b)"
)

GERUNDS = "|".join(
    f"{re.sub('e$', '', verb)}{verb[-1] * (verb in ('cut', 'put', 'set', 'run', 'stop'))}ing" for verb in ASKING.split()
)


def is_spoken(name: str) -> bool:
    """Whether a name is nothing but words that a sentence may have of its own: then it is a name only in quotes."""
    words = re.findall(r"[^\W_]+", name.casefold())
    known = re.compile(rf"(?:{alternatives(VERBS)}|{alternatives(NOUNS)}|{alternatives(COMPARATIVES)})")
    return all(word in ADVICE_WORDS or known.fullmatch(word) for word in words)
