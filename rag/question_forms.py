"""What form a question has, told from its words: for a list, a count, yes or no, two sides."""

from __future__ import annotations

import re

from rag.text import split_sentences

_PAPERS = r"(?:papers|studies|articles|publications|preprints|manuscripts|abstracts|references)"
_PAPER = r"(?:paper|article|publication|preprint)"
_WORK = (
    r"(?:(?:other|recent|related|prior|earlier|existing|new)\s+)?"
    r"(?:(?!(?:can|could|did|do|may|might|must|should|to|will|would)\b)[\w-]*[^\Ws]\s+)?"
    r"(?:work|research|literature)"
)
_WAYS = r"(?:approaches|methods|techniques|ways|models|algorithms|systems)"
_HERE = (
    r"(?:there\s+is|here|(?:that\s+)?(?:you|we|i)(?:\s+have|'ve)|in\s+(?:the|my|this)\s+library)"
)
_ON = r"(?:on|about|concerning|regarding|dealing\s+with|to\s+do\s+with)"
_FEW = r"(?:\s+(?!(?:do|does|did|is|are|was|were|has|have|in|about)\b)[\w-]+){0,2}?"
"""A word or two of what the papers are: "recent quantum papers"."""

_WHICH = re.compile(
    rf"""
    ^(?:[^?]{{1,60}}[:,]|[^?]{{1,60}}\s[-–—])?\W*     # "tree rings: …"
    (?:(?:and|please|kindly|(?:can|could|would|will)\s+you|i\s+(?:need|want)|i(?:'d|\s+would)\s+like
       |i(?:'m|\s+am)|we(?:'re|\s+are)|help\s+me|to\s+(?:see|read|have)|tell\s+me|give\s+me)\s+)*
    (?:
      # Which papers …, in which of the papers …, is there a paper …
      (?:(?:in\s+|from\s+)?wh(?:ich|at)|what\s+are|list|name|show(?:\s+me)?|find(?:\s+me)?
         |give(?:\s+me)?|any|every|all|(?:are|is)\s+there|(?:do|does|have)\s+(?:you|we|i)(?:\s+\w+)?)
      (?:\s+(?:all|any|every|each|some|a|of|the|these|my|your|other))*
      (?:{_FEW}\s+(?:{_PAPERS}|{_PAPER})|\s+(?:every|any|a)\s+study)(?!\s+(?:say|says|said)\b)
    | # Summarise the papers …, I am looking for papers …, a list of all papers …, papers on …
      (?:(?:look|search)(?:ing)?\s+for|collect(?:ing)?|recommend|suggest|enumerate|summari[sz]e|about
         |point\s+me\s+to|(?:got|have)\b|(?:an?\s+|the\s+)?(?:overview|list|titles|names)\s+of)
      (?:\s+(?:me|all|any|every|some|of|the|these|my|your|other))*
      {_FEW}\s+{_PAPERS}
    | (?:some\s+|all\s+|more\s+)?{_PAPERS}\s+(?:{_ON}|that|which|with|using|by|from|where
         |in\s+which)
    | # Which works treat …; which work is a verb otherwise
      (?:which|what|any|all|other)\s+works\s+(?:{_ON}|that|which|treat|discuss|use|study|consider|deal)
    | # How many papers are about …, but not: how many studies were reviewed
      how\s+many\s+(?:of\s+)?(?:(?:the|these|my|your)\s+)?{_PAPERS}\s+(?:{_ON}|are|use|mention|treat
         |discuss|report|deal|study|speak|look|cover|concern|do\s+(?:you|we|i)|is|there|have)
    | # What work is there on …, what work turns …, find me work on …
      (?:what|which|any|(?:find|show)(?:\s+me)?|is\s+there(?:\s+any)?|list(?:\s+the|\s+all)*)
      \s+{_WORK}\s+(?!do\b|does\b|did\b|was\b|were\b|is\s+(?!there\b))
    | (?:what|which)\s+(?:has\s+been|was|is)\s+(?:published|written)\s+{_ON}
    | # Is there anything on …, have you got anything about …
      (?:(?:is|are)\s+there\s+|(?:do|have)?\s*(?:you|we|i)?\s*(?:have|got)\s+)?(?:any|some)
      (?:thing|one|body)(?:\s+{_HERE})?\s+(?:{_ON}|that|which|in|with)
    | # Everything you have on …, list everything here about …, what else is there on …
      (?:(?:list|show|find|give|name)(?:\s+me)?\s+)?(?<!tell\sme\s)(?:everything|all|what\s+else)
      (?:\s+(?:{_HERE}|is\s+there))?\s+{_ON}
    | # What do you have on …, what is there on …
      what\s+(?:do\s+(?:you|we|i|they)\s+have|have\s+(?:you|we|i)(?:\s+got)?|is\s+there
         |(?:is|'s|do)\s+(?:in|on)\s+(?:the|my|this)\s+(?:library|collection))(?:\s+(?:on|about)\b|\W*$)
    | # What approaches are there …, list approaches that …, which ones are there?
      (?:what|which)(?:\s+[\w-]+){{0,2}}?\s+(?:{_WAYS}|ones)\s+(?:are\s+there|exist\b|are\s+known
         |do\s+(?:you|we|i)\s+have)
    | list(?:\s+(?:all|the|of|some|every))*(?:\s+[\w-]+){{0,2}}?\s+{_WAYS}
    | who\s+(?:else\s+)?(?:(?:has|have|is)\s+)?(?:work(?:s|ed|ing)\s+(?:on|with)
         |stud(?:ies|ied|ying)|us(?:es|ed|ing)|tr(?:ies|ied|ying)|look(?:s|ed|ing)\s+at)
    | where\s+can\s+i\s+read\s+(?:more\s+)?about
    )\b
    | [,;]\s+(?:and\s+)?in\s+which\s+(?:of\s+the(?:se)?\s+)?papers\W*$""",
    re.IGNORECASE | re.VERBOSE,
)
"""A question for all papers of a kind, whatever word it has for them."""

