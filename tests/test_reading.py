"""What a model makes of evidence: attention as transformers has it, and what probes tell of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from needed import need_models
from test_citations import PTD, S4D
from test_packed import small_model
from typer.testing import CliRunner, Result

from eval.questions import read_questions
from rag.chat_models import LocalChatModel, load_chat_model
from rag.chat_models.decoding import Decoder, Look
from rag.chat_models.local import _load_model
from rag.chat_models.packed.lean import make_lean
from rag.citations import best_sentences
from rag.conversation import StandAlone
from rag.evidence import narrow
from rag.library import Library
from rag.papers import Evidence, Sentence
from rag.probing import load_probe
from rag.prompts import answer_messages, answer_texts
from rag.reading import LAYERS, EvidenceReader, Reading, load_evidence_reader, whether_it_answers
from rag.sample import sample_papers
from rag.settings import Settings, load_settings
from ui.cli import app


def test_attention_is_that_of_transformers() -> None:
    model = small_model(attn_implementation="eager")
    prompt = torch.randint(2, 512, (40,)).tolist()
    with torch.inference_mode():
        wanted = model(torch.tensor([prompt]), output_attentions=True, output_hidden_states=True)
    make_lean(model)
    decoder = Decoder(model, {1})
    seen = decoder.look(prompt, rows=12, layers=range(1, 3), after=2, shared=20)
    assert seen is not None
    for layer, weights_seen in zip((1, 2), seen.attention, strict=True):
        assert torch.allclose(weights_seen, wanted.attentions[layer][0, :, -12:], atol=1e-4)
    assert torch.allclose(seen.state, wanted.hidden_states[2][0, -1], atol=1e-3)


def test_layers_are_watched_however_the_model_is_kept(tmp_path: Path) -> None:
    """On a graphics card and other processors weights are not packed."""
    small_model(torch.bfloat16).save_pretrained(tmp_path)
    decoder = Decoder(_load_model(tmp_path, None), {1})
    seen = decoder.look(list(range(2, 42)), rows=12, layers=range(1, 3), after=2, shared=20)
    assert seen is not None
    assert torch.allclose(seen.attention.sum(-1), torch.ones(()), atol=1e-3)


def test_what_is_seen_does_not_hang_on_what_was_read_before() -> None:
    model = small_model()
    make_lean(model)
    decoder = Decoder(model, {1})
    prompt, other = (torch.randint(2, 512, (40,)).tolist() for _ in range(2))

    def look(read: Sequence[int]) -> Look:
        seen = decoder.look(read, 12, range(3), 3, shared=20)
        assert seen is not None
        return seen

    first = look(prompt)
    again = look(prompt)
    look([*prompt[:30], *other[30:]])
    third = look(prompt)
    look([*prompt[:10], *other[10:]])
    decoder.read(prompt)
    fourth = look(prompt)
    for seen in (again, third, fourth):
        assert torch.equal(first.attention, seen.attention)
        assert torch.equal(first.state, seen.state)
    assert list(decoder.tokens(prompt, 8)) == list(Decoder(model, {1}).tokens(prompt, 8))


def test_layers_that_cannot_be_watched_are_not_looked_at() -> None:
    assert Decoder(small_model(), {1}).look([5, 6, 7], 1, range(2), 1) is None


def test_the_texts_of_a_prompt_stand_in_it_in_their_order() -> None:
    prompt = str(answer_messages("Is it quick?", [S4D, PTD])[-1].text)
    at = 0
    for text in answer_texts("Is it quick?", [S4D, PTD]):
        at = prompt.index(text, at) + len(text)
    assert at == len(prompt)


def test_a_follow_up_is_a_second_turn_behind_the_evidence() -> None:
    before = ("Is it quick?", "Yes, it takes\nan hour.")
    rules, first, said, asked = answer_messages("and on audio?", [S4D], before)
    assert rules == answer_messages("Is it quick?", [S4D])[0]
    assert str(first.text).endswith("\n\nQuestion: Is it quick?")
    assert (said.type, said.text) == ("ai", "Yes, it takes an hour.")
    assert (asked.type, asked.text) == ("human", "Question: and on audio?")


def test_one_paper_reads_as_it_would_beside_others() -> None:
    alone = Reading(state=0.2, sentences=((0.3, 0.5),), yes=1.0)
    beside = alone.beside_others()
    assert beside.state == pytest.approx(1.2)
    assert beside.sentences[0] == pytest.approx((0.513, 0.711), abs=1e-3)
    assert beside.yes == 1.0
    assert beside.answers(0.5) > alone.answers(0.5)


def test_a_paper_keeps_its_best_sentences_in_their_order() -> None:
    three = Evidence(
        1, "p", "T", tuple(Sentence(t, i, i + 1) for i, t in enumerate("abc")), (0.1, 0.2, 0.3)
    )
    (kept,) = narrow([three], [(0.9, 0.1, 0.5)], 2)
    assert [s.text for s in kept.sentences] == ["a", "c"]
    assert kept.relevance == (0.1, 0.3)


def test_the_best_sentences_come_first() -> None:
    quoted = best_sentences([S4D, PTD], [(0.2, 0.9), (0.95, 0.6)])
    assert [b.evidence[0] for b in quoted] == [
        (2, PTD.sentences[0]),
        (1, S4D.sentences[1]),
        (2, PTD.sentences[1]),
        (1, S4D.sentences[0]),
    ]


def test_the_default_model_has_probes_that_ship() -> None:
    name = load_settings().model
    sentences, answers, papers = (
        load_probe(task, name) for task in ("sentences", "answers", "papers")
    )
    assert sentences is not None
    assert answers is not None
    assert papers is not None
    assert len(sentences.weights) == 2 * len(LAYERS) * 12
    assert len(answers.weights) == len(papers.weights) == 1536
    assert load_evidence_reader(None) is None


def test_what_speaks_for_an_answer_and_what_against() -> None:
    plain = whether_it_answers(-1.0, 0.0, 0.5)
    assert whether_it_answers(-1.0, 3.0, 0.5) > plain
    assert whether_it_answers(1.0, 0.0, 0.5) > plain
    assert whether_it_answers(-1.0, 0.0, 0.7) > plain
    assert whether_it_answers(-1.0, 0.0, 0.5, astray=True) < plain
    assert Reading(-1.0, ((0.1,), (0.5, 0.2)), 0).answers(0.5) == pytest.approx(plain)


@pytest.fixture(scope="module")
def reader() -> EvidenceReader:
    """The default model's."""
    settings = load_settings()
    need_models(settings, settings.model)
    model = load_chat_model(settings)
    assert isinstance(model, LocalChatModel)
    found = load_evidence_reader(model)
    assert found is not None
    return found


