"""Finding papers: dense and keyword search together, as a LangChain retriever."""

from __future__ import annotations

from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from rag.filters import Filters
from rag.late_interaction import max_sim, read_questions
from rag.library import Library
from rag.papers import RankedPaper, Vectors
from rag.store import PaperVectors

_CANDIDATES = 50
"""Papers that each of the two searches puts forward, at least."""

_FLOOR = 0.05
"""Share of a question's rare words that any paper covers by chance."""

_CHANCE, _SAME = 0.15, 0.8
"""How close words of any paper come to a question's, and its own words."""

_CONTEXT = 0.5
"""What the turn before counts beside a follow-up's own words."""


class PaperRetriever(BaseRetriever):
    """Hybrid search over a library, by paper.

    Both searches put papers forward. A paper's score is the mean of its similarity, its coverage
    and its interaction:

    - similarity: the mean of two cosines to the question, its closest passage's and its closest
      sentence's;
    - coverage: how much of the question's rare words it holds (BM25 as a share of the best there
      could be), less what any paper covers by chance;
    - interaction: how close its words come to the question's (`rag.late_interaction`), from 0 for
      those of any paper to 1 for the same words.

    Adding scores that mean the same for every question beats fusing ranks, which takes the best
    of bad keyword matches for as good as the best of good ones; `docs/retrieval.md` has the
    figures. As a LangChain retriever it returns a paper's abstract as ``page_content`` with its
    title, id and score as metadata.

    Attributes:
        k: how many papers to return.
        filters: which papers may be found.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    library: Library
    k: int = 8
    filters: Filters = Filters()

    def rank(
        self,
        question: str,
        context: str = "",
        filters: Filters | None = None,
        k: int | None = None,
    ) -> list[RankedPaper]:
        """The best papers for a question, best first.

        Args:
            k: how many, in the place of the retriever's own number.
            context: what a follow-up is about; searched beside the question.
            filters: which papers may be found, in the place of the retriever's own.
        """
        filters = self.filters if filters is None else filters
        within = self.library.select(filters) if filters else None
        k = self.k if k is None else k
        depth = max(_CANDIDATES, k)
        weights = {question: 1.0} | ({context: _CONTEXT} if context else {})
        keywords = self.library.keywords
        asked = read_questions(list(weights), self.library.encoder, keywords)
        coverages = [keywords.coverage(text) for text in weights]
        candidates: dict[str, None] = {}
        for text, coverage in zip(asked, coverages, strict=True):
            dense = self.library.closest(text.vector, depth, within)
            keyword = coverage.best(depth, within)
            candidates |= dict.fromkeys([*(paper for paper, _ in dense), *keyword])
        stored = self.library.vectors(list(candidates))
        words = [paper.words for paper in stored.values()]
        interactions = [max_sim(text, words) for text in asked]
        found = []
        for place, (paper_id, paper) in enumerate(stored.items()):
            similarities = [similarity(paper, text.vector) for text in asked]
            parts = [
                weight * _score(close, coverage.of(paper_id), interaction[place])
                for weight, close, coverage, interaction in zip(
                    weights.values(), similarities, coverages, interactions, strict=True
                )
            ]
            found.append((sum(parts) / sum(weights.values()), similarities[0], paper_id))
        best = sorted(found, key=lambda item: (-item[0], item[2]))[:k]
        papers = self.library.get([paper_id for *_, paper_id in best])
        return [
            RankedPaper(papers[paper_id], score, close)
            for score, close, paper_id in best
            if paper_id in papers
        ]

    def closest(self, text: str, filters: Filters | None = None) -> tuple[str, float]:
        """Id and score of the best paper for a text; empty and 0 where there is none."""
        best = self.rank(text, "", filters, 1)
        return (best[0].paper.id, best[0].score) if best else ("", 0.0)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **_: Any
    ) -> list[Document]:
        return [
            Document(
                page_content=found.paper.abstract,
                metadata={
                    "title": found.paper.title,
                    "paper_id": found.paper.id,
                    "score": found.score,
                },
            )
            for found in self.rank(query)
        ]


def _score(similarity: float, coverage: float, interaction: float) -> float:
    close = max(0.0, interaction - _CHANCE) / (_SAME - _CHANCE)
    return (similarity + max(0.0, coverage - _FLOOR) + close) / 3


def similarity(paper: PaperVectors, question: Vectors) -> float:
    """The mean of two cosines to the question: the closest passage's and the closest sentence's.

    A paper without an abstract has its title's alone.
    """
    passage = float(np.max(paper.passages @ question))
    if not len(paper.sentences):
        return passage
    return (passage + float(np.max(paper.sentences @ question))) / 2