_WHICH_ONE = re.compile(rf"\b(?:which|what)(?: one)? (?:{_PAPER}|study)\b", re.IGNORECASE)

_YES_NO = re.compile(
    r"^(?:(?:(?!\b(?:wh(?:at|ich|ere|en|o|om|ose|y)|how)\b).)*(?:[:?.,;–—]|--)\s*)?\W{0,9}"
    r"(?:(?:and|but|so|or|then)\s+)?"
    r"(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should|must|may|might)\b"
    r"(?!(?:(?!\b(?:n?either|whether)\b).)*\bor\b(?<!\d or)(?!\s+(?:more|not)\b))"
    r"|\byes or no\W*$"
    r"|^(?!\W*(?:wh(?:at|ich|ere|en|o|om|ose|y)|how)\b)[^?:]{1,200}"
    r"(?::|[–—]|--)\s*(?:an?|another)\b[^?:.]{1,200}\?\W*$",
    re.IGNORECASE,
)
"""A clause that starts with its verb, and leaves no choice but the two: "aged 80 or older" is none.
Or, as in titles, a thing and what it may be: "Hearing loss: a sign of tumours?"."""

_HOW_MANY = re.compile(
    r"(?:^\W*(?:\w+\W+){0,8}?|[:;.?!]\s+(?:\w+\W+){0,3}?)how many\s+((?:[\w-]+\s*){1,2})",
    re.IGNORECASE,
)
"""Near the beginning, or that of a clause: further on it may stand in what is told beside."""

_WHAT_FIGURE = re.compile(
    r"\b(?:what|which)\s+(?:(?:is|are|was|were)\s+(?:the|its|their)\s+)?"
    r"(?:(?!(?:is|are|was|were|do|does|did|has|have)\b)[\w-]+\s+){0,2}?"
    r"(?:accuracy|accuracies|f-?scores?|f1|percentage|per\s?cent|error rate|perplexity"
    r"|speed-?up)\b(?!\s+(?:based|computed|due|limited|measured)\b)",
    re.IGNORECASE,
)
"""What can only be told in figures."""

_OPEN = re.compile(
    r"\bhow (?:can|could|might|should|to|do (?:people|researchers|others|we|you|i))\b"
    r"|\bwhat(?: all)? (?:can|could|might|should)\b"
    r"|\bwhat(?:'s| is| has been)? (?:known|done|shown|found|learned|reported|helps?|goes wrong)\b"
    r"|\bwhat (?:do (?:we|people|researchers) know|(?:is the )?evidence (?:is there|for|that))\b"
    rf"|\bwhat (?:do|did|have) (?:(?:the|these|my|your) )?{_PAPERS} (?:say|said|tell|report|find)\b"
    r"|\b(?:what|which)(?: \w+){0,4}? (?:ways|approaches|methods|techniques|strategies|tricks"
    r"|options|remedies|ideas|problems|limits|limitations|challenges|risks|pitfalls|reasons"
    r"|causes|factors)\b",
    re.IGNORECASE,
)
"""A question for whatever there is, rather than for one thing."""