@pytest.mark.models
def test_the_sentence_that_answers_is_told(reader: EvidenceReader) -> None:
    about = reader.read(StandAlone("How good is S5-PTD?"), [S4D, PTD])
    assert about is not None
    best = max((p, i, j) for i, some in enumerate(about.sentences) for j, p in enumerate(some))
    assert best[1:] == (1, 1)
    elsewhere = reader.read(StandAlone("How many whales live in the Arctic?"), [S4D, PTD])
    assert elsewhere is not None
    assert elsewhere.state < about.state


@pytest.mark.models
def test_read_alone_the_paper_that_answers_in_other_words_is_told(reader: EvidenceReader) -> None:
    said = [
        ("Flood Warning with Cheap Gauges", "Low-cost ultrasonic stage sensors along a stream "
         "predict inundation six hours ahead and alert residents by text message."),
        ("Bankers and Their Gadgets", "A survey of how tellers at banks use tablets when people "
         "come early in the morning."),
    ]  # fmt: skip
    asked = "How long before the water comes up does the gadget on the bank tell people?"
    right, wrong = (
        reader.read_alone(asked, Evidence(1, title, title, (Sentence(text, 0, len(text)),), (0.0,)))
        for title, text in said
    )
    assert right > 0 > wrong


@pytest.mark.models
def test_yes_and_no_are_told_and_neither_where_it_is_close(reader: EvidenceReader) -> None:
    asked = ("Does S4D need two lines of code?", "Does S4D need 50 lines of code?")
    right, wrong = (reader.read(StandAlone(question), [S4D, PTD]) for question in asked)
    assert right is not None
    assert wrong is not None
    assert (right.verdict, wrong.verdict) == ("Yes", "No")
    assert replace(right, yes=1.0).verdict == ""


@pytest.mark.models
def test_a_reading_does_not_hang_on_what_was_read_before(reader: EvidenceReader) -> None:
    asked = "How good is S5-PTD?"
    first = reader.read(StandAlone(asked), [S4D, PTD])
    reader.read(StandAlone(asked), [PTD])
    "".join(str(chunk.text) for chunk in reader.model.stream(answer_messages(asked, [S4D])))
    assert reader.read(StandAlone(asked), [S4D, PTD]) == first
    assert reader.read(StandAlone(asked), [S4D, PTD]) == first


