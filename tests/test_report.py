"""The report of a run: all in one file, every text in it inert, every figure and failure there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browsing import CHROMIUM, chromium
from made_up import INFO
from playwright.sync_api import Browser, Page, expect

from eval.metrics import KINDS, MEASURES, Failure
from eval.questions import Question
from eval.report import write_report
from eval.runs import Result, Run
from eval.summary import summarise
from eval.systems import Asked, Shown
from rag.papers import Answer, Citation, Retrieved, Sentence, Timings

HOSTILE = "</script><img src=x onerror=alert(1)><!-- \u2028 & $5 ${x} [1]"

QUESTIONS = (
    Question(
        id="q1",
        type="fact",
        question="How accurate is Kestrel?",
        titles=("Kestrel",),
        facts=(("71.5",),),
        expected="yes",
        reference="It is 71.5% accurate.",
    ),
    Question(
        id="q2",
        type=f"odd {HOSTILE}",
        question=f"What is {HOSTILE}?",
        history=((HOSTILE, HOSTILE),),
        titles=(HOSTILE,),
        facts=((HOSTILE.lower(), "five"),),
        forbidden=(("sibling",),),
        reference=HOSTILE,
    ),
    Question(id="q3", type="off-topic", question="Who won the cup?"),
)


def scores_of(question: Question, worth: float) -> dict[str, float]:
    """A value for every measure."""
    some = {measure.name: worth for measure in MEASURES}
    seconds = {"retrieve_s": 0.02, "first_token_s": 1.5 + worth, "total_s": 2.5 + worth}
    return some | seconds | {"prompt_tokens": 700.0, "answer_tokens": 30.0}


def result(system: str, question: Question, wrong: tuple[Failure, ...], worth: float) -> Result:
    title = question.titles[0] if question.titles else "Wren"
    sentence = Sentence(f"{title} reaches 71.5%.", 0, len(title) + 15)
    answer = Answer(
        question=question.question,
        standalone_question=question.question,
        answer=f"The {system} answer on {title} is 71.5 [1].",
        abstained=False,
        reason="",
        citations=(Citation(1, title, "p1", "supported", (sentence,)),),
        filters="",
        retrieved=(Retrieved(title, "p1", 0.9), Retrieved("Wren", "p2", 0.1)),
        left_out=(f"A sentence left out: {HOSTILE}",),
        timings=Timings(0.02, 1.5, 2.5, 700, 30),
        model="small-model",
        confidence=worth,
    )
    asked = Asked(answer, (Shown("p1", title, (sentence.text, HOSTILE)),))
    right = ("p1",) if question.titles else ()
    return Result(system, question, right, asked, scores_of(question, worth), wrong, 5.2)


def made_run(folder: Path) -> Run:
    """Two systems, of which the second gets everything wrong in its own way."""
    missing, wrong = Failure("fact missing", HOSTILE), Failure("wrong paper", HOSTILE)
    results = [
        result("askpapers", QUESTIONS[0], (), 0.9),
        result("askpapers", QUESTIONS[1], (missing,), 0.5),
        result("askpapers", QUESTIONS[2], (Failure("answered", "The"),), 0.4),
        *(result("tutorial", question, (wrong,), 0.3) for question in QUESTIONS),
    ]
    return Run(folder, INFO, results)


def written(run: Run) -> str:
    return write_report(run, summarise(run)).read_text(encoding="utf-8")


@dataclass
class Tag:
    name: str
    attributes: dict[str, str]


@dataclass
class Reader(HTMLParser):
    """What a browser would make of the file, as far as these tests ask."""

    tags: list[Tag] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        is_script = self.tags and self.tags[-1].name == "script" and self.cdata_elem == "script"
        (self.scripts if is_script else self.texts).append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(run: Run) -> str:
    return written(run)


def test_the_file_needs_nothing_beside_it(page: str) -> None:
    there = read(page)
    links = [
        value
        for tag in there.tags
        for name, value in tag.attributes.items()
        if name in ("src", "href", "xlink:href", "action", "srcset", "data")
    ]
    assert [link for link in links if not link.startswith(("#", "data:,"))] == []
    assert not {"iframe", "object", "embed", "base"} & {tag.name for tag in there.tags}
    (policy,) = [
        tag.attributes["content"]
        for tag in there.tags
        if tag.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    style = re.findall(r"<style>.*?</style>", page, re.DOTALL)
    assert len(style) == 1
    assert "@import" not in style[0]
    assert not re.search(r"url\((?!#)", style[0])


def test_no_text_of_a_paper_becomes_markup(page: str) -> None:
    there = read(page)
    assert [tag for tag in there.tags if tag.name in ("img", "b") and tag.attributes] == []
    assert not any(name.startswith("on") for tag in there.tags for name in tag.attributes)
    assert len([tag for tag in there.tags if tag.name == "script"]) == 2
    assert "A <b>processor</b>" in there.text


def test_the_script_gets_every_text_as_it_is(page: str) -> None:
    data = json.loads(read(page).scripts[0])
    assert [entry["id"] for entry in data["questions"]] == ["q1", "q2", "q3"]
    hostile = data["questions"][1]
    assert hostile["right"] == [HOSTILE]
    assert hostile["history"] == [[HOSTILE, HOSTILE]]
    ours, theirs = hostile["outcomes"]
    assert (ours["system"], theirs["system"]) == ("askpapers", "tutorial")
    assert ours["failures"] == [{"kind": "fact missing", "detail": HOSTILE}]
    assert ours["cited"][0]["title"] == HOSTILE
    assert ours["cited"][0]["right"] is True
    assert ours["shown"][0]["sentences"][1] == HOSTILE
    assert [source["right"] for source in ours["found"]] == [True, False]


def test_every_measure_stands_in_the_table_with_its_definition(page: str) -> None:
    table = read(page[page.index("<table>") : page.index("</table>")]).text
    for measure in MEASURES:
        assert measure.label in table
        assert measure.definition in table
    for label in ("AUROC", "area under risk-coverage", "memory at its peak"):
        assert label in table


def test_figures_are_told_as_they_are(run: Run, page: str) -> None:
    figure = summarise(run).systems["askpapers"].measures["facts"]
    row = page[page.index("key facts in the answer") :]
    assert f'<td class="mean">{figure.mean:.3f}</td>' in row[: row.index("</tr>")]
    assert f">{figure.low:.3f}–{figure.high:.3f}</td>" in row[: row.index("</tr>")]


def test_every_kind_of_failure_can_be_filtered_by(page: str) -> None:
    there = read(page)
    options = {tag.attributes.get("value") for tag in there.tags if tag.name == "option"}
    assert {f"{way}:{kind}" for way in ("first", "any") for kind in KINDS} <= options
    assert {"fails", "right", "askpapers", "tutorial", QUESTIONS[1].type} <= options


def test_a_kind_that_occurs_has_a_bar_and_its_meaning(page: str) -> None:
    there = read(page)
    links = {tag.attributes["href"] for tag in there.tags if tag.name == "a"}
    assert "#system=askpapers&wrong=first%3Afact+missing" in links
    assert "#system=tutorial&wrong=first%3Awrong+paper" in links
    assert KINDS["wrong paper"] in there.text


def test_each_plot_says_its_figures_in_words(page: str) -> None:
    there = read(page)
    labels = [tag.attributes["aria-label"] for tag in there.tags if tag.name == "svg"]
    assert len(labels) == 9
    assert all("askpapers: " in label and "tutorial: " in label for label in labels)
    ids = [tag.attributes["id"] for tag in there.tags if "id" in tag.attributes]
    assert len(ids) == len(set(ids))
    aims = re.findall(r'(?:xlink:href="|url\()#([\w-]+)', page)
    assert aims
    assert set(aims) <= set(ids)


def test_the_same_run_gives_the_same_file(run: Run, page: str) -> None:
    assert written(run) == page


@pytest.mark.parametrize("systems", [0, 1])
def test_a_run_that_has_hardly_begun_has_a_report(tmp_path: Path, systems: int) -> None:
    run = made_run(tmp_path)
    page = written(replace(run, results=run.results[:systems]))
    assert "askpapers, measured" in page


def test_a_failure_that_is_never_the_first_has_a_bar_too(run: Run) -> None:
    everything = tuple(Failure(kind) for kind in KINDS)
    results = [replace(r, failures=everything) for r in run.results]
    page = read(written(replace(run, results=results)))
    links = [tag.attributes["href"] for tag in page.tags if tag.name == "a"]
    assert len([link for link in links if "wrong=any" in link]) == 2 * (len(KINDS) - 1)


def test_where_nothing_was_written_there_is_no_time_of_it(run: Run) -> None:
    quick = {"declined": 1.0, "decided": 0.0, "retrieve_s": 0.0, "total_s": 0.0}
    results = [replace(r, scores=quick) for r in run.results]
    page = read(written(replace(run, results=results)))
    labels = " ".join(tag.attributes["aria-label"] for tag in page.tags if tag.name == "svg")
    assert "Time of search" in labels
    assert "Time of first word" not in labels


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with chromium() as opened:
        yield opened


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reader_finds_what_went_wrong(browser: Browser, run: Run, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    place = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    page, strange = watched(place.new_page())
    page.goto(write_report(run, summarise(run)).as_uri())
    expect(page.get_by_text("3 of 3 questions", exact=True)).to_be_visible()

    page.get_by_role("link", name="askpapers: first cause in 1 question").first.click()
    expect(page.get_by_text("1 of 3 questions", exact=True)).to_be_visible()
    page.get_by_label("System").select_option("")
    page.get_by_label("Outcome").select_option("first:fact missing")
    page.wait_for_url(re.compile("#wrong=first%3Afact"))
    entry = page.locator("details.entry")
    expect(entry).to_have_count(1)
    entry.locator("> summary").focus()
    page.keyboard.press("Enter")
    answers = entry.locator(".answer")
    expect(answers).to_have_count(2)
    expect(answers.first).to_contain_text(f"The askpapers answer on {HOSTILE.split(' ')[0]}")
    boxes = [answers.nth(i).bounding_box() for i in (0, 1)]
    assert all(boxes)
    assert boxes[0]["y"] == boxes[1]["y"]  # type: ignore[index]
    assert serious(axe.run(page)) == []

    shared = page.url
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("3 of 3 questions", exact=True)).to_be_visible()
    page.goto("about:blank")
    page.goto(shared)
    expect(entry).to_have_count(1)
    assert strange == []
    place.close()


@pytest.mark.browser
def test_words_are_looked_for_in_questions_and_answers(browser: Browser, run: Run) -> None:
    page = browser.new_page()
    page.goto(write_report(run, summarise(run)).as_uri())
    page.get_by_label("Words").fill("TUTORIAL kestrel")
    expect(page.get_by_text("1 of 3 questions", exact=True)).to_be_visible()
    page.get_by_label("Words").fill("who won")
    expect(page.locator(".entry .question")).to_have_text(["Who won the cup?"])
    page.close()


@pytest.mark.browser
def test_many_questions_come_a_hundred_at_a_time(browser: Browser, run: Run) -> None:
    many = [
        replace(r, question=r.question.model_copy(update={"id": f"{r.question.id}-{i}"}))
        for i in range(40)
        for r in run.of("askpapers")
    ]
    page = browser.new_page()
    page.goto(write_report(replace(run, results=many), summarise(run)).as_uri())
    expect(page.locator(".entry")).to_have_count(100)
    page.get_by_role("button", name="Show 20 more of 20").click()
    expect(page.locator(".entry")).to_have_count(120)
    page.close()


@pytest.mark.browser
def test_a_phone_has_no_need_to_scroll_sideways(browser: Browser, run: Run) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(write_report(run, summarise(run)).as_uri())
    page.evaluate(f"({OPEN_ALL})()")
    expect(page.locator("article.outcome")).to_have_count(6)
    page.evaluate(f"({OPEN_ALL})()")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


OPEN_ALL = "() => document.querySelectorAll('details').forEach((it) => { it.open = true; })"


def watched(page: Page) -> tuple[Page, list[str]]:
    """A page, and what it does that it must not: ask for a file, alert, fail."""
    strange: list[str] = []
    own = ("file:", "data:", "about:")
    page.on("request", lambda r: r.url.startswith(own) or strange.append(r.url))
    page.on("dialog", lambda dialog: strange.append(dialog.message))
    page.on("pageerror", lambda error: strange.append(str(error)))
    page.on("console", lambda said: strange.append(said.text))
    return page, strange


def serious(results: object) -> list[tuple[str, str]]:
    found = results.response["violations"]  # type: ignore[attr-defined]
    return [
        (violation["id"], node["html"][:200])
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
