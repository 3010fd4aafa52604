"""MaxSim: the words of a question beside those of a paper."""

from __future__ import annotations

import numpy as np
import pytest
from writer import WordEncoder

from rag.embedding import unit
from rag.late_interaction import Asked, max_sim, read_questions, signs
from rag.library import Library
from rag.papers import Paper, Vectors
from rag.retrieval import PaperRetriever
from rag.store import KeywordIndex, content_words


def test_words_are_those_that_say_something() -> None:
    text = "The Models of GPT-4 were running"
    assert {text[a:b]: stem for (a, b), stem in content_words(text).items()} == {
        "Models": "model",
        "GPT": "gpt",
        "4": "4",
        "running": "run",
    }


def test_of_a_vector_the_signs_are_kept() -> None:
    vectors = np.array([[0.5, -0.1, 0.2, -0.3] * 4], dtype=np.float32)
    assert signs(vectors).tolist() == [[0b10101010, 0b10101010]]


def test_each_word_counts_by_the_closest_one() -> None:
    rng = np.random.default_rng(0)
    words = unit(rng.standard_normal((3, 384)).astype(np.float32))
    asked = Asked(words[0], words[:2], np.array([0.75, 0.25], dtype=np.float32))
    nothing, both, first, neither = max_sim(
        asked, [signs(words[i]) for i in ([], [0, 1], [0], [2])]
    )
    assert both == pytest.approx(0.8, abs=0.05)
    assert first == pytest.approx(0.6, abs=0.05)
    assert neither == pytest.approx(0.0, abs=0.1)
    assert nothing == 0
    assert max_sim(asked, [signs(words[:0])]) == [0]
    assert max_sim(asked, []) == []


def test_rare_words_of_a_question_count_more(three_papers: list[Paper]) -> None:
    keywords = KeywordIndex.build(three_papers)
    (asked,) = read_questions(["zebra parameters"], WordEncoder(), keywords)
    assert asked.words.shape == (2, 384)
    assert asked.weights.sum() == pytest.approx(1)
    assert asked.weights[0] >= asked.weights[1]


def test_a_question_of_stop_words_is_searched_as_one(three_papers: list[Paper]) -> None:
    (asked,) = read_questions(["what is it"], WordEncoder(), KeywordIndex.build(three_papers))
    assert np.array_equal(asked.words[0], asked.vector)
    assert asked.weights.tolist() == [1]


@pytest.mark.models
def test_parts_are_pooled_from_their_own_tokens(library: Library) -> None:
    encoder = library.encoder
    text = "Wren sings. Kestrel dives."
    (whole,), (parts,) = encoder.encode_parts([text], [[(0, 11), (12, 26), (0, 4), (26, 26)]])
    assert parts.shape == (4, 384)
    assert np.allclose(np.linalg.norm(parts, axis=1), 1, atol=1e-5)

    def cosine(a: Vectors, b: Vectors) -> float:
        return float(a @ b)

    assert cosine(parts[0], parts[2]) > cosine(parts[1], parts[2])
    assert np.allclose(parts[3], whole, atol=1e-5)  # of which no token was read


@pytest.mark.models
def test_words_of_the_same_meaning_find_a_paper(
    library: Library, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    stored = library.vectors([paper.id for paper in three_papers])
    (asked,) = read_questions(["pictures of ponds"], library.encoder, library.keywords)
    closeness = max_sim(asked, [stored[paper.id].words for paper in three_papers])
    assert max(closeness) == closeness[2]
    assert PaperRetriever(library=library).rank("pictures of ponds")[0].paper == three_papers[2]
