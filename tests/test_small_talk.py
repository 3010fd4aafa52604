"""What is said to the program rather than asked of the papers."""

from __future__ import annotations

import pytest

from rag.small_talk import reply_to


@pytest.mark.parametrize(
    "message",
    [
        *("Hello!", "hi there", "Thanks a lot.", "thank you very much!", "OK, great", "“Hello”"),
        *("help", "Help me?", "What can you do?", "Who are you?", "How do I use this?"),
        "ok thanks, bye",
    ],
)
def test_a_greeting_is_told_what_to_ask(message: str) -> None:
    assert "questions from the papers" in reply_to(message)


@pytest.mark.parametrize(
    "message",
    [
        *("Are you sure?", "really?", "Is that true?", "And are you sure about that?"),
        *("Which paper is that from?", "How do you know?", "source?", "says who"),
        "where does this come from?",
    ],
)
def test_a_doubt_is_shown_to_the_marks(message: str) -> None:
    assert "mark behind a sentence" in reply_to(message, in_conversation=True)
    assert reply_to(message) == ""


@pytest.mark.parametrize(
    "message",
    [
        "",
        "?",
        "What helps against floods?",
        "Is it true of owls?",
        "Hello Kestrel, a new layer",
        "Is that true on RiverBench?",
        "How does this work on rivers?",
        "Which paper is on owls?",
        "help with forgetting",
        "Thanks to what do owls hear?",
        "why?",
        "source code?",
        "tell me more",
    ],
)
def test_what_may_be_asked_of_the_papers_is(message: str) -> None:
    assert reply_to(message, in_conversation=True) == ""


@pytest.mark.parametrize("word", ["ok ", "thanks ", "thank you ", "a", "is that ", "?!", "hello"])
def test_long_messages_are_seen_through_at_once(word: str) -> None:
    assert reply_to(word * 5_000 + "owls", in_conversation=True) == ""
