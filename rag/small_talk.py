"""What is said to the program rather than asked of the papers: a greeting, thanks, "are you sure?".

Searched for like a question it would bring up some paper or other.
"""

from __future__ import annotations

import re

REASON = "nothing is asked of the papers"

_ABOUT_US = (
    "I answer questions from the papers in this library: what one of them does or finds, which "
    "are about something, how two compare. Each sentence of an answer names the paper that says "
    "so."
)
_WHERE_FROM = (
    "Each mark behind a sentence leads to the paper, and to the sentence in it, that says so. "
    "What no paper bears out is left out, and listed below the answer."
)

_GREETS = re.compile(
    r"(?:(?:hello|hi|hey|good (?:morning|afternoon|evening)|thanks?(?: (?:you|a lot|so much))*"
    r"|thx|ok(?:ay)?|great|cool|nice|perfect|got it|i see|never mind|sorry|bye|goodbye|welcome"
    r"|there|again|very much|for (?:that|this|your help))\W*)+",
    re.IGNORECASE,
)
_ASKS_ABOUT_US = re.compile(
    r"(?:(?:please )?help(?: me)?(?: please)?|who are you|what are you|what is this"
    r"|what (?:can|do|could) (?:you|i) (?:do|ask|know|help(?: me)? with)(?: (?:here|you))?"
    r"|how (?:do|can|should) i (?:use|work with) (?:you|this|it)"
    r"|how do(?:es)? (?:you|this) work)\W*",
    re.IGNORECASE,
)
_DOUBTS = re.compile(
    r"(?:(?:and |but )?(?:are you (?:really |quite )?(?:sure|certain)"
    r"(?: (?:about|of) (?:that|this))?|really"
    r"|is (?:that|this|it) (?:really )?(?:so|true|right|correct)|how do you know(?: that)?"
    r"|says who|who says (?:so|that)"
    r"|(?:what|which) paper (?:is|was|says) (?:that|this|it)(?: from)?"
    r"|where (?:is|did you (?:get|find)|do(?:es)?) (?:that|this|it)(?: (?:come )?from)?"
    r"|(?:what(?:'s| is) (?:the|your) |the |your )?sources?(?: please)?|citation needed))\W*",
    re.IGNORECASE,
)


def reply_to(message: str, *, in_conversation: bool = False) -> str:
    """What to say to it; empty where something may be asked of the papers.

    Args:
        in_conversation: whether there is an answer before that it may speak of.
    """
    said = message.strip(" \"'“”‘’(*")
    if in_conversation and _DOUBTS.fullmatch(said):
        return _WHERE_FROM
    return _ABOUT_US if _GREETS.fullmatch(said) or _ASKS_ABOUT_US.fullmatch(said) else ""
