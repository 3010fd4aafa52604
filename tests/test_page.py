"""The page in a real browser, with a scripted model: what a reader does, and what it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import bibtexparser
import pytest
from arxiv_server import Server, arxiv_server
from browsing import (
    HOSTILE,
    KESTREL,
    Served,
    ask,
    chromium,
    send,
    serving,
    starter_and,
    visiting,
    wait,
)
from playwright.sync_api import Browser, Page, expect

from eval.questions import read_questions
from rag.errors import ModelError

__all__ = ["arxiv_server"]

pytestmark = pytest.mark.browser

ACCURACY = "What accuracy does Kestrel reach?"
LONG = "How does Kestrel use sparse attention?"
NOTE_WHAT_COMES = """() => {
  const parts = {
    papers: "#sources .card:has(blockquote)",
    draft: "#live .draft",
    answer: "#transcript .answer",
  };
  window.came = [];
  new MutationObserver(() => {
    for (const [name, where] of Object.entries(parts)) {
      const says = document.querySelector(where)?.textContent ?? "";
      if (says.includes("Kestrel") && !window.came.includes(name)) window.came.push(name);
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
"""Notes when what a question brings is there first: a draft may be gone before a test looks."""
NOTE_WHERE_IT_STANDS = """() => {
  window.places = [];
  new MutationObserver(() => {
    const question = document.querySelector("#live:has(.draft) .question");
    if (question) window.places.push(question.getBoundingClientRect().y);
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
"""Notes where a question stands each time something changes while its draft is there."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("page"), starter_and(KESTREL, HOSTILE)) as page:
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    with visiting(browser, served) as page:
        yield page


@pytest.fixture(autouse=True)
def _settings_as_at_first(served: Served) -> Iterator[None]:
    """What one test keeps is no other's: after one that fails, too."""
    yield
    (served.home / "page" / "settings.json").unlink(missing_ok=True)


# Asking


def test_papers_come_at_once_then_the_draft_then_live_marks(page: Page) -> None:
    page.evaluate(NOTE_WHAT_COMES)
    said = ask(page, ACCURACY, turns=1)
    assert page.evaluate("window.came") == ["papers", "draft", "answer"]
    assert "Kestrel reaches 71.5% accuracy on RiverBench" in said
    expect(page.locator(".answer button.cite")).to_have_text("[1]")
    assert "✓ Bears the answer out" in page.locator("#sources .card.cited").inner_text()


@pytest.mark.parametrize("way", ["click", "keyboard", "tap"])
def test_a_mark_opens_the_abstract_at_its_sentence(
    browser: Browser, served: Served, way: str
) -> None:
    with visiting(browser, served, has_touch=way == "tap") as page:
        ask(page, ACCURACY, turns=1)
        mark = page.locator(".answer button.cite").first
        if way == "keyboard":
            mark.focus()
            page.keyboard.press("Enter")
        else:
            mark.tap() if way == "tap" else mark.click()
        card = page.locator("#sources .card.open")
        expect(card).to_be_focused()
        sentence = card.locator(".abstract mark")
        expect(sentence).to_have_text("It reaches 71.5% accuracy on RiverBench.")
        expect(sentence).to_be_in_viewport()
        expect(card).to_contain_text("Ada Gu, Bo Li · Journal of Rivers · 2021")
        expect(card.get_by_role("link")).to_have_attribute("href", KESTREL.url)
        expect(card.locator(".abstract math")).to_have_count(1)
        card.get_by_role("button", name="Back to the answer").click()
        expect(mark).to_be_focused()


def test_pointing_at_a_mark_shows_title_and_sentence(page: Page) -> None:
    ask(page, ACCURACY, turns=1)
    page.locator(".answer button.cite").first.hover()
    expect(page.locator("#peek")).to_contain_text("It reaches 71.5% accuracy")
    page.keyboard.press("Escape")
    expect(page.locator("#peek")).to_be_hidden()


def test_what_is_not_there_is_declined_with_what_was_found(page: Page) -> None:
    said = ask(page, "What is the capital of France?", turns=1)
    assert "These papers do not say" in said
    assert "CLOSEST PAPERS" in page.locator("#sources").inner_text().upper()
    expect(page.locator("#sources .card blockquote").first).to_be_visible()
    expect(page.locator("#transcript button.cite")).to_have_count(0)


def test_a_follow_up_is_understood_from_what_was_said(page: Page) -> None:
    ask(page, ACCURACY, turns=1)
    said = ask(page, "How long does its training take?", turns=2)
    assert "Training takes 3 hours on one machine" in said
    assert "Understood as" in said


def test_stop_ends_the_writing_and_asking_again_works(page: Page) -> None:
    send(page, LONG)
    expect(page.locator("#live .draft")).to_be_visible()
    expect(page.locator(".welcome")).to_be_hidden()
    page.get_by_role("button", name="Stop").click()
    said = wait(page, turns=1)
    assert "Stopped before it was answered" in said
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    page.get_by_role("button", name="Ask question 1 again").click()
    expect(page.locator("#live .draft")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    wait(page, turns=1)


def test_a_second_question_takes_the_place_of_the_first(page: Page) -> None:
    send(page, LONG)
    expect(page.locator("#live .draft")).to_be_visible()
    said = ask(page, ACCURACY, turns=2)
    assert "71.5%" in said
    first = page.locator("#transcript article.turn").first
    expect(first).to_contain_text("Stopped before it was answered")


def test_a_question_can_be_edited_while_its_answer_is_written(page: Page) -> None:
    ask(page, ACCURACY, turns=1)
    send(page, LONG)
    expect(page.locator("#live .draft")).to_be_visible()
    page.get_by_role("button", name="Edit question 1").click()
    box = page.get_by_label("Question", exact=True)
    expect(box).to_have_value(ACCURACY)
    expect(page.locator("#chips")).to_contain_text("Editing question 1")
    said = ask(page, "What is the capital of France?", turns=1)
    assert "These papers do not say" in said
    assert "71.5%" not in page.locator("#transcript").inner_text()


def test_the_page_answers_a_click_while_the_model_writes(page: Page) -> None:
    ask(page, ACCURACY, turns=1)
    send(page, LONG)
    expect(page.locator("#live .draft")).to_be_visible()
    took = page.evaluate(
        """async () => {
            const start = performance.now();
            document.querySelector('.answer button.cite').click();
            while (!document.querySelector('#sources .card.open mark'))
                await new Promise(requestAnimationFrame);
            return performance.now() - start;
        }"""
    )
    assert took <= 200
    expect(page.locator("#live .draft")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    wait(page, turns=2)


# Which papers are asked


def test_a_filter_in_the_question_is_said_and_can_be_taken_off(page: Page) -> None:
    said = ask(page, "What accuracy does Kestrel reach in papers since 2030?", turns=1)
    assert "The library has no papers since 2030." in said
    page.get_by_role("button", name="Ask all papers instead").click()
    expect(page.locator(".answer")).to_contain_text("71.5%")
    wait(page, turns=1)


def test_a_paper_can_be_left_out_and_taken_back(page: Page) -> None:
    ask(page, ACCURACY, turns=1)
    page.get_by_role("button", name=f"Leave out {KESTREL.title}").click()
    expect(page.locator("#chips")).to_contain_text("without 1 left out")
    ask(page, ACCURACY, turns=2)
    assert KESTREL.title not in page.locator("#sources .of-turn:not([hidden])").inner_text()
    page.get_by_role("button", name="Take the filters off").click()
    expect(page.locator(".chip")).to_have_count(0)
    assert "71.5%" in ask(page, ACCURACY, turns=3)


def test_only_the_cited_papers_can_be_asked(page: Page) -> None:
    ask(page, ACCURACY, turns=1)
    page.get_by_role("button", name="Ask only the cited papers").click()
    expect(page.locator("#chips")).to_contain_text("1 chosen")
    ask(page, "How long does the training of Kestrel take?", turns=2)
    expect(page.locator("#sources .of-turn:not([hidden]) .card")).to_have_count(1)


# Conversations


def test_a_reload_finds_the_conversation_as_it_was(page: Page, served: Served) -> None:
    ask(page, ACCURACY, turns=1)
    before = page.locator("#sources .card.cited").inner_text()
    served.library.remove([KESTREL.id])
    try:
        page.reload()
        expect(page.locator("#transcript .answer")).to_contain_text("71.5%")
        assert page.locator("#sources .card.cited").inner_text() == before
        page.locator(".answer button.cite").first.click()
        expect(page.locator(".card.open mark")).to_contain_text("71.5%")
    finally:
        served.library.add([KESTREL])


def test_conversations_are_named_searched_opened_and_deleted(page: Page) -> None:
    ask(page, "What is the capital of Quizzacious?", turns=1)
    page.get_by_role("button", name="New", exact=True).click()
    expect(page.locator(".welcome")).to_be_visible()
    page.get_by_label("Search conversations").fill("quizzacious")
    found = page.locator("#conversations li")
    expect(found).to_have_count(1)
    found.hover()
    found.get_by_role("button", name=re.compile("^Rename")).click()
    page.get_by_label("New name").fill("Capitals")
    page.keyboard.press("Enter")
    opener = page.locator("button.opener", has_text="Capitals")
    expect(opener).to_be_visible()
    opener.click()
    expect(page.locator("#transcript article.turn")).to_contain_text("Quizzacious")
    page.get_by_role("button", name="Delete Capitals").click()
    page.get_by_text("Delete for good?").click()
    expect(opener).to_have_count(0)
    expect(page.locator(".welcome")).to_be_visible()


def test_the_cited_papers_are_saved_as_bibtex_under_their_own_keys(page: Page) -> None:
    ask(page, ACCURACY, turns=1)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Papers cited in answer 1").click()
    text = Path(saving.value.path()).read_text(encoding="utf-8")
    entries = bibtexparser.parse_string(text).entries
    assert [entry.key for entry in entries] == ["gu-kestrel"]
    assert entries[0]["title"] == KESTREL.title
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save answer 1").click()
    assert "[1]" in Path(saving.value.path()).read_text(encoding="utf-8")


def test_an_answer_is_copied_with_its_sources(browser: Browser, served: Served) -> None:
    with visiting(browser, served, permissions=["clipboard-read", "clipboard-write"]) as page:
        ask(page, ACCURACY, turns=1)
        page.get_by_role("button", name="Copy answer 1").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert "> It reaches 71.5% accuracy on RiverBench." in copied
        assert KESTREL.url in copied


def test_a_judgement_becomes_a_question_of_the_evaluation(page: Page, served: Served) -> None:
    ask(page, ACCURACY, turns=1)
    page.get_by_role("button", name="Answer 1 is good").click()
    page.get_by_label("What does a right answer hold?").fill("71.5%")
    page.keyboard.press("Enter")
    expect(page.locator(".turn .kept")).to_be_visible()
    kept = read_questions(served.home / "page" / "feedback.jsonl")[-1]
    assert (kept.question, kept.titles, kept.facts) == (ACCURACY, (KESTREL.title,), (("71.5%",),))


def test_two_readers_at_once_do_not_mix(browser: Browser, served: Served) -> None:
    with visiting(browser, served) as one, visiting(browser, served) as other:
        send(one, LONG)
        expect(one.locator("#live .draft")).to_be_visible()
        send(other, ACCURACY)
        expect(other.locator("#sources .card").first).to_be_visible()
        expect(other.locator("#live .doing")).to_contain_text("answered before this one")
        one.get_by_role("button", name="Stop").click()
        assert "71.5%" in wait(other, turns=1)
        assert "71.5%" not in wait(one, turns=1)


# The library


def test_papers_are_added_with_a_report_removed_and_taken_back(
    page: Page, served: Served, tmp_path: Path
) -> None:
    bib = tmp_path / "more.bib"
    bib.write_text(
        "@article{owl20, title={Owl: Night Vision}, abstract={Owl sees at night.}, year=2020}\n"
        "@article{none, title={No abstract}}\n"
    )
    page.get_by_role("tab", name="Library").click()
    page.locator("#upload input[type=file]").set_input_files(bib)
    expect(page.locator("#upload")).to_contain_text("more")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#added")).to_contain_text("1 new")
    expect(page.locator("#added")).to_contain_text("1 could not be used")
    page.get_by_label("Search the library").fill("night vision")
    rows = page.locator("table.papers tbody tr")
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Remove Owl: Night Vision").click()
    expect(rows).to_have_count(0)
    assert not served.library.find("owl20")
    page.get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(1)
    assert served.library.find("owl20")
    page.get_by_role("button", name="Remove Owl: Night Vision").click()
    expect(rows).to_have_count(0)


def test_papers_are_added_by_path_and_by_pasting(
    page: Page, served: Served, tmp_path: Path
) -> None:
    (tmp_path / "jay.jsonl").write_text('{"title": "Jay Talk", "abstract": "Jays talk."}')
    page.get_by_role("tab", name="Library").click()
    page.get_by_label("Or a file or folder on this machine").fill(str(tmp_path))
    page.get_by_label("Or paste entries").fill(
        "@misc{rook, title={Rook Walk}, abstract={Rooks walk.}}"
    )
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#added")).to_contain_text("2 new")
    served.library.remove(
        [p.id for name in ("Jay Talk", "rook") for p in served.library.find(name)]
    )


def test_papers_are_added_from_arxiv(page: Page, served: Served, server: Server) -> None:
    page.get_by_role("tab", name="Library").click()
    expect(page.locator("#path")).to_contain_text("Only this asks arXiv.org, over the network.")
    page.locator("#path").get_by_role("textbox").fill("arxiv:ti:waves AND cat:cs.CL")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#added")).to_contain_text("7 new")
    assert server.asked[0]["search_query"] == "ti:waves AND cat:cs.CL"
    served.library.remove([p.id for p in served.library.papers() if p.source == "arXiv"])


def test_the_table_is_sorted_and_the_library_tells_of_itself(page: Page) -> None:
    page.get_by_role("tab", name="Library").click()
    first = page.locator("table.papers tbody tr").first
    before = first.inner_text()
    page.get_by_role("button", name="Sort by year").click()
    page.get_by_role("button", name="Sort by year").click()
    expect(first).to_contain_text("Kestrel")
    assert before != first.inner_text()
    page.get_by_role("button", name="Check its health").click()
    expect(page.locator("#facts")).to_contain_text("all is well")
    expect(page.locator("#facts")).to_contain_text("384 dimensions")


# Settings


def test_settings_hold_and_are_kept(page: Page) -> None:
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("by an author of the name").fill("Nobody")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#settings-said")).to_contain_text("Kept.")
    page.reload()
    expect(page.locator("#chips")).to_contain_text("by Nobody")
    assert "The library has no papers by Nobody." in ask(page, ACCURACY, turns=1)
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_label("by an author of the name")).to_have_value("Nobody")
    page.get_by_role("button", name="As they were at first").click()
    expect(page.get_by_label("by an author of the name")).to_have_value("")


def test_what_is_typed_as_the_settings_open_stays(page: Page) -> None:
    page.get_by_role("tab", name="Settings").click()
    venue = page.get_by_label("whose venue has the words")
    venue.fill("Rivers")
    page.wait_for_timeout(1_000)
    expect(venue).to_have_value("Rivers")


def test_quotations_alone_are_answered_past_a_model_that_writes(
    browser: Browser, served: Served
) -> None:
    with visiting(browser, served) as writing, visiting(browser, served) as page:
        page.get_by_role("tab", name="Settings").click()
        page.get_by_label("Quotations only").check()
        send(writing, LONG)
        expect(writing.locator("#live .draft")).to_be_visible()
        page.get_by_role("button", name="Keep").click()
        expect(page.locator("#settings-said")).to_contain_text("Kept.")
        page.get_by_role("tab", name="Ask").click()
        said = ask(page, ACCURACY, turns=1, patience=3_000)
        assert "It reaches 71.5% accuracy on RiverBench" in said
        expect(writing.locator("#live .draft")).to_be_visible()
        writing.get_by_role("button", name="Stop").click()
        page.get_by_role("tab", name="Settings").click()
        expect(page.get_by_label("Quotations only")).to_be_checked()
        page.get_by_role("button", name="As they were at first").click()
        expect(page.get_by_label("Quotations only")).not_to_be_checked()


# What it is made of


def test_hostile_text_is_shown_as_it_is(page: Page) -> None:
    said = ask(page, "What is the <SEG> token zorbed by?", turns=1)
    assert "[a link](javascript:alert(1)) and **stars**" in said
    page.locator(".answer button.cite").first.click()
    card = page.locator(".card.open")
    expect(card).to_contain_text(HOSTILE.title)
    expect(card).to_contain_text("85\\% of <script>alert(1)</script> each year")
    expect(card.get_by_role("link")).to_have_count(0)


def test_an_example_is_asked_by_keyboard_alone(page: Page) -> None:
    example = page.locator("button.example").first
    for _ in range(40):
        if example.evaluate("e => e === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    expect(example).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#transcript article.turn, #live article.turn")).not_to_have_count(0)
    wait(page, turns=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_findings(browser: Browser, served: Served, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with visiting(browser, served, color_scheme=scheme) as page:
        assert serious(axe.run(page)) == []
        ask(page, ACCURACY, turns=1)
        page.locator(".answer button.cite").first.click()
        ask(page, "What is the capital of France?", turns=2)
        assert serious(axe.run(page)) == []
        page.get_by_role("tab", name="Library").click()
        expect(page.locator("table.papers")).to_be_visible()
        assert serious(axe.run(page)) == []
        page.get_by_role("tab", name="Settings").click()
        expect(page.get_by_label("by an author of the name")).to_be_visible()
        assert serious(axe.run(page)) == []


def serious(results: object) -> list[tuple[str, str]]:
    found = results.response["violations"]  # type: ignore[attr-defined]
    return [
        (violation["id"], node["html"][:200])
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("width", [360, 1920])
def test_nothing_is_cut_off_at_any_width(browser: Browser, served: Served, width: int) -> None:
    with visiting(browser, served, viewport={"width": width, "height": 800}) as page:
        box = page.locator("#question textarea")
        assert box.evaluate(
            "e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 1"
        )
        assert box.is_visible()
        ask(page, ACCURACY, turns=1)
        for tab in ("Ask", "Library", "Settings"):
            page.get_by_role("tab", name=tab).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 360:
            page.get_by_role("tab", name="Ask").click()
            talk = page.locator("#transcript").bounding_box()
            papers = page.locator("#sources").bounding_box()
            assert talk is not None
            assert papers is not None
            assert papers["y"] >= talk["y"] + talk["height"]


def test_the_answer_does_not_move_while_it_is_written(page: Page) -> None:
    page.evaluate(NOTE_WHERE_IT_STANDS)
    ask(page, ACCURACY, turns=1)
    after = page.locator("#transcript .question").bounding_box()
    places = page.evaluate("window.places")
    assert places
    assert after is not None
    assert all(abs(place - after["y"]) <= 2 for place in places)


def test_an_empty_library_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, []) as empty, visiting(browser, empty) as page:
        expect(page.locator(".welcome")).to_contain_text("An empty library")
        page.get_by_role("button", name="Add papers").click()
        expect(page.get_by_label("Or paste entries")).to_be_visible()


def test_a_model_that_cannot_be_opened_is_said_clearly(browser: Browser, tmp_path: Path) -> None:
    error = ModelError("The model in there cannot be loaded.", "Choose another model.")
    with serving(tmp_path, [KESTREL], error=error) as broken, visiting(browser, broken) as page:
        expect(page.get_by_role("alert")).to_contain_text("Choose another model.")
        said = ask(page, ACCURACY, turns=1)
        assert "cannot be loaded" in said
        expect(page.locator("#sources .card").first).to_be_visible()


def test_another_language_model_is_chosen_and_a_broken_one_is_said(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.page.engine.is_present", lambda model, folder: True)
    first, small = "qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-0.5b-instruct"
    error = ModelError("Its file is broken.", "Fetch it again.")
    with (
        serving(tmp_path, [KESTREL], error=error, broken=small) as broken,
        visiting(browser, broken) as page,
    ):
        page.get_by_role("tab", name="Settings").click()
        page.get_by_label(small).check()
        expect(page.get_by_role("alert")).to_contain_text("Its file is broken.")
        expect(page.get_by_role("alert")).to_contain_text(f"{first} answers as before")
        expect(page.get_by_label(first)).to_be_checked()
        page.get_by_role("tab", name="Ask").click()
        assert "71.5%" in ask(page, ACCURACY, turns=1)
    (tmp_path / "again").mkdir()
    with serving(tmp_path / "again", [KESTREL]) as served, visiting(browser, served) as page:
        page.get_by_role("tab", name="Settings").click()
        page.get_by_label(small).check()
        expect(page.locator("#masthead")).to_contain_text(small)
        page.get_by_role("tab", name="Ask").click()
        assert "71.5%" in ask(page, ACCURACY, turns=1)