_SEVERAL = (
    r"\b(?:about|on|of|for|with|in|do|are|can|could)"
    r"(?:\s+(?!the(?:y|m|ir)\b)[\w-]+){0,3}?\s+(?!the(?:y|m|ir)\b)[\w-]{3,}s\b"
)
"""Things that "their" may go back to."""

_SPOKEN_OF = re.compile(
    r"^(?:(?!\ban?\b).)*\b(?:it|its)\b"
    rf"|^(?:(?!\ban?\b|{_SEVERAL}).)*\b(?:they|them|their)\b"
    rf"|\b(?:this|these(?! {_PAPERS})"
    r"|the (?:[\w-]+ ){0,4}?(?:authors?|paper|work|study|approach|method|model|algorithm|framework)"
    r"|according to|(?:what|which) (?:two|three|four|five|six|seven|\d+))\b",
    re.IGNORECASE,
)
"""What one paper is known from: it was named before, but for what "a" or a plural brought in; or
it is known how many things it tells."""

_ASKS = re.compile(
    r"\?|\b(?:what|why|how)\b|(?:^|[:;–—]\s*)(?:which|when|where|who|whom|whose)\b"
    r"|^\W*(?:(?:please|kindly|and|but|so|then)\s+)*(?:i|we|you|is|are|was|were|do|does|did|can|could"
    r"|has|have|had|will|would|should|may|might|must|tell|give|list|name|show|find|explain|describe"
    r"|compare|summari[sz]e|define|discuss|state|say|write|translate|answer|ignore|forget|repeat|print"
    r"|help|let|look|search|report|recommend|suggest|outline|elaborate|provide|pretend|imagine|act"
    r"|mention|briefly|cite|disregard|output|respond|reply|stop|start|begin|use|read|think|assume|consider|note)\b",
    re.IGNORECASE,
)
"""What makes a message a question or an order."""

_SAYS = re.compile(
    r"\.\W*$|\w\s+(?:is|are|was|were|has|have|had|can|cannot|does|do|did|may|might|will|would)\b",
    re.IGNORECASE,
)
"""A full stop, or a verb that most statements have."""

_WANTS_TEXT = re.compile(
    r"\W*(?:(?:please|kindly|can you|could you|help me)\s+)*"
    r"(?:write|draft|compose|prepare|give|i need|i want)\s+(?:(?:me|us|up)\s+)?"
    r"(?:(?:an?|the|some|one|two|three|few)\s+)*(?:[\w-]+\s+){0,2}?"
    r"(?:paragraphs?|summary|overview|introduction|background|section|sentences|lines|text|review"
    r"|related work)\s+(?:(?:section|paragraph)\s+)?(?:on|about)\s+"
    r"((?:[^.?!]|[.](?=\S))+?)(?:,?\s+for\s+(?:my|our|an?|the)\b[^.?!]*)?\W*$",
    re.IGNORECASE,
)
"""An order for a text and nothing beside, and what it is to be about."""

_AND_WHAT_EACH = re.compile(
    r",?\s+(?:and|with)\s+(?:(?:tell me|say|explain|summari[sz]e|describe|state)\s+)?"
    r"(?:briefly\s+)?"
    r"(?:what|how)\s+(?:each|every|they)(?:\s+(?:one|paper|of them|of these))?\s+"
    r"(?:do(?:es)?|(?:is|are) about|finds?|says?|shows?|proposes?|contributes?|works?)\W*$",
    re.IGNORECASE,
)
"""What a list says of its papers unasked: "… and what each does"."""

_LONGEST_ORDER = 300
"""Letters of such an order at most."""

_STATEMENT_WORDS = 4

_AND_ASKS = r"\band (?:what|how|which|where|when|why|who|does|do|did|is|are|was|were|can)\b"

_COMPARES = re.compile(
    r"\b(?:vs|versus|compar\w*|differ\w*|both|between|either|unlike|opposed"
    r"|(?<!\bat )(?<!\bafter )(?<!\bbefore )each)\b"
    r"|\bwhich\b.*\bor\b|\bor\b.*\bwhich\b"
    rf"|{_AND_ASKS}"
    r"(?!(?:\W+\w+){0,2}?\W+(?:it|its|that|this|they|their|(?:is|are|was|were)\W+the)\b)",
    re.IGNORECASE,
)
"""Words of a question that sets two things side by side, rather than asks twice about one."""

_ASKS_ON = re.compile(_AND_ASKS, re.IGNORECASE)
"""Goes on to a second question, about the same thing or another."""

_AND_ALSO = re.compile(
    r"[,;?.]?\s+(?:and|while|whereas)\s+(?:also\s+)?"
    r"(?=(?:(?:on|in|at|by|for|with|from|of|to|under)\s+)?(?:what|how|which|where|when|why|who)\b)",
    re.IGNORECASE,
)
"""Where a second question begins with its own question word."""

