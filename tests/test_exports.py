"""What comes in goes out again: keys, accents, the meaning of braces, and the rest of an entry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writer import WordEncoder, open_library

from rag.errors import LibraryError
from rag.exports import export
from rag.exports.bibtex import encode
from rag.papers import Paper
from rag.sources import read_source
from rag.sources.entry import make_paper
from rag.sources.fields import plain
from rag.sources.latex import decode

TITLES = [
    r"Bridges of {Nordheim}",
    r"{BERT} and {GPT-4} on {ImageNet}",
    r"{The Whole Title Is Protected}",
    r"Gr{\"o}{\ss}e und Ma{\ss}",
    r"{\'E}tude des ponts {\`a} Li{\`e}ge",
    r"{\'{E}}tude d'un {\oe}uf",
    r"Wie \"Uber\-land\-leitungen schwingen",
    r"na{\"\i}ve Bayes, na{\"{\i}}ve hope",
    r"{\AA}ngstr{\"o}m and {\O}rsted",
    r"Ph{\^o} and {\d{a}} {\u{a}} {\c{c}} {\v{s}} {\H{o}} {\k{a}}",
    r"{\L}{\'o}d{\'z} at night",
    r"M\'exico, M\'{e}xico, M{\'e}xico",
    r"$\alpha$-stable {L}{\'e}vy flights",
    r"Bounds of $O(n^{2}\log n)$ for {DNA} strings",
    r"On $\mathcal{H}_{\infty}$ control and $x_{i}$",
    r"Cost of 5\$ a day",
    r"40\% of rivers \& lakes",
    r"snake\_case and \#hashtags",
    r"Sets \{a, b\} in braces",
    r"``Quoted'' titles --- with dashes -- of two kinds",
    r"What is `this'?",
    r"{A} \emph{careful} study of \textbf{bold} claims",
    r"The \textsc{Kestrel} system",
    r"{C++} and {C\#} compared",
    r"{mLSTM}: small then {C}apital",
    r"p-values {$<$} 0.05",
    r"Tilde~joined~words",
    r"\url{https://example.org/a_b} is down",
    r"{\LaTeX} for {\TeX}nicians",
    r"Umlauts äöü typed as they are: Ærø, Łódź, Škoda",
    r"Ελληνικά και русский в {Title}",
    r"日本語の{論文}について",
    r"Emoji 🙂 and a family 👩‍👩‍👧",
    r"{Nested {Braces {Within}} Braces}",
    r"An {\'{\i}}ndex of {\'\i}",
    r"{I}n the {B}eginning {W}as {B}races",
    r"Title with = signs, commas, and @signs",
    r"A question? An answer! (In {P}aren{t}heses)",
    r"\textit{E. coli} in \textsuperscript{13}C",
    r"100\,km of \~{} and \^{}",
    r"{R\'enyi} entropy \`a la {Shannon}",
    r"S\o{}ren and {\aa}rhus",
    r"{\o}re or {\O}re",
    r"Dvo\v{r}\'ak, Dvo{\v r}{\'a}k, Dvo{\v{r}}{\'a}k",
    r"{{Double} braced}",
    r"Ends in a brace {X}",
    r"{X} starts in a brace",
    r"\foo{unknown} commands stay",
    r"Multi line \\ titles",
    r"1/2 of \textonehalf",
    r"{IEEE} 802.11{ac} {Wi-Fi}",
    r"Fran{\c c}ois and {\c{C}}a va",
    r"I{\~n}igo's {\~N}and{\'u}",
    r"Stra{\ss}e {\th}{\ae}t {\dh}is",
]
AUTHORS = [
    r"Ferry, Ren{\'e} and Lake, Bob",
    r"{World Health Organization}",
    r"van der Berg, Jan and de la Cruz, Mar{\'\i}a",
    r"Ludwig van Beethoven",
    r"King, Jr., Martin Luther",
    r"{\v{S}}koda, Jan and {\L}ukasz, P.",
    r"{Barnes and Noble} and Smith, J.",
    r"Ng, A. Y. and others",
]
FIELDS = [
    r"pages = {1--20}, volume = {3}, publisher = {{O'Reilly} \& Sons}",
    r"booktitle = {Proceedings of the {ACM} on {HCI}}, month = jan",
    r"note = {See \url{https://x.org/a_b}}, keywords = {rivers, {Ice}, na{\"i}ve}",
    r"doi = {10.1234/a_b.5}, url = {https://example.org/~me/a%20b}",
    r"eprint = {2401.00001v2}, archiveprefix = {arXiv}",
    r'series = "Lecture {"}Notes{"}", edition = {2}',
    r"date = {2020-05-01}, journaltitle = {J. of {Rivers}}",
]
ABSTRACT = r"We find 85\% of $\mu_{i}$ in {R\'enyi}'s \emph{rivers} --- not 90\%.\par It rains."


def bibliography() -> str:
    entries = []
    for number, title in enumerate(TITLES):
        author, more = AUTHORS[number % len(AUTHORS)], FIELDS[number % len(FIELDS)]
        more = more.replace("a_b.5", f"a_b.{number}").replace("00001", f"{number:05}")
        entries.append(
            f"@article{{Key:{number}_x,\n  title = {{{title}}},\n  author = {{{author}}},\n"
            f"  year = {1990 + number % 30}, {more},\n  abstract = {{{ABSTRACT}}}\n}}\n"
        )
    return "\n".join(entries)


RIS = """TY  - CONF
TI  - Bread &amp; its <i>crust</i>
AU  - Ferry, René
AU  - van der Lake, Bob, Jr.
AU  - World Health Organization
PY  - 2020/05/01
T2  - Baking Letters
VL  - 3
SP  - 1
EP  - 20
AB  - Crust forms late.<br/>It browns at p &lt; 0.05.
DO  - 10.1234/BL.1
UR  - https://example.org/x
KW  - bread
KW  - crust, brown
N1  - kept as it is
ID  - crust
ER  - 

