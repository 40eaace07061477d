"""Captions of a small shop's posts: emoji, quotes, hashtags, line breaks, sometimes none."""

from random import Random

CAPTIONS = (
    "The {thing} is back in stock 🌿 Link in bio.",
    '"Is it dishwasher safe?" Yes. Yes, it is. #{tag}',
    "“Worth the wait” is what you told us about the {thing}. We’ll take it 🥹",
    "Monday mood: one {thing}, zero meetings ☕️",
    "Packing day! 📦📦📦 Your {thing} leaves tonight.",
    "It's the little things… #{tag} #smallbusiness",
    "3 ways to style the {thing} 👉 swipe\n\n1. Plain\n2. Plainer\n3. Not plain at all",
    "We <3 slow mornings & a good {thing}.",
    "Behind the scenes: how the {thing} is made 🎥",
    "New colours, same {thing}. Which one's yours: 🤎 or 💚?",
    "Giveaway! Tag a friend who needs the {thing} 🎁 (ends Friday, 100% free, no strings)",
    "Café corner, found by @lena.makes ✨ Merci!",
    "Sunday reset.",
    "{Thing}, meet sunshine ☀️",
)

VIRAL = (
    "wait for the end 😭🔥 (no {thing} was harmed) #{tag}",
    "POV: you dropped the last {thing} in front of the whole team 💀",
    'My grandmother: "I could make that." Also my grandmother, two hours later: 🏆',
)


def write_caption(chance: Random, products: tuple[str, ...], *, viral: bool) -> str | None:
    """Write a caption that names one of the products; None for a post without a caption."""
    thing = chance.choice(products)
    text = chance.choice(VIRAL if viral else CAPTIONS)
    if not viral and chance.random() < 0.04:
        return None
    return text.format(thing=thing, Thing=thing.capitalize(), tag=thing.replace(" ", ""))
