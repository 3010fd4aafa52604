"""Question sets: the format, other formats, and the set that comes along."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from eval.collections import read_collection
from eval.questions import Pointer, Question, read_question_set, read_questions, spread
from rag.errors import SourceError
from rag.papers import Paper
from rag.sample import sample_papers
from rag.text import split_sentences


def test_a_csv_of_ones_own_is_a_question_set(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "question,titles,facts,type\n"
        "How fast is it?,Kestrel;Wren,71.5|71.5%;3 Hours,number\n"
        "What is an orchid?,,,\n",
        encoding="utf-8",
    )
    first, second = read_questions(file)
    assert first.titles == ("Kestrel", "Wren")
    assert first.facts == (("71.5", "71.5%"), ("3 hours",))
    assert (first.type, second.type, second.answerable) == ("number", "question", False)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "a"}', "question: Field required"),
        ('{"id": "a", "question": "?", "facs": []}', "facs: Extra inputs are not permitted"),
        ('{"id": "a", "question": "?"}\n{"id": "a", "question": "??"}', "given before"),
        ("not JSON", "Invalid JSON"),
        ("", "has no questions"),
    ],
)
def test_what_is_no_question_is_said_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(line, encoding="utf-8")
    with pytest.raises(SourceError, match=said):
        read_questions(file)


def test_a_pointer_means_a_sentence_by_its_words_or_by_a_quotation() -> None:
    by_words = Pointer(title="T", holds=("71.5", "riverbench"))
    assert by_words.fits("It reaches 71.5% on RiverBench.")
    assert not by_words.fits("It reaches 71.5%.")
    by_quote = Pointer(id="7", quote="It  reaches 71.5%.\nIt is small.")
    assert by_quote.fits("It is small.")
    assert not by_quote.fits("It is large.")
    assert by_quote.is_of(Paper("Any", "", source_id="7"))
    assert not by_words.is_of(Paper("Any", "", source_id="7"))
    assert not Pointer(title="T").fits("Anything.")


def test_a_few_questions_are_spread_over_the_types() -> None:
    asked = [Question(id=f"{t}{i}", type=t, question="?") for t in "ab" for i in range(10)]
    some = spread(asked, 4)
    assert Counter(q.type for q in some) == {"a": 2, "b": 2}
    assert spread(asked, 99) == asked
    assert [q.id for q in some] == sorted(q.id for q in some)


def test_answers_of_pubmedqa_and_bioasq_are_read(tmp_path: Path) -> None:
    """Lines in the shape of both, made up."""
    (tmp_path / "corpus.jsonl").write_text(
        json.dumps({"_id": "1", "title": "A", "text": "Moss grows on stone. Ferns do not."})
        + "\n"
        + json.dumps({"_id": "2", "title": "B", "text": "Lichen too."}),
        encoding="utf-8",
    )
    lines = [
        {
            "_id": "p",
            "text": "Does moss grow on stone?",
            "answer": "yes",
            "long_answer": "It does.",
        },
        {
            "_id": "b",
            "text": "What grows on stone?",
            "type": "list",
            "exact_answer": [["Moss", "Bryophyta"], ["lichen"]],
            "ideal_answer": ["Moss and lichen do."],
            "snippets": [{"doc": "1", "text": "Moss grows on stone."}],
        },
        {
            "_id": "f",
            "text": "What does not?",
            "type": "factoid",
            "exact_answer": ["Fern", "ferns"],
        },
        {"_id": "s", "text": "Moss grows on stone.", "label": "SUPPORT"},
        {"_id": "n", "text": "Moss never grows on roofs.", "label": "NEI"},
        {"_id": "unjudged", "text": "?"},
    ]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text(
        "q\td\ts\np\t1\t1\nb\t1\t1\nb\t2\t1\nf\t1\t1\nf\t2\t0\ns\t1\t1\nn\t1\t1\n"
    )
    yes, listed, factoid, claim, unsaid = read_collection(tmp_path, tmp_path).questions()
    assert (yes.type, yes.expected, yes.reference, yes.ids) == ("yesno", "yes", "It does.", ("1",))
    assert listed.facts == (("moss", "bryophyta"), ("lichen",))
    assert listed.evidence == (Pointer(id="1", quote="Moss grows on stone."),)
    assert listed.reference == "Moss and lichen do."
    assert (factoid.ids, factoid.expected) == (("1",), "")
    assert (claim.type, claim.ids) == ("claim", ("1",))
    assert (unsaid.type, unsaid.ids) == ("near-miss", ())


SET = read_question_set()


def test_the_set_has_both_parts_and_all_types() -> None:
    parts = Counter(q.part for q in SET.questions)
    assert parts["tune"] >= 200
    assert parts["report"] >= 150
    reported = Counter(q.type for q in SET.questions if q.part == "report")
    assert set(reported) == {
        "fact",
        "number",
        "paraphrase",
        "comparison",
        "list",
        "follow-up",
        "near-miss",
        "off-topic",
        "injection",
    }
    assert reported["injection"] >= 40
    assert len({q.question for q in SET.questions if not q.history}) == len(
        [q for q in SET.questions if not q.history]
    )


def test_what_the_set_calls_right_stands_in_the_starter_papers() -> None:
    papers = {paper.title: paper for paper in sample_papers()}
    for question in SET.questions:
        assert bool(question.titles) == bool(question.facts), question.id
        text = " ".join(f"{t} {papers[t].abstract}" for t in question.titles)
        assert all(question.facts_in(text)), question.id
        said = f"{question.reference} These papers do not say."
        assert not any(question.forbidden_in(said)), question.id
        for pointer in question.evidence:
            sentences = split_sentences(papers[pointer.title].abstract)
            assert 1 <= sum(pointer.fits(s.text) for s in sentences) <= 2, question.id


def test_the_set_about_other_fields_has_all_five_kinds_of_each_abstract() -> None:
    path = Path(str(files("eval").joinpath("data/questions-elsewhere.jsonl")))
    asked = read_question_set(path).questions
    kinds = Counter("claim" if q.type == "counterclaim" else q.type for q in asked)
    assert kinds == dict.fromkeys(("claim", "near-miss", "question", "paraphrase", "yesno"), 272)
    assert len({q.question for q in asked}) == len(asked)
    for question in asked:
        assert question.part == "tune", question.id
        assert question.answerable is (question.type != "near-miss"), question.id
        assert {p.id for p in question.evidence} <= set(question.ids), question.id
        if question.type == "yesno":
            assert question.expected in ("yes", "no"), question.id
