"""Numbers and names are told from other words."""

import pytest

from rag.names import (
    holds_name,
    introduces_name,
    names_asked,
    names_in,
    numbers_in,
    numbers_said,
    proper_names_in,
    tells_figure,
    tells_number,
)


def test_numbers_are_read_without_their_dress() -> None:
    text = r"It averages 85\% of 1,000 runs, 87.6 on Path-X (S4D, 2x) in 30s."
    assert numbers_in(text) == {"85", "1000", "87.6", "2", "30"}


def test_a_number_in_a_word_is_no_figure() -> None:
    assert tells_figure("It reaches 77% on a 5-qubit chip.")
    assert tells_figure("It gains 10-20% on CIFAR-10.")
    assert not tells_figure("It runs on a 5-qubit chip with 64-dimensional codes.")
    assert not tells_figure("It leads with a ResNet-20 on CIFAR-10 and OAK-10.5b.")
    assert not tells_figure("It is strongest in GPT-4o and Qwen2.5-Coder-32B-Instruct.")


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


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Blocking PD‐1 in tumours", "pd1"),
        ("secretion of TNF-α", "tnf-alpha"),
        ("PPARγ ligands", "ppar-gamma"),
        ("experiments on CIFAR-10/100 and SVHN", "cifar-100"),
        ("experiments on CIFAR-10/100 and SVHN", "cifar-10"),
        ("Oct4 is a transcription factor", "oct3/4"),
        ("MyD88 or CD40 signals", "myd88/cd40"),
        ("BRCA1 carriers", "brca"),
        ("the T helper 2 environment", "th2"),
        ("men who have sex with men", "msm"),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, name: str) -> None:
    assert holds_name(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("the S5 layer and others", "s5-ptd"),
        ("GPT writes", "gpt-4"),
        ("CIFAR-10/100", "cifar-1000"),
        ("a path to it", "path-x"),
        ("the helper 2", "th2"),
    ],
)
def test_another_name_is_none(text: str, name: str) -> None:
    assert not holds_name(text, name)


@pytest.mark.parametrize(
    ("title", "abstract", "own"),
    [
        ("S4D: a diagonal model", "It is small.", True),
        ("Diagonal models", "Our final model S4D is small.", True),
        ("Diagonal models", "We present a small model, called S4D.", True),
        ("Robust models", "Our models withstand noise, a property that S4D lacks.", False),
        ("Diagonal models", "The S4D authors keep it small.", True),
        ("Robust models", "We compare with S4D.", False),
    ],
)
def test_a_paper_gives_its_own_a_name(title: str, abstract: str, own: bool) -> None:
    assert introduces_name(title, abstract, "s4d") is own


def test_names_asked_for_are_not_those_that_the_question_explains() -> None:
    assert names_asked("Who treats inflammatory eye disease (IED) in the UK?") == set()
    assert names_asked("Does the language model (GPT-4) know mRNAs?") == {"gpt-4"}
    assert names_asked("Does HiPPO use HSC-T cells in IL-1β?") == {"hippo", "hsc-t", "il-1beta"}


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
        ("It has a 3D architecture.", False),
        ("On the one hand it is one of the best.", False),
        ("One and the same model may infer them zero-shot, one by one.", False),
        ("Zero errors are left.", True),
        ("It takes log N qubits.", True),
        ("It writes a log of each run.", False),
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


def test_long_words_and_repetitions_take_no_time() -> None:
    long = "a" * 20_000
    assert names_asked(long) == set()
    assert names_asked("a " * 10_000 + "(IED)") == {"ied"}
    assert not holds_name("x " + "a " * 5_000, "xaaaa9")
    assert not holds_name(long, "aaa")
