"""The page's parts without a browser: what is kept, written out, and turned into HTML."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bibtexparser
import gradio as gr
import pytest
from arxiv_server import Server, arxiv_server
from hypothesis import example, given
from hypothesis import strategies as st
from scripted import ScriptedModel

from eval.questions import read_questions
from rag.conversations import Conversation, Shelf, Shown, Turn
from rag.errors import AskpapersError, ModelError
from rag.exports import bibtex
from rag.exports.markdown import conversation_markdown, turn_markdown
from rag.library import Library
from rag.papers import Answer, Citation, Paper, Sentence, Timings
from rag.settings import Settings, load_settings
from rag.sources import read_source
from rag.suggestions import suggest
from ui.page.adding import add_papers, as_source
from ui.page.answer_view import transcript
from ui.page.desk import Desks
from ui.page.engine import Engine
from ui.page.feedback import keep_feedback
from ui.page.layout import _filled_in, _values
from ui.page.markup import abstract, byline, is_link
from ui.page.maths import with_maths
from ui.page.preferences import Preferences, keep_preferences, read_preferences
from ui.page.rail import model_state
from ui.page.waiting_line import WaitingLine

__all__ = ["arxiv_server"]

PAPER = Paper(
    title="Kestrel & Co: 100% of $x_i$ for #1",
    abstract="One comes first. Two follows.",
    authors=("Ada Gu", "Bo Li"),
    year=2021,
    venue="NeurIPS",
    url="https://doi.org/10.1000/x_y",
    source_id="gu21:kestrel",
    source="mine.bib",
)
OTHER = Paper(title="Wren", abstract="Wren sings.", source_id="gu21:kestrel", source="a.ris")
SENTENCE = Sentence("One comes first.", 0, 16)


def turn(question: str = "What comes first?", support: str = "supported") -> Turn:
    answer = Answer(
        question=question,
        standalone_question=question,
        answer="One comes first [1]. “Not [1] a mark” [2](javascript:alert(1)).",
        abstained=False,
        reason="",
        citations=(Citation(1, PAPER.title, PAPER.id, support, (SENTENCE,)),),  # type: ignore[arg-type]
        filters="",
        retrieved=(),
        left_out=(),
        timings=Timings(0, 0, 0, 0, 0),
        model="scripted",
    )
    shown = (Shown(PAPER.id, PAPER, 0.7, (SENTENCE,)), Shown(OTHER.id, OTHER, 0.3))
    return Turn(question, answer, shown=shown)


def test_a_conversation_comes_back_exactly_as_it_was(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "kept")
    kept = Conversation.new().with_turns([turn(), Turn("And then?", trouble="Stopped.")])
    shelf.keep(kept)
    assert Shelf(tmp_path / "kept").get(kept.id) == kept
    assert kept.name == "What comes first?"
    assert [path.suffix for path in (tmp_path / "kept").iterdir()] == [".json"]


def test_conversations_are_found_by_their_words_and_deleted(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    one = Conversation.new().with_turns([turn("What sings?")])
    other = Conversation.new().with_turns([turn("What swims?")]).renamed("Fish")
    shelf.keep(one)
    shelf.keep(other)
    assert shelf.find("fish SWIMS") == [other]
    assert len(shelf.find("")) == 2
    shelf.delete(other.id)
    assert shelf.all() == [one]


def test_a_broken_file_or_a_path_for_an_id_does_no_harm(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / f"{'0' * 32}.json").write_text("{broken")
    (tmp_path / "secret.json").write_text("{}")
    assert shelf.all() == []
    assert shelf.get("../secret") is None
    shelf.delete("../secret")
    assert (tmp_path / "secret.json").exists()


def test_bibtex_has_the_readers_own_keys_and_reads_back(tmp_path: Path) -> None:
    text = "".join(bibtex.write([PAPER, OTHER, replace(OTHER, title="Wren again")]))
    entries = bibtexparser.parse_string(text).entries
    assert [entry.key for entry in entries] == ["gu21:kestrel", "gu21:kestrel-2", "gu21:kestrel-3"]
    assert entries[0].entry_type == "inproceedings"
    file = tmp_path / "out.bib"
    file.write_text(text.replace("title =", "abstract = {Some.}, title =", 1))
    read = next(iter(read_source(file)))
    assert isinstance(read, Paper)
    assert (read.title, read.authors, read.year, read.venue) == (
        PAPER.title,
        PAPER.authors,
        PAPER.year,
        PAPER.venue,
    )


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C",)), max_size=60))
@example("\\")
@example("\\\\")
def test_any_title_makes_bibtex_that_parses(title: str) -> None:
    text = "".join(bibtex.write([replace(PAPER, title=f"T {title}")]))
    library = bibtexparser.parse_string(text)
    assert not library.failed_blocks
    assert [entry.key for entry in library.entries] == ["gu21:kestrel"]


def test_markdown_keeps_the_marks_and_shows_the_rest_literally() -> None:
    text = turn_markdown(turn())
    assert "One comes first [1]." in text
    assert "](javascript" not in text.replace("\\](javascript", "")
    assert "> One comes first." in text
    whole = Conversation.new().with_turns([turn(), turn("Again?")])
    assert conversation_markdown(whole).count("## ") == 2


def test_only_the_programs_own_marks_are_live() -> None:
    html = transcript(Conversation.new().with_turns([turn()]), ())
    assert html.count('class="cite"') == 1
    assert "[2](javascript" in html
    weak = transcript(Conversation.new().with_turns([turn(support="weak")]), ())
    assert "[1△]" in weak


def test_evidence_is_marked_only_where_it_stands() -> None:
    assert "<mark>One comes first.</mark> Two" in abstract(PAPER.abstract, [SENTENCE])
    moved = Sentence("One comes first.", 3, 19)
    assert "<mark>" not in abstract(PAPER.abstract, [moved])


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", 'https://x/"onclick="', "ftp://x"]
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert not is_link(url)
    assert "<a " not in byline(replace(PAPER, url=url))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("$x_i^2$", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
        (r"$O(n \log n)$", "<mi>log</mi>"),
        (r"$\mathbb{R}^{d}$", "ℝ"),
        (r"$\frac{1}{2}$", "<mfrac>"),
        (r"$\epsilon \leq 10^{-3}$", "<mo>≤</mo>"),
    ],
)
def test_maths_is_shown_as_maths(text: str, made: str) -> None:
    assert made in with_maths(text)
    assert "$" not in with_maths(text)


@pytest.mark.parametrize(
    "text", ["it costs $5 and $6", r"$\unknown{x}$", "$x", r"$\href{javascript:1}{x}$", "$a_$"]
)
def test_what_is_not_understood_stays_as_it_was_written(text: str) -> None:
    assert with_maths(text) == text


@given(st.text(alphabet="$\\{}_^ax1 <>&\"'()frac", max_size=40))
def test_no_text_gets_markup_through_the_maths(text: str) -> None:
    html = with_maths(text)
    for tag in html.split("<")[1:]:
        name = tag.lstrip("/").split(">")[0].split(" ")[0]
        assert name.startswith("m")


def test_suggestions_come_from_the_papers() -> None:
    asked = suggest([PAPER.title, "CX-ToM: Counterfactual Explanations", OTHER.title])
    assert "What does CX-ToM do?" in asked
    assert len(asked) <= 4
    assert suggest([]) == []


def test_those_who_wait_go_in_the_order_they_came() -> None:
    line = WaitingLine(most=2)
    line.join("first")
    line.join("second")
    with pytest.raises(AskpapersError, match="waiting already"):
        line.join("third")
    assert list(line.places("first")) == []
    places = line.places("second")
    assert next(places) == 1
    threading.Timer(0.05, line.leave, ["first"]).start()
    assert set(places) <= {1}


def test_settings_of_the_page_are_kept_and_bad_ones_passed_over(tmp_path: Path) -> None:
    settings = load_settings()
    path = tmp_path / "page" / "settings.json"
    assert read_preferences(path, settings) == Preferences.of(settings)
    wanted = replace(Preferences.of(settings), caution=0.9, since=2020, author="Gu", quote=True)
    keep_preferences(path, wanted)
    assert read_preferences(path, settings) == wanted
    assert wanted.over(settings).caution == 0.9
    assert wanted.over(settings).quote
    assert str(wanted.filters) == "since 2020, by Gu"
    kept = json.loads(path.read_text())
    del kept["quote"]  # as it was before quotations could be chosen
    path.write_text(json.dumps(kept))
    assert read_preferences(path, settings) == replace(wanted, quote=False)
    path.write_text("{}")
    assert read_preferences(path, settings) == Preferences.of(settings)


def test_quotations_wait_for_no_model(
    library: Library, settings: Settings, three_papers: list[Paper]
) -> None:
    library.add(three_papers)
    arrives = threading.Event()

    def open_model(chosen: Settings, report: object) -> ScriptedModel:
        arrives.wait()
        raise ModelError("No model.", "Choose another.")

    engine = Engine(library, settings, open_model)
    engine.start()
    quoting = replace(Preferences.of(settings), quote=True)
    question = "What accuracy does Kestrel reach?"
    before = engine.answerer(quoting).answer(question)
    assert "71.5% accuracy on RiverBench" in before.answer
    assert before.model == "none, quotations only"
    arrives.set()
    engine.wait()
    with pytest.raises(ModelError):
        engine.answerer(Preferences.of(settings))
    assert engine.answerer(quoting).answer(question).answer == before.answer


def test_a_page_that_quotes_opens_a_model_only_when_one_is_needed(
    library: Library, settings: Settings
) -> None:
    settings = settings.model_copy(update={"quote": True})
    opened = threading.Event()

    def open_model(chosen: Settings, report: object) -> ScriptedModel:
        opened.set()
        return ScriptedModel(replies={})

    engine = Engine(library, settings, open_model)
    engine.start()
    engine.answerer(Preferences.of(settings))
    assert not opened.wait(0.3)
    assert engine.state.is_ready
    engine.wait()
    answerer = engine.answerer(replace(Preferences.of(settings), quote=False))
    assert isinstance(answerer.model, ScriptedModel)


SMALL = "qwen2.5-coder-0.5b-instruct"


def test_another_model_is_opened_when_the_one_there_is_done(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.page.engine.is_present", lambda model, folder: True)
    engine = Engine(
        library, settings, lambda chosen, report: ScriptedModel(replies={}, name=chosen.model)
    )
    engine.start()
    engine.wait()
    until(lambda: engine.state.is_ready)
    assert engine.models == [settings.model, SMALL]
    engine.line.join("a question")
    engine.choose(SMALL)
    with pytest.raises(ModelError, match="being opened already"):
        engine.choose(settings.model)
    time.sleep(0.3)
    plain = Preferences.of(settings)
    assert engine.answerer(plain).model.name == settings.model  # type: ignore[union-attr]
    engine.line.leave("a question")
    until(lambda: engine.state.is_ready)
    assert engine.answerer(plain).model.name == SMALL  # type: ignore[union-attr]
    assert engine.settings.model == SMALL
    assert engine.models == [settings.model, SMALL]
    assert list(engine.line.places("the next")) == []


def test_a_model_that_cannot_be_opened_leaves_the_earlier_one(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.page.engine.is_present", lambda model, folder: True)

    def open_model(chosen: Settings, report: object) -> ScriptedModel:
        if chosen.model == SMALL:
            raise RuntimeError("broken file")
        return ScriptedModel(replies={})

    engine = Engine(library, settings, open_model)
    engine.start()
    engine.wait()
    until(lambda: engine.state.is_ready)
    engine.choose(SMALL)
    until(lambda: engine.state.error is not None)
    said = model_state(engine.state)
    assert "broken file" in said
    assert f"{settings.model} answers as before" in said
    assert engine.answerer(Preferences.of(settings)).model is not None
    engine.choose(settings.model)
    assert engine.state.is_ready
    with pytest.raises(ModelError, match="is not here"):
        engine.choose("../elsewhere")


def test_where_no_model_could_be_opened_another_can_be_chosen(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.page.engine.is_present", lambda model, folder: True)

    def open_model(chosen: Settings, report: object) -> ScriptedModel:
        if chosen.model != SMALL:
            raise ModelError("No such file.", "Fetch it.")
        return ScriptedModel(replies={})

    engine = Engine(library, settings, open_model)
    engine.start()
    engine.wait()
    with pytest.raises(ModelError, match="No such file"):
        engine.answerer(Preferences.of(settings))
    engine.choose(SMALL)
    engine.wait()
    assert engine.answerer(Preferences.of(settings)).model is not None


def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about in five seconds")


def test_what_is_typed_is_a_source_as_add_takes_it(
    library: Library, server: Server, tmp_path: Path
) -> None:
    assert as_source(" arXiv:2401.00001 ") == "arxiv:2401.00001"
    assert as_source("~/x.bib") == str(Path.home() / "x.bib")
    assert as_source("-") == str(Path.cwd() / "-")
    *_, said = add_papers(library, [as_source("arXiv:2401.00001,2401.99999")], threading.Event())
    assert "1 new" in said
    assert "arXiv has no paper of this number" in said
    assert [paper.arxiv for paper in library.papers()] == ["2401.00001v2"]
    server.statuses = [503] * 9
    *_, said = add_papers(library, [as_source("arxiv:all:a/b")], threading.Event())
    assert "<b>arxiv:all:a/b</b>: arXiv cannot be asked" in said


def test_fields_that_show_what_is_kept_are_left_alone(settings: Settings) -> None:
    shown = _values(Preferences.of(settings))
    assert _filled_in(Preferences.of(settings), shown) == [gr.skip()] * len(shown)
    kept = replace(Preferences.of(settings), venue="Rivers", quote=True)
    assert [v for v in _filled_in(kept, shown) if v != gr.skip()] == ["Rivers", True]


def test_feedback_can_be_read_as_questions(tmp_path: Path) -> None:
    conversation = Conversation.new().with_turns([turn(), turn("Again?")])
    path = tmp_path / "feedback.jsonl"
    keep_feedback(path, conversation, 1, "liked", "One")
    keep_feedback(path, conversation, 0, "disliked", "")
    liked, disliked = read_questions(path)
    assert (liked.question, liked.titles, liked.facts) == ("Again?", (PAPER.title,), (("one",),))
    assert liked.history[0][0] == "What comes first?"
    assert (disliked.type, disliked.titles) == ("disliked", ())


def test_readers_of_a_shared_page_have_shelves_of_their_own(tmp_path: Path) -> None:
    settings: Settings = load_settings(home=tmp_path)
    desks = Desks(settings, shared=True)
    one, other = desks.sit("a", "1" * 32), desks.sit("b", "2" * 32)
    one.shelf.keep(Conversation.new().with_turns([turn()]))
    assert other.shelf.all() == []
    assert desks.sit("c", "1" * 32).shelf.all() == one.shelf.all()
    assert "readers" not in desks.sit("d", "../../etc").folder.name
    assert desks.sit("../../etc", "").folder.parent == tmp_path / "page" / "readers"
    alone = Desks(settings, shared=False)
    assert alone.sit("a", "1" * 32).shelf is alone.sit("b", "2" * 32).shelf


def test_an_answer_kept_is_plain_json(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    kept = Conversation.new().with_turns([turn()])
    shelf.keep(kept)
    stored = json.loads((tmp_path / f"{kept.id}.json").read_text())
    assert stored["turns"][0]["shown"][0]["paper"]["abstract"] == PAPER.abstract