TY  - JOUR
T1  - Second 日本 title
A1  - Łukasz, P.
Y1  - 1999///
JF  - Journal of Ær
N2  - One.
ER  - 
"""
CSL = [
    {
        "id": "ferry2021",
        "type": "paper-conference",
        "title": 'Rivers that <i>turn</i> &amp; <span class="nocase">BERT</span>',
        "abstract": "<p>Rivers turn.</p><p>They widen at p &lt; 0.05.</p>",
        "author": [
            {"family": "Ferry", "given": "Anna", "non-dropping-particle": "van der"},
            {"literal": "River Society"},
        ],
        "issued": {"date-parts": [[2021, 5, 3]]},
        "container-title": "Journal of Rivers",
        "DOI": "10.1234/JR.9",
        "page": "1-20",
        "keyword": "ice; rivers, wide",
    },
    {"id": "x", "type": "book", "title": "Ås", "abstract": "Ås.", "issued": {"raw": "May 2020"}},
]


@pytest.fixture(autouse=True)
def _word_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.library.load_encoder", lambda *_, **__: WordEncoder())


def read(file: Path) -> list[Paper]:
    entries = list(read_source(file))
    assert all(isinstance(entry, Paper) for entry in entries), entries
    return [entry for entry in entries if isinstance(entry, Paper)]


def through_a_library(folder: Path, papers: Sequence[Paper]) -> list[Paper]:
    """The papers as a library gives them back, in the order they had."""
    library = open_library(folder)
    library.add(papers)
    kept = {paper.source_id: paper for paper in library.papers()}
    return [kept[paper.source_id] for paper in papers]


@pytest.mark.parametrize(
    ("name", "text"),
    [("x.bib", bibliography()), ("x.ris", RIS), ("x.json", json.dumps(CSL))],
)
def test_from_a_file_through_a_library_to_a_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    papers = read(tmp_path / name)
    (tmp_path / "out").mkdir()
    kept = through_a_library(tmp_path / "library", papers)
    assert export(kept, tmp_path / "out" / name) == len(papers)
    again = read(tmp_path / "out" / name)
    if name == "x.ris":  # a record without a key is given one
        assert again[1].source_id == "lukasz1999second"
        again[1], papers[1] = (replace(p, source_id="", entry="") for p in (again[1], papers[1]))
        again[0], papers[0] = (replace(p, entry="") for p in (again[0], papers[0]))
    assert again == papers


def test_there_are_fifty_awkward_entries_and_their_fields_stay_as_written(tmp_path: Path) -> None:
    (tmp_path / "x.bib").write_text(bibliography(), encoding="utf-8")
    papers = read(tmp_path / "x.bib")
    assert len(papers) == len(TITLES) >= 50
    export(papers, tmp_path / "y.bib")
    written = (tmp_path / "y.bib").read_text(encoding="utf-8")
    for number, title in enumerate(TITLES):
        assert f"@article{{Key:{number}_x,\n" in written
        assert f"title = {{{title}}}" in written
    assert r"publisher = {{O'Reilly} \& Sons}" in written


@pytest.mark.parametrize("ending", ["bib", "ris", "json", "jsonl"])
def test_from_any_format_to_any_other_what_a_paper_says_is_kept(
    tmp_path: Path, ending: str
) -> None:
    (tmp_path / "x.bib").write_text(bibliography(), encoding="utf-8")
    papers = [
        # A name in braces is one word only to BibTeX.
        replace(p, entry="", authors=("Anna Ferry", "WHO"), tags=("ice", "wide rivers"))
        for p in read(tmp_path / "x.bib")
    ]
    export(papers, tmp_path / f"y.{ending}")
    for paper, again in zip(papers, read(tmp_path / f"y.{ending}"), strict=True):
        for name in "title abstract authors year venue doi tags source_id".split():
            assert getattr(again, name) == getattr(paper, name), name


def test_what_changed_in_the_library_is_written_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "x.bib").write_text(bibliography(), encoding="utf-8")
    paper = replace(read(tmp_path / "x.bib")[0], year=2033, title="New GPU title")
    export([paper], tmp_path / "y.bib")
    written = (tmp_path / "y.bib").read_text(encoding="utf-8")
    assert "title = {New {GPU} title}" in written
    assert "year = {2033}" in written
    assert r"author = {Ferry, Ren{\'e} and Lake, Bob}" in written
    assert "pages = {1--20}" in written


def test_keys_are_made_where_there_are_none_and_never_twice(tmp_path: Path) -> None:
    one = Paper("The rivers of ice", "A.", ("Åsa Ek",), 2020)
    export([one, replace(one, abstract="B."), Paper("日本", "C.")], tmp_path / "x.bib")
    keys = [paper.source_id for paper in read(tmp_path / "x.bib")]
    assert keys[:2] == ["ek2020rivers", "ek2020rivers-2"]
    assert len(set(keys)) == 3


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab A.$\\{}%&#_~-`'\"<>^é日\n"), max_size=40))
def test_what_is_encoded_is_decoded_again(text: str) -> None:
    paper = make_paper(where="x", title="T", abstract=text, source="x")
    if isinstance(paper, Paper):
        text = plain(decode(paper.abstract))  # as any reader of BibTeX leaves it
        if plain(decode(text)) == text:
            assert plain(decode(encode(text))) == text


def test_an_ending_that_names_no_format_is_told(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="does not say"):
        export([], tmp_path / "x.docx")
    with pytest.raises(LibraryError, match="cannot be written"):
        export([], tmp_path / "no" / "x.bib")


@pytest.mark.parametrize("ending", ["bib", "ris", "json", "jsonl"])
def test_nothing_is_written_as_nothing(tmp_path: Path, ending: str) -> None:
    assert export([], tmp_path / f"x.{ending}") == 0
    assert (tmp_path / f"x.{ending}").read_text().strip() in ("", "[]")