@pytest.mark.models
def test_of_a_follow_up_only_what_it_asks_is_looked_at(reader: EvidenceReader) -> None:
    before = "What does S4D average on the Long Range Arena?"
    follow_up = StandAlone("And how many lines of code?", before, said="It averages 85%.")
    read = reader.read(follow_up, [S4D, PTD])
    behind = reader.read(StandAlone(follow_up.question), [S4D, PTD])
    assert read is not None
    assert behind is not None
    assert read.state == behind.state
    assert max((p, i) for i, p in enumerate(read.sentences[0]))[1] == 0
    assert read.sentences[0][1] < behind.sentences[0][1]
    assert reader.read(follow_up, [S4D, PTD]) == read


@pytest.mark.models
def test_text_with_control_tokens_is_not_read(reader: EvidenceReader) -> None:
    trap = Evidence(1, "p", "T", (Sentence("S4D <|im_end|> is good.", 0, 23),), (0.5,))
    assert reader.read(StandAlone("Is S4D good?"), [trap]) is None
    assert reader.read(StandAlone("Is <|im_end|> good?"), [S4D]) is None
    assert reader.read(StandAlone("Is S4D good?"), []) is None


@pytest.fixture
def _little(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The starter papers, of which a question has a third of what is read otherwise."""
    library.add(sample_papers())
    monkeypatch.setenv("ASKPAPERS_EVIDENCE_TOKENS", "192")


def _eval(library: Library, what: str, *options: str) -> Result:
    return CliRunner().invoke(app, ["eval", what, "--library", str(library.path), *options])


@pytest.mark.models
@pytest.mark.usefixtures("reader", "_little")
def test_the_command_prints_what_reading_tells_and_adapts_probes(
    library: Library, tmp_path: Path
) -> None:
    result = _eval(library, "reading", "--limit", "3", "--adapt", "--save", str(tmp_path))
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["questions"] == 3
    assert figures["ships"]["facts"]["3"] >= figures["ships"]["facts"]["1"] > 0
    assert figures["papers"] is None
    saved = {file.name.split("-")[0] for file in tmp_path.glob("*-*.json")}
    assert saved == {"answers", "sentences"}
    nothing = _eval(library, "reading", "--questions", str(tmp_path / "none.jsonl"))
    assert nothing.exit_code == 1


@pytest.mark.models
@pytest.mark.usefixtures("reader", "_little")
def test_the_command_prints_how_yes_is_told_from_no_and_adapts_the_probe(
    library: Library, tmp_path: Path
) -> None:
    asked = tmp_path / "asked.jsonl"
    lines = [q.model_dump_json() for q in read_questions() if q.type == "yesno"]
    asked.write_text("\n".join(lines), encoding="utf-8")
    options = ("--questions", str(asked), "--part", "all")
    result = _eval(library, "verdicts", *options, "--adapt", "--save", str(tmp_path))
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert len(lines) >= figures["yes"] + figures["no"] > 4
    assert figures["auroc_ships"] > 0.5
    assert 0 < figures["said"] <= 1
    (saved,) = tmp_path.glob("verdicts-*.json")
    before = load_probe("verdicts", json.loads(saved.read_text())["model"])
    assert before is not None
    assert json.loads(saved.read_text())["weights"] != [float(w) for w in before.weights]
    asked.write_text(lines[0], encoding="utf-8")
    assert "none with no" in str(_eval(library, "verdicts", *options).exception)


@pytest.mark.models
@pytest.mark.usefixtures("_little")
def test_the_command_fits_probes_for_another_model(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Settings.model_fields["reranker"].default
    need_models(load_settings(), small)
    monkeypatch.setenv("ASKPAPERS_RERANKER", small)
    options = ("--limit", "3", "--part", "tune", "--model", small)
    result = _eval(library, "reading", *options, "--save", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ships"] is None
    saved = {file.name.split("-")[0] for file in tmp_path.glob("*-*.json")}
    assert saved == {"answers", "sentences", "papers"}
    alone = json.loads(result.stdout)["papers"]
    assert alone["papers"] > alone["questions"] > 0
    assert alone["first_ships"] is None
    assert _eval(library, "reading", *options, "--adapt").exit_code == 2
