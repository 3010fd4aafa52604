"""Sentences keep their exact place; passages fit the encoder."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import split_passages, split_sentences


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(text)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["We use methods, e.g. Adam, and others.", "They work."],
        ["Smith et al. showed this.", "We extend it."],
        ["Our model is S4D.", "It is simple."],
        ["Accuracy rises by 0.5 points to 3.14.", "The rest is noise."],
        [r"It averages 85\% on the benchmark.", "Code is available."],
        ["We prompt with a <SEG> token.", "<SEG> is then decoded."],
        ["Code is at https://example.org/a.b/c.html.", "We hope it helps."],
        ["As Fig. 3 and Eq. 2 show, it holds.", "Is it new?", "Yes!", "We think so."],
        ["It beats GPT-4 vs. Llama.", "mLSTM is a variant.", "$\\mu$ is the mean."],
        ["The work of J. Smith was early.", "(See also the appendix.)"],
        ["In 2020.", "Later came more, i.i.d. data etc. and so on."],
    ],
)
def test_sentences_end_where_a_reader_ends_them(sentences: list[str]) -> None:
    assert texts(" ".join(sentences)) == sentences


def test_a_blank_line_ends_a_sentence() -> None:
    assert texts("Background\n\nWe study birds. They fly") == [
        "Background",
        "We study birds.",
        "They fly",
    ]


@given(st.text(alphabet=st.sampled_from("aA. \n!?\"')(1<$\\%é…"), max_size=200))
def test_nothing_but_white_space_lies_between_sentences(text: str) -> None:
    at = 0
    for sentence in split_sentences(text):
        assert text[at : sentence.start].strip() == ""
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip() != ""
        at = sentence.end
    assert text[at:].strip() == ""


def words(text: str) -> list[tuple[int, int]]:
    """A tokenizer of one token a word."""
    return [match.span() for match in re.finditer(r"\S+", text)]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(10, 60))
def test_passages_hold_whole_sentences_within_the_limit(lengths: list[int], limit: int) -> None:
    abstract = " ".join(" ".join(["Word"] * n) + "." for n in lengths)
    sentences = split_sentences(abstract)
    passages = split_passages("A title", abstract, sentences, words, limit)
    assert all(len(words(passage.text)) <= limit for passage in passages)
    assert all(abstract[p.start : p.end] in p.text for p in passages)
    kept = " ".join(abstract[p.start : p.end] for p in passages)
    assert kept.split() == abstract.split()
    edges = {s.start for s in sentences if len(words(s.text)) <= limit - 2}
    long = any(len(words(s.text)) > limit - 2 for s in sentences)
    assert long or {p.start for p in passages} <= edges


def test_a_paper_without_sentences_is_found_by_its_title() -> None:
    (passage,) = split_passages("Only a title", "", [], words, 20)
    assert passage.text == "Only a title"


def test_an_endless_title_is_cut_for_the_encoder() -> None:
    title = "word " * 500
    passages = split_passages(title, "A sentence.", split_sentences("A sentence."), words, 100)
    assert all(len(words(passage.text)) <= 100 for passage in passages)
