"""Numbers and names are told from other words."""

import pytest

from rag.names import (
    holds_name,
    names_in,
    numbers_in,
    numbers_said,
    proper_names_in,
    tells_number,
)


def test_numbers_are_read_without_their_dress() -> None:
    text = r"It averages 85\% of 1,000 runs, 87.6 on Path-X (S4D, 2x) in 30s."
    assert numbers_in(text) == {"85", "1000", "87.6", "2", "30"}


def test_names_are_words_with_capitals_or_digits_inside() -> None:
    text = "The S4D model beats HiPPO's GPT-4 on Path-X and two GPUs in Paris."
    assert names_in(text) == {"s4d", "hippo", "gpt-4", "path-x", "gpu"}


def test_a_name_is_found_in_any_case_and_spelled_out() -> None:
    assert holds_name("We train on Long-Range Arena with GPUs.", "lra")
    assert holds_name("We train on Long-Range Arena with GPUs.", "gpu")
    assert holds_name("top-1 on CIFAR100", "cifar-100")
    assert holds_name("GPT-4 writes", "gpt4")
    assert not holds_name("top-1 on CIFAR1000", "cifar-100")
    assert not holds_name("We use S4D.", "s4")
    assert not holds_name("the models", "lra")


def test_numbers_in_words_may_be_said_in_digits() -> None:
    assert numbers_said("a two-line change in 3 files") == {"2", "3"}


def test_a_capital_that_begins_no_sentence_makes_a_name() -> None:
    text = "Dear Professor Snodgrass, the Hopfield network is fast. It is: Good. On GPUs"
    assert proper_names_in(text) == {"professor", "snodgrass", "hopfield"}


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("It trains for 3 hours.", True),
        ("It trains for three hours.", True),
        ("It stores exponentially many patterns.", True),
        ("A single layer is enough.", True),
        ("It has multiple facets.", False),
        ("On the one hand it is one of the best.", False),
    ],
)
def test_a_text_tells_how_many_or_not(text: str, tells: bool) -> None:
    assert tells_number(text) is tells


def test_what_a_name_is_joined_with_is_no_part_of_it() -> None:
    assert names_in("Do S4-like layers beat ImageNet-trained ones?") == {"s4", "imagenet"}
    assert names_in("mice with Sf1-expressing neurons and anti-CD3") == {"sf1", "cd3"}
    assert names_in("Path-X, S5-PTD, CIFAR-100 and t-SNE") == {
        "path-x",
        "s5-ptd",
        "cifar-100",
        "t-sne",
    }