_OF_BOTH = re.compile(r"\b(?:both|each|either|neither)\b", re.IGNORECASE)
"""What a second question has that is asked about two things named before."""

_COMPARED_WITH = re.compile(
    r"\bcompar\w+\s+(?:with|to|against)(?=\s*(?:[?.,;]|$|(?:and|in|on|by|for)\b))"
    r"|\bcompar\w+\s[^?.,;]{1,60}?\s(?:with|to|against)(?=\s*(?:[?.;]|$))",
    re.IGNORECASE,
)
"""Asks what something is set beside: "What was it compared with?"."""

_MAY_COMPARE = re.compile(
    r"\b(?:vs|versus|compar\w*|than|and|or|differ\w*|both|between|either|unlike|against)\b",
    re.IGNORECASE,
)
"""Any word with which a question may speak of two things; most that have one do not."""

_ONE_THING = re.compile(
    r"\b(?:relation(?:ship)?|association|link|correlation|connection|interaction|interplay|"
    r"trade-?off)s? between\b",
    re.IGNORECASE,
)
"""What is asked about is what two things have with each other."""

_JOINS = re.compile(
    r"\band\b(?!\s+(?:(?:on|in|at|by|for|with|from|of|to|over)\s+)?(?:wh\w+|how)\b)", re.IGNORECASE
)
"""Joins two things, where it does not go on to ask a second question."""


def asks_which(question: str) -> bool:
    """Whether a question asks for all papers of a kind: 'Which papers …?'"""
    return any(_WHICH.search(sentence.text) for sentence in split_sentences(question))


def asks_for_one_paper(question: str) -> bool:
    """Whether a question for papers means one: 'Which paper introduced …?'"""
    return _WHICH_ONE.search(question) is not None


def asks_yes_or_no(question: str) -> bool:
    """Whether yes or no is what a question asks for first."""
    return _YES_NO.search(question) is not None


def is_claim(message: str) -> bool:
    """Whether a message says something rather than asks: a claim to be held against the papers."""
    return (
        len(message.split()) >= _STATEMENT_WORDS
        and _ASKS.search(message) is None
        and _SAYS.search(message) is not None
    )


def as_question(message: str) -> str:
    """A question as it is; a claim as a question for what the papers say of it."""
    return f"What do the papers say about this: {message}" if is_claim(message) else message


def without_wrapping(message: str) -> str:
    """A message that wants a text on something as the question for what the papers say of it,
    "Write me a paragraph on pruning for my introduction"; one for a list without "and what each
    does"; any other as it is."""
    order = " ".join(message.split())
    if len(order) > _LONGEST_ORDER:
        return message
    if wanted := _WANTS_TEXT.match(order):
        return f"What do the papers say about {wanted.group(1)}?"
    return _AND_WHAT_EACH.sub("", order) if asks_which(order) else message


def what_is_counted(question: str) -> str:
    """The words after "how many", two at most; empty where a question does not want a count."""
    match = _HOW_MANY.search(question)
    return match.group(1).strip() if match else ""


def asks_figure(question: str) -> bool:
    """Whether a question wants what can only be told in figures, as an accuracy."""
    return _WHAT_FIGURE.search(question) is not None


def sets_side_by_side(question: str) -> bool:
    """Whether a question has a word that compares two things, rather than asks what they have
    with each other."""
    about_one = _COMPARED_WITH.sub(" ", _ONE_THING.sub(" ", question))
    return _COMPARES.search(about_one) is not None


def asks_on(question: str) -> bool:
    """Whether a question goes on to a second one, about the same thing or another."""
    return _ASKS_ON.search(question) is not None


def halves(question: str) -> tuple[str, str] | None:
    """The two questions that one asks one after the other; None where it asks another number, or
    the second about both things of the first."""
    both = _AND_ALSO.split(question)
    if len(both) != 2 or _OF_BOTH.search(both[1]):
        return None
    return f"{both[0]}?", both[1]


def joins(question: str) -> bool:
    """Whether a question joins two things by "and", rather than two questions about one."""
    return _JOINS.search(question) is not None


def may_compare(question: str) -> bool:
    """Whether a question may speak of two things, so that its names need not stand together."""
    return _MAY_COMPARE.search(question) is not None


def asks_openly(question: str) -> bool:
    """Whether several papers may each give a part of the answer: 'How can …?', 'What helps …?'"""
    return _OPEN.search(question) is not None and _SPOKEN_OF.search(question) is None
