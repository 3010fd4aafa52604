"""Formats of exports: awkward entries, what is said of broken ones, and what holds them."""

from __future__ import annotations

import gzip
import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from bibtexparser.exceptions import ParserStateException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import SourceError
from rag.papers import Paper
from rag.sources import _READERS, Unreadable, _Reader, containers, find_sources, read_source
from rag.sources.fields import fold, link, plain, split_names, year_in
from rag.sources.latex import decode

Read = Callable[[str], list[Paper | Unreadable]]

BIBTEX = """@article{ferry2019,
  title = {Bridges of {Nordheim}},
  author = {Ferry, Anna and Lake, Bob},
  journal = {Journal of Rivers},
  year = 2019,
  doi = {10.1234/jr.5},
  abstract = {Bridges cross rivers. Most of them hold.}
}
"""
RIS = """TY  - JOUR
TI  - Bread and its crust
AU  - Ferry, Anna
AU  - Lake, Bob
PY  - 2020
JO  - Baking Letters
AB  - Crust forms late. It browns at 150 degrees.
DO  - 10.1234/bl.1
ID  - crust
ER  - 
"""
CSL = json.dumps(
    [
        {
            "id": "ferry2021",
            "type": "article-journal",
            "title": "Rivers that <i>turn</i>",
            "abstract": "<jats:p>Rivers turn &amp; widen.</jats:p>",
            "author": [{"family": "Ferry", "given": "Anna"}, {"literal": "River Society"}],
            "issued": {"date-parts": [[2021, 5, 3]]},
            "container-title": "Journal of Rivers",
            "DOI": "10.1234/jr.9",
        }
    ],
    indent=1,
)
ZOTERO_CSV = (
    '"Key","Item Type","Publication Year","Author","Title","Publication Title","DOI","Url",'
    '"Abstract Note"\n'
    '"AB12","journalArticle","2018","Ferry, Anna; Lake, Bob","Boats","Journal of Rivers",'
    '"10.1234/jr.2","https://example.org/boats","Boats float, mostly.\nSome do not."\n'
)
MEDLINE = """PMID- 123
DP  - 2017 Mar 3
TI  - Bread crumbs and
      the birds that eat them.
LID - 10.1234/crumbs [doi]
AB  - BACKGROUND: Crumbs fall.
      RESULTS: Birds eat them.
FAU - Ferry, Anna
AU  - Ferry A
JT  - Journal of crumbs
"""
PUBMED_XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://example.org/p.dtd">
<PubmedArticleSet>
<PubmedArticle><MedlineCitation><PMID Version="1">77</PMID>
<Article><Journal><JournalIssue><PubDate><Year>2016</Year></PubDate></JournalIssue>
<Title>Journal of yeast</Title></Journal>
<ArticleTitle>Yeast in CO<sub>2</sub> &amp; <i>bread</i></ArticleTitle>
<ELocationID EIdType="doi">10.1234/yeast</ELocationID>
<Abstract><AbstractText Label="AIM">To rise at p &lt; 0.05.</AbstractText>
<AbstractText Label="RESULTS">It <b>rose</b>.</AbstractText></Abstract>
<AuthorList><Author><LastName>Ferry</LastName><ForeName>Anna</ForeName></Author>
<Author><CollectiveName>Yeast Group</CollectiveName></Author></AuthorList>
</Article></MedlineCitation></PubmedArticle>
</PubmedArticleSet>
"""
ACL = """<?xml version='1.0' encoding='UTF-8'?>
<collection id="2020.bread">
<volume id="1"><meta><booktitle>Workshop on <fixed-case>B</fixed-case>read</booktitle>
<year>2020</year></meta>
<paper id="1"><title>Parsing <fixed-case>B</fixed-case>aguettes</title>
<author><first>Anna</first><last>Ferry</last></author>
<abstract>We parse baguettes. They are long.</abstract>
<url>2020.bread-1.1</url><bibkey>ferry-2020-parsing</bibkey></paper>
</volume></collection>
"""
ARXIV = (
    json.dumps(
        {
            "id": "1234.56789",
            "authors": "A. Ferry, B. Lake and C. Pond",
            "title": "Waves in\n  canals",
            "doi": None,
            "journal-ref": None,
            "abstract": "  Waves travel in canals\nof width $w_i$.\n",
            "versions": [{"version": "v1", "created": "Mon, 2 Apr 2012 19:18:42 GMT"}],
            "update_date": "2015-05-13",
            "authors_parsed": [["Ferry", "Anna", ""], ["P\\'olya", "Bob", "Jr."]],
        }
    )
    + "\n"
)
PROSE = "This abstract is long enough to be taken for prose, since it has a second sentence. " * 2
LISTING = f"Recent\n\nOn bridges\n\n{PROSE}\n\nOn boats\n\n{PROSE}\n"

SAMPLES = {
    "JSON lines": ARXIV,
    "CSL-JSON or another JSON array": CSL,
    "PubMed XML": PUBMED_XML,
    "ACL Anthology XML": ACL,
    "MEDLINE": MEDLINE,
    "RIS": RIS,
    "BibTeX": BIBTEX,
    "CSV or TSV": ZOTERO_CSV,
    "listing": LISTING,
}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The entries of a file ``x`` with that text."""

    def read_text(text: str) -> list[Paper | Unreadable]:
        (tmp_path / "x").write_text(text, encoding="utf-8", newline="")
        return list(read_source(tmp_path / "x"))

    return read_text


def only(entries: list[Paper | Unreadable]) -> Paper:
    """The one paper there is, without what exports keep of its entry."""
    (paper,) = entries
    assert isinstance(paper, Paper), paper
    return replace(paper, entry="")


# Knowing a format


@pytest.mark.parametrize("name", SAMPLES)
def test_each_format_is_known_as_itself_and_as_nothing_before(name: str) -> None:
    known = [reader.name for reader in _READERS if reader.recognises(SAMPLES[name])]
    assert known[0] == name
    assert set(known) - {name} <= {"listing", "CSV or TSV"}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("wrap", ["\ufeff{}", "\n\n  \n{}", "crlf"])
def test_marks_and_line_ends_do_not_matter(name: str, wrap: str, read: Read) -> None:
    sample = SAMPLES[name]
    text = sample.replace("\n", "\r\n") if wrap == "crlf" else wrap.replace("{}", sample)
    titles = [entry.title for entry in read(sample) if isinstance(entry, Paper)]
    assert [entry.title for entry in read(text) if isinstance(entry, Paper)] == titles != []


# BibTeX


def test_bibtex_gives_all_that_a_paper_has(read: Read) -> None:
    assert only(read(BIBTEX)) == Paper(
        title="Bridges of Nordheim",
        abstract="Bridges cross rivers. Most of them hold.",
        authors=("Anna Ferry", "Bob Lake"),
        year=2019,
        venue="Journal of Rivers",
        url="https://doi.org/10.1234/jr.5",
        source_id="ferry2019",
        source="x",
        doi="10.1234/jr.5",
    )


def one(fields: str, kind: str = "article", key: str = "k") -> str:
    return f"@{kind}{{{key},\n title = {{T}}, abstract = {{A.}},\n {fields}\n}}\n"


AWKWARD_TITLES = [
    (r"title = {The {LaTeX} of {B}read}", "The LaTeX of Bread"),
    (r'title = "The {"}best{"} bread"', 'The "best" bread'),
    (r"title = {{Bread, and Butter}}", "Bread, and Butter"),
    (r'title = "Bread" # " and " # {Butter}', "Bread and Butter"),
    (r"title = {Bread \& Butter}", "Bread & Butter"),
    (r"title = {50\% of rivers}", "50% of rivers"),
    (r"title = {50% of rivers}", "50% of rivers"),
    (r"title = {A map $f: x_i \to y$ of {Rivers}}", r"A map $f: x_i \to y$ of Rivers"),
    (r"title = {Cost: \$5 a loaf}", "Cost: $5 a loaf"),
    (r"title = {Cost: $5 a loaf}", "Cost: $5 a loaf"),
    (r"title = {Caf{\'e} au lait}", "Café au lait"),
    (r"title = {Caf\'e au lait}", "Café au lait"),
    (r"title = {Caf\'{e} au lait}", "Café au lait"),
    (r"title = {{\"U}ber Br{\"u}cken}", "Über Brücken"),
    (r"title = {Gar{\c c}on}", "Garçon"),
    (r"title = {Gar\c{c}on}", "Garçon"),
    (r"title = {Na\"{\i}ve rivers}", "Naïve rivers"),
    (r"title = {Stra{\ss}e}", "Straße"),
    (r"title = {Sm{\o}rrebr{\o}d}", "Smørrebrød"),
    (r"title = {{\AA}ngstr{\"o}m}", "Ångström"),
    (r"title = {{\L}\'od\'z}", "Łódź"),
    (r"title = {Ph{\'{\^o}}}", "Phố"),
    (r"title = {rivers -- a view---short}", "rivers – a view—short"),
    (r"title = {``Bread'' of old}", "“Bread” of old"),
    (r"title = {rivers~and~boats}", "rivers and boats"),
    (r"title = {about ~50 boats}", "about ~50 boats"),
    (r"title = {\emph{Rivers} and \textbf{boats}}", "Rivers and boats"),
    (r"title = {{\it Rivers} and boats}", "Rivers and boats"),
    (r"title = {\mytool{Rivers}: a tool}", r"\mytool{Rivers}: a tool"),
    (r"title = {Use @ your risk}", "Use @ your risk"),
    (r"title = {Bread \{crumbs\}}", "Bread {crumbs}"),
    ("title = {Bread\n   over two\n lines}", "Bread over two lines"),
    ("TITLE = {Shouted}", "Shouted"),
    ("title={Tight}", "Tight"),
    ("title = {First}, title = {Second}", "First"),
    ("title = {H<sub>2</sub>O &amp; bread}", "H2O & bread"),
    ("title = {For p < 0.05 and q > 3}", "For p < 0.05 and q > 3"),
    ("title = 1984", "1984"),
    ("title = {漢字 and emoji 🥖}", "漢字 and emoji 🥖"),
    (r"title = {\url{https://example.org/a_b}}", "https://example.org/a_b"),
    (r"title = {See \href{https://example.org}{this}}", "See this"),
    ("title = {a \\textless{} b}", "a < b"),
]


@pytest.mark.parametrize(("field", "title"), AWKWARD_TITLES)
def test_awkward_titles(field: str, title: str, read: Read) -> None:
    assert only(read(f"@misc{{k,\n {field},\n abstract = {{A.}}\n}}\n")).title == title


AWKWARD_AUTHORS = [
    ("Ferry, Anna and Lake, Bob", ("Anna Ferry", "Bob Lake")),
    ("Anna Ferry and Bob Lake", ("Anna Ferry", "Bob Lake")),
    ("van den Berg, Anna", ("Anna van den Berg",)),
    ("Ferry, Jr., Anna", ("Anna Ferry Jr.",)),
    ("{World Bread Organisation}", ("World Bread Organisation",)),
    ("{Bread and Butter Ltd.} and Lake, Bob", ("Bread and Butter Ltd.", "Bob Lake")),
    (r"G{\"o}del, K{\'a}roly", ("Károly Gödel",)),
    (r"{\'E}mile {\O}deg{\aa}rd", ("Émile Ødegård",)),
    (r"Erd\H{o}s, P\'al", ("Pál Erdős",)),
    ("Ferry, A. and others", ("A. Ferry",)),
    ("Ferry,Anna\n and\n Lake,Bob", ("Anna Ferry", "Bob Lake")),
    ("Ferry, Anna AND Lake, Bob", ("Anna Ferry", "Bob Lake")),
    ("Ferry,", ("Ferry",)),
    ("a, b, c, d", ("c d a b",)),
    ("", ()),
    ("Plato", ("Plato",)),
    ("Ferry~Lake, Anna", ("Anna Ferry Lake",)),
]


@pytest.mark.parametrize(("raw", "names"), AWKWARD_AUTHORS)
def test_awkward_authors(raw: str, names: tuple[str, ...], read: Read) -> None:
    assert only(read(one(f"author = {{{raw}}}"))).authors == names


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ("date = {2014-05-01}", "year", 2014),
        ("year = {forthcoming}, date = {2015}", "year", 2015),
        ("year = {c. 2011}", "year", 2011),
        ("year = {in press}", "year", None),
        ("journaltitle = {Letters on Boats}", "venue", "Letters on Boats"),
        ("booktitle = {Proc.\\ of Boats}", "venue", "Proc. of Boats"),
        ("eprint = {2001.00001}, archiveprefix = {arXiv}", "venue", "arXiv"),
        (
            "eprint = {2001.00001}, archiveprefix = {arXiv}",
            "url",
            "https://arxiv.org/abs/2001.00001",
        ),
        ("doi = {https://doi.org/10.1234/X_y}", "url", "https://doi.org/10.1234/X_y"),
        (r"doi = {10.1234/X\_y}", "url", "https://doi.org/10.1234/X_y"),
        (r"url = {https://example.org/a\_b\%20c}", "url", "https://example.org/a_b%20c"),
        (r"url = {\url{https://example.org}}", "url", "https://example.org"),
        ("month = jan # { 5}, year = 2001", "year", 2001),
        ("journal = jr", "venue", "Journal of Rivers"),
        ('journal = jr # ", Part B"', "venue", "Journal of Rivers, Part B"),
        ("journal = unknown", "venue", "unknown"),
    ],
)
def test_other_fields(fields: str, attribute: str, value: object, read: Read) -> None:
    text = '@STRING{jr = "Journal of " # {Rivers}}\n' + one(fields)
    assert getattr(only(read(text)), attribute) == value


def test_comments_preambles_and_loose_text_are_no_entries(read: Read) -> None:
    text = (
        "Exported on a Tuesday, for anna@example.org.\n"
        '@comment{jabref-meta: databaseType:bibtex;}\n@preamble{"\\newcommand{\\x}{y}"}\n'
        "@Comment{ @article{old, title={Old}} }\n" + one("", key="a") + "% a line\n"
        "@Article(b, title = {In (round) brackets}, abstract = {A.})\n"
    )
    assert [entry.source_id for entry in read(text) if isinstance(entry, Paper)] == ["a", "b"]


def test_a_crossref_brings_venue_and_year_and_the_volume_is_no_paper(read: Read) -> None:
    text = (
        one("crossref = {Vol}", "inproceedings")
        + "@proceedings{vol, title = {Proceedings of Boats}, year = 2003}\n"
    )
    paper = only(read(text))
    assert (paper.venue, paper.year, paper.title) == ("Proceedings of Boats", 2003, "T")


def test_entries_without_a_key_are_no_doubles_of_each_other(read: Read) -> None:
    text = one("", key="") + one("", key="") + "@misc{, title = {T}}\n"
    first, second, note = read(text)
    assert (first.source_id, second.source_id) == ("", "")
    assert note == Unreadable("x:9", "'T' has no abstract")


def test_a_parser_that_gives_up_is_told(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(_: object) -> None:
        raise ParserStateException("lost")

    monkeypatch.setattr("bibtexparser.splitter.Splitter.split", give_up)
    with pytest.raises(SourceError, match="x cannot be read as BibTeX"):
        read(BIBTEX)


def test_a_record_that_is_far_too_long_is_noted(read: Read) -> None:
    note, paper = read("TY  - JOUR\n" + "AB  - " + "a " * 200_000 + "\n" + RIS)
    assert note == Unreadable("x:1", "the record is longer than 300,000 characters")
    assert isinstance(paper, Paper)


def test_paragraphs_of_an_abstract_stay_apart(read: Read) -> None:
    text = "@misc{k, title={T}, abstract={One\n line.\n\n Two.}}\n"
    assert only(read(text)).abstract == "One line.\n\nTwo."


GOOD = one("", key="good")


@pytest.mark.parametrize(
    ("broken", "line", "reason"),
    [
        (one("", key="good"), 5, "the key 'good' stands here a second time"),
        ("@misc{k, title = {T}}\n", 5, "'T' has no abstract"),
        ("@misc{k, abstract = {A.}}\n", 5, "it has no title"),
        ("@misc{k, title = {T} abstract = {A.}}\n", 5, "a comma, brace or quotation mark"),
        ("@misc{k, title = {T {x}, abstract = {A.}}\n", 5, "Unexpected block start"),
        ("\n\n@misc{k, title = {T}, abstract\n}\n", 7, "Expected a `=`"),
        ("@misc{k title = {T}}\n", 5, "Expected comma after entry key"),
        ("@misc{k, title = {T}}, abstract = {A.}}\n", 5, "'T' has no abstract"),
        ('@misc{k, title = "T, abstract = {A.}}\n', 5, "Unexpected block start"),
        ('@string{oops "x"}\n', 5, "Expected equals sign"),
    ],
)
def test_a_broken_entry_is_noted_with_its_line(
    broken: str, line: int, reason: str, read: Read
) -> None:
    entries = read(GOOD + broken + one("", key="last"))
    notes = [entry for entry in entries if isinstance(entry, Unreadable)]
    assert [note.where for note in notes] == [f"x:{line}"]
    assert reason in notes[0].reason
    keys = [entry.source_id for entry in entries if isinstance(entry, Paper)]
    assert keys == ["good", "last"]


def test_a_file_that_ends_within_an_entry_keeps_those_before(read: Read) -> None:
    good, note = read(GOOD + "@misc{k, title = {T}, abstract = {never")
    assert isinstance(good, Paper)
    assert note == Unreadable("x:5", "it is not BibTeX: Unexpectedly reached end of file.")


# RIS


def test_ris_gives_all_that_a_paper_has(read: Read) -> None:
    assert only(read(RIS)) == Paper(
        title="Bread and its crust",
        abstract="Crust forms late. It browns at 150 degrees.",
        authors=("Anna Ferry", "Bob Lake"),
        year=2020,
        venue="Baking Letters",
        url="https://doi.org/10.1234/bl.1",
        source_id="crust",
        source="x",
        doi="10.1234/bl.1",
    )


@pytest.mark.parametrize(
    ("lines", "attribute", "value"),
    [
        ("T1  - Boats\nN2  - Float.", "title", "Boats"),
        ("T1  - Boats\nN2  - Float.", "abstract", "Float."),
        ("TI  - T\nAB  - A.\nA1  - Ferry, Anna, Jr.", "authors", ("Anna Ferry Jr.",)),
        ("TI  - T\nAB  - A.\nY1  - 2003/05/01/", "year", 2003),
        ("TI  - T\nAB  - A.\nDA  - 2004/05", "year", 2004),
        ("TI  - T\nAB  - A.\nT2  - Boats Weekly", "venue", "Boats Weekly"),
        ("TI  - T\nAB  - A.\nJF  - Boats Monthly", "venue", "Boats Monthly"),
        ("TI  - T\nAB  - A.\nUR  - https://e.org/?a;b", "url", "https://e.org/?a;b"),
        ("TI  - T\nAB  - Wraps\n  over\nlines.", "abstract", "Wraps over lines."),
        ("TI  - T\nAB  - <p>One.</p><p>Two &lt; 3.</p>", "abstract", "One.\n\nTwo < 3."),
        ("TI  - T\nAB  - A.\nXX  - odd\nZ9  - odder", "title", "T"),
        ("TI  - T\nAB  - A.\nUK  - named as the parser names\nXX  - the unknown", "title", "T"),
        ("TI  - T\nAB  - A.\nER  - \nTYped by hand,\nand nothing more", "abstract", "A."),
        ("TI  - T\nAB  -\n  On the next line.", "abstract", "On the next line."),
        ("TI  - Caf\u00e9\nAB  - A.", "title", "Café"),
    ],
)
def test_awkward_ris(lines: str, attribute: str, value: object, read: Read) -> None:
    assert getattr(only(read(f"TY  - JOUR\n{lines}\nER  - \n")), attribute) == value


def test_ris_notes_what_lacks_an_abstract_and_reads_a_record_without_end(read: Read) -> None:
    text = "\nTY  - JOUR\nTI  - One\nER  - \n\nTY  - JOUR\nTI  - Two\nAB  - Here.\n" + RIS
    note, two, last = read(text)
    assert note == Unreadable("x:2", "'One' has no abstract")
    assert (two.title, last.title) == ("Two", "Bread and its crust")


# JSON


def test_csl_gives_all_that_a_paper_has(read: Read) -> None:
    assert only(read(CSL)) == Paper(
        title="Rivers that turn",
        abstract="Rivers turn & widen.",
        authors=("Anna Ferry", "River Society"),
        year=2021,
        venue="Journal of Rivers",
        url="https://doi.org/10.1234/jr.9",
        source_id="ferry2021",
        source="x",
        doi="10.1234/jr.9",
    )


def test_better_bibtex_json_gives_its_papers_and_no_attachments(read: Read) -> None:
    export = {
        "config": {"id": "x", "options": {"items": [1]}},
        "collections": {},
        "items": [
            {"itemType": "attachment", "title": "Full text"},
            {
                "itemType": "journalArticle",
                "citationKey": "ferry",
                "title": "Boats &amp; <i>oars</i>",
                "abstractNote": "Oars push.",
                "creators": [
                    {"firstName": "Anna", "lastName": "Ferry", "creatorType": "author"},
                    {"firstName": "Ed", "lastName": "Itor", "creatorType": "editor"},
                    {"name": "Boat Club", "creatorType": "author"},
                ],
                "date": "May 2013",
                "publicationTitle": "Boats",
                "DOI": "10.1234/oars",
            },
        ],
    }
    for indent in (None, 2):
        paper = only(read(json.dumps(export, indent=indent)))
        assert (paper.title, paper.abstract, paper.year) == ("Boats & oars", "Oars push.", 2013)
        assert (paper.authors, paper.venue) == (("Anna Ferry", "Boat Club"), "Boats")
        assert (paper.url, paper.source_id) == ("https://doi.org/10.1234/oars", "ferry")


@pytest.mark.parametrize(
    ("record", "attribute", "value"),
    [
        ({"title": ["In a list"], "issued": {}}, "title", "In a list"),
        ({"issued": {"raw": "Spring 2002"}}, "year", 2002),
        ({"issued": {"date-parts": [["2003"]]}}, "year", 2003),
        ({"issued": {"date-parts": [[None]]}}, "year", None),
        ({"issued": {"date-parts": []}}, "year", None),
        ({"issued": None}, "year", None),
        ({"year": 10**30}, "year", None),
        (
            {"author": [{"family": "Gogh", "given": "V.", "non-dropping-particle": "van"}]},
            "authors",
            ("V. van Gogh",),
        ),
        ({"authors": ["Anna Ferry", "", "Bob Lake"]}, "authors", ("Anna Ferry", "Bob Lake")),
        ({"title": "<b>Kept</b> &amp; plain"}, "title", "<b>Kept</b> &amp; plain"),
        ({"title": "Half \ud83d a smile"}, "title", "Half a smile"),
        ({"doi": "10.1234/z"}, "url", "https://doi.org/10.1234/z"),
    ],
)
def test_awkward_records(
    record: dict[str, object], attribute: str, value: object, read: Read
) -> None:
    paper = only(read(json.dumps([{"title": "T", "abstract": "A."} | record])))
    assert getattr(paper, attribute) == value
    assert paper.id


def test_an_object_over_several_lines_is_one_paper(read: Read) -> None:
    record = {"title": "T", "author": [{"family": "Ferry"}], "abstract": "A."}
    assert only(read(json.dumps(record, indent=2))).authors == ("Ferry",)


@pytest.mark.parametrize(
    ("end", "line", "reason"),
    [
        ("\n {oops}]", 3, "it is not JSON from here on (Expecting property name"),
        ('\n {"title": "Cut', 3, "it is not JSON from here on (Unterminated string"),
        ("", 2, "it is not JSON from here on (Expecting ',' delimiter)"),
        (', {"title": "T"}]', 2, "'T' has no abstract"),
        (", 7]", 2, "Input should be"),
        (', {"title": {}, "abstract": "A."}]', 2, "title: Input should be a valid string"),
        (f", {'[' * 100_000}", 2, "it is not JSON"),
    ],
)
def test_a_broken_array_gives_what_stands_before(
    end: str, line: int, reason: str, read: Read
) -> None:
    good, note = read(
        '[\n {"title": "Good", "abstract": "A."}' + (end and f",{end}".replace(",,", ","))
    )
    assert isinstance(good, Paper)
    assert note.where == f"x:{line}"
    assert reason in note.reason


@pytest.mark.parametrize("text", ["[]", '{"items": []}', "[\n]\n"])
def test_an_empty_array_holds_no_papers(text: str, read: Read) -> None:
    assert read(text) == []


def test_arxiv_metadata_gives_all_that_a_paper_has(read: Read) -> None:
    assert only(read(ARXIV)) == Paper(
        title="Waves in canals",
        abstract="Waves travel in canals of width $w_i$.",
        authors=("Anna Ferry", "Bob Pólya Jr."),
        year=2012,
        venue="arXiv",
        url="https://arxiv.org/abs/1234.56789",
        source_id="1234.56789",
        source="x",
        arxiv="1234.56789",
    )


def test_arxiv_metadata_without_parsed_authors(read: Read) -> None:
    record = json.loads(ARXIV) | {"journal-ref": "Canals 3 (2013) 4"}
    del record["authors_parsed"], record["versions"]
    paper = only(read(json.dumps(record)))
    assert paper.authors == ("A. Ferry", "B. Lake", "C. Pond")
    assert (paper.year, paper.venue) == (2015, "Canals 3 (2013) 4")


def test_json_lines_are_read_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.sources._HEAD", 100)
    lines = [
        json.dumps({"title": f"T{i}", "abstract": "Ä" * 30}, ensure_ascii=False) for i in "abc"
    ]
    content = "\n".join(lines).encode()
    (tmp_path / "x").write_bytes(content)
    assert [p.title for p in read_source(tmp_path / "x")] == ["Ta", "Tb", "Tc"]
    (tmp_path / "x").write_bytes(content + b"\n{\xff")
    entries = read_source(tmp_path / "x")
    assert [next(entries).title for _ in range(3)] == ["Ta", "Tb", "Tc"]
    with pytest.raises(SourceError, match=rf"byte {len(content) + 2}\)"):
        next(entries)


# Tables


def test_zoteros_csv_gives_all_that_a_paper_has(read: Read) -> None:
    assert only(read(ZOTERO_CSV)) == Paper(
        title="Boats",
        abstract="Boats float, mostly. Some do not.",
        authors=("Anna Ferry", "Bob Lake"),
        year=2018,
        venue="Journal of Rivers",
        url="https://doi.org/10.1234/jr.2",
        source_id="AB12",
        source="x",
        doi="10.1234/jr.2",
    )


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("title\tabstract\tyear\nT\tA, b; c.\t2001\n", "year", 2001),
        ("title;abstract;url\nT;A, b.;https://e.org\n", "url", "https://e.org"),
        ("sep=;\ntitle;abstract\nT;A.\n", "title", "T"),
        ("TI\tAB\tAF\tPY\tSO\nT\tA.\tFerry, Anna; Lake, Bob\t1999\tBOATS\n", "venue", "BOATS"),
        (
            "Article Title\tAbstract\tAuthors\nT\tA.\tFerry, A; Lake, B\n",
            "authors",
            ("A Ferry", "B Lake"),
        ),
        (
            'Authors,Author full names,Title,Abstract\nF.,"Ferry, Anna (570)",T,A.\n',
            "authors",
            ("Anna Ferry",),
        ),
        ('authors,title,abstract\n"Ferry A., Lake B.",T,A.\n', "authors", ("Ferry A.", "Lake B.")),
        ('authors,title,abstract\n"Ferry, Anna",T,A.\n', "authors", ("Anna Ferry",)),
        ("title,abstract,,\nT,A.,,\n", "title", "T"),
        ("title,abstract\nT,A.,,\n", "title", "T"),
        ('title,abstract\n"Say ""bread""",A.\n', "title", 'Say "bread"'),
        ("title,abstract,doi\nT,<p>A &amp; b.</p>,doi:10.1234/q\n", "abstract", "A & b."),
        ("Title,Year,Abstract,Date\nT,,A.,2007-01-01\n", "year", 2007),
        ("title,abstract\n\n,\nT,A.\n\n", "title", "T"),
        (
            'title,abstract,Author Keywords\nT,A.,"owls; night, dark"\n',
            "tags",
            ("owls", "night, dark"),
        ),
        ('title,abstract,Manual Tags,keywords\nT,A.,,"a, b"\n', "tags", ("a", "b")),
    ],
)
def test_awkward_tables(text: str, attribute: str, value: object, read: Read) -> None:
    assert getattr(only(read(text)), attribute) == value


def test_a_row_that_cannot_be_used_is_noted_with_its_line(read: Read) -> None:
    rows = [
        "title,abstract,year",
        '"Good","Over\ntwo lines.",2001',
        "Short,row",
        "T,Has a, comma,2001",
        "Empty,,2002",
        "Scopus,[No abstract available],2002",
        f"Long,{'x' * 200_000},2003",
        "Last,A.,2004",
    ]
    good, *notes, last = read("\n".join(rows) + "\n")
    assert (good.title, last.title) == ("Good", "Last")
    assert notes == [
        Unreadable(
            "x:4",
            "the row has 2 cells and the header 3; a quotation mark or delimiter may be missing",
        ),
        Unreadable(
            "x:5",
            "the row has 4 cells and the header 3; a quotation mark or delimiter may be missing",
        ),
        Unreadable("x:6", "'Empty' has no abstract"),
        Unreadable("x:7", "'Scopus' has no abstract"),
        Unreadable("x:8", "it is no row of a table: field larger than field limit (131072)"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title,year\nT,2001\n", "x has no abstract column; its columns are 'title', 'year'."),
        ("abstract,year\nA,2001\n", "x has no title column"),
        ("loaf,weight\nrye,2\nspelt,3\n", "x has no title and no abstract column; its columns are"),
    ],
)
def test_a_table_without_the_columns_says_which_it_has(text: str, says: str, read: Read) -> None:
    with pytest.raises(SourceError) as error:
        read(text)
    assert says in error.value.what


# PubMed


def test_medline_gives_all_that_a_paper_has(read: Read) -> None:
    assert only(read(MEDLINE)) == Paper(
        title="Bread crumbs and the birds that eat them.",
        abstract="BACKGROUND: Crumbs fall. RESULTS: Birds eat them.",
        authors=("Anna Ferry",),
        year=2017,
        venue="Journal of crumbs",
        url="https://doi.org/10.1234/crumbs",
        source_id="123",
        source="x",
        doi="10.1234/crumbs",
        pmid="123",
    )


def test_medline_records_follow_each_other_and_lack_things(read: Read) -> None:
    text = "PMID- 1\nTI  - No abstract\n\nPMID- 2\nAB  - A.\n\n" + (
        "PMID- 3\nTI  - T\nAB  - Wraps\n      NOTE- not a field.\nAU  - Ferry A\n"
        "AID - S00 [pii]\nAID - 10.1234/aid [doi]\nTA  - Crumbs\n"
    )
    first, second, third = read(text)
    assert first == Unreadable("x:1", "'No abstract' has no abstract")
    assert second == Unreadable("x:4", "it has no title")
    assert (third.abstract, third.authors) == ("Wraps NOTE- not a field.", ("Ferry A",))
    assert (third.url, third.venue) == ("https://doi.org/10.1234/aid", "Crumbs")


def test_pubmed_xml_gives_all_that_a_paper_has(read: Read) -> None:
    assert only(read(PUBMED_XML)) == Paper(
        title="Yeast in CO2 & bread",
        abstract="AIM: To rise at p < 0.05.\n\nRESULTS: It rose.",
        authors=("Anna Ferry", "Yeast Group"),
        year=2016,
        venue="Journal of yeast",
        url="https://doi.org/10.1234/yeast",
        source_id="77",
        source="x",
        doi="10.1234/yeast",
        pmid="77",
    )


def pubmed(article: str, rest: str = "") -> str:
    return (
        "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>5</PMID><Article>"
        f"<ArticleTitle>T</ArticleTitle><Abstract><AbstractText>A.</AbstractText></Abstract>"
        f"{article}</Article></MedlineCitation>{rest}</PubmedArticle></PubmedArticleSet>"
    )


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        (pubmed(""), "url", "https://pubmed.ncbi.nlm.nih.gov/5/"),
        (
            pubmed(
                "<Journal><JournalIssue><PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate>"
                "</PubDate></JournalIssue></Journal>"
            ),
            "year",
            1998,
        ),
        (
            pubmed(
                "",
                "<PubmedData><ArticleIdList><ArticleId IdType='doi'>10.1234/own</ArticleId>"
                "</ArticleIdList><ReferenceList><Reference><ArticleIdList>"
                "<ArticleId IdType='doi'>10.1234/other</ArticleId></ArticleIdList></Reference>"
                "</ReferenceList></PubmedData>",
            ),
            "url",
            "https://doi.org/10.1234/own",
        ),
        (
            "<PubmedArticleSet><PubmedBookArticle><BookDocument><PMID>6</PMID>"
            "<Book><BookTitle>Breads</BookTitle><PubDate><Year>2009</Year></PubDate></Book>"
            "<ArticleTitle>Rye</ArticleTitle><Abstract><AbstractText>A.</AbstractText></Abstract>"
            "</BookDocument></PubmedBookArticle></PubmedArticleSet>",
            "venue",
            "Breads",
        ),
    ],
)
def test_awkward_pubmed_xml(text: str, attribute: str, value: object, read: Read) -> None:
    assert getattr(only(read(text)), attribute) == value


def test_an_article_without_a_citation_is_noted(read: Read) -> None:
    text = "<PubmedArticleSet>\n<PubmedArticle/>\n</PubmedArticleSet>"
    assert read(text) == [Unreadable("x:2", "it holds neither a citation nor a book")]


@pytest.mark.parametrize("sample", [PUBMED_XML, ACL])
def test_xml_that_breaks_off_keeps_what_stands_before(sample: str, read: Read) -> None:
    paper, note = read(sample[: sample.rindex("</")] + "\n<oops")
    assert isinstance(paper, Paper)
    assert note.where == f"x:{sample.count(chr(10)) + 1}"
    assert "the XML breaks off here" in note.reason


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "x>y" [<!ENTITY % a SYSTEM "https://example.org/a"> %a;]>',
        "<!DOCTYPE a [<!ELEMENT a ANY>]>",
    ],
)
def test_xml_with_entities_of_its_own_is_refused(declaration: str, read: Read) -> None:
    with pytest.raises(SourceError, match="declares XML entities of its own"):
        read(declaration + pubmed(""))


def test_xml_without_an_end_to_its_depth_is_refused(read: Read) -> None:
    with pytest.raises(SourceError, match="more than 100 elements deep"):
        read("<PubmedArticleSet>" + "<PubmedArticle>" * 100_000)


def test_an_unknown_entity_ends_the_reading_with_a_note(read: Read) -> None:
    (note,) = read(pubmed("<X>&nbsp;</X>"))
    assert note == Unreadable(
        "x:1", "the XML breaks off here (undefined entity); what follows is not read"
    )


# ACL Anthology


def test_acl_xml_gives_all_that_a_paper_has(read: Read) -> None:
    assert only(read(ACL)) == Paper(
        title="Parsing Baguettes",
        abstract="We parse baguettes. They are long.",
        authors=("Anna Ferry",),
        year=2020,
        venue="Workshop on Bread",
        url="https://aclanthology.org/2020.bread-1.1/",
        source_id="ferry-2020-parsing",
        source="x",
    )


def test_acl_volumes_have_their_own_year_and_papers_may_lack_things(read: Read) -> None:
    second = (
        "<volume id='2'><meta><booktitle>Bakery</booktitle><year>2021</year></meta>\n"
        "<paper><title>Lost</title></paper>\n"
        "<paper><title>On <tex-math>x_i</tex-math></title><author><last>Plato</last></author>"
        "<abstract>A &lt; b.</abstract><url>https://example.org/p</url></paper></volume>"
    )
    _, note, paper = read(ACL.replace("</collection>", second + "</collection>"))
    assert note == Unreadable("x:10", "'Lost' has no abstract")
    assert (paper.title, paper.abstract, paper.year) == ("On x_i", "A < b.", 2021)
    assert (paper.authors, paper.venue, paper.url) == (
        ("Plato",),
        "Bakery",
        "https://example.org/p",
    )


# What holds files


def titles(*given: str | Path) -> tuple[list[str], list[str]]:
    """Titles read, and what is said of the files that cannot be."""
    found, said = [], []
    for argument in given:
        for source in find_sources(argument):
            try:
                found += [entry.title for entry in source.read() if isinstance(entry, Paper)]
            except SourceError as error:
                said.append(error.what)
    return found, said


def zipped(path: Path, **members: bytes | str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name[:2] + name[2:].replace("__", "/"), content)
    return path


def test_packed_files_are_opened_whatever_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(gzip.compress(BIBTEX.encode()))
    zipped(tmp_path / "b.bin", ris=RIS, sub__inner=gzip.compress(ARXIV.encode()))
    zipped(tmp_path / "c.zip", **{"__MACOSX__x": "junk", ".hidden": "junk", "acl": ACL})
    found, said = titles(tmp_path / "a.bin", tmp_path / "b.bin", tmp_path / "c.zip")
    assert said == []
    assert found == [
        "Bridges of Nordheim",
        "Bread and its crust",
        "Waves in canals",
        "Parsing Baguettes",
    ]
    entries = list(read_source(zipped(tmp_path / "d.zip", bib="@misc{k, title = {T}}\n")))
    assert entries == [Unreadable("d.zip/bib:1", "'T' has no abstract")]


def test_a_cut_or_damaged_archive_is_one_line_and_the_rest_goes_in(tmp_path: Path) -> None:
    packed = gzip.compress(os.urandom(3000) + BIBTEX.encode())
    (tmp_path / "cut.gz").write_bytes(packed[:1500])
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8b\x08\x00" + b"\xff" * 200)
    (tmp_path / "short.gz").write_bytes(b"\x1f\x8b")
    whole = zipped(tmp_path / "whole.zip", bib=BIBTEX).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    at = whole.index(b"PK\x01\x02") - 30
    (tmp_path / "flip.zip").write_bytes(whole[:at] + b"\x00\xff\x00\xff" + whole[at + 4 :])
    (tmp_path / "good.bib").write_text(BIBTEX)
    names = ["cut.gz", "bad.gz", "short.gz", "cut.zip", "flip.zip", "good.bib"]
    found, said = titles(*(tmp_path / name for name in names))
    assert found == ["Bridges of Nordheim"]
    assert len(said) == 5
    for name, line in zip(names, said, strict=False):
        assert line.startswith(str(tmp_path / name))
        assert "damaged" in line
        assert "\n" not in line


def test_an_entry_without_a_name_is_told(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "nameless.zip", a=BIBTEX).read_bytes()
    # The name's length in the directory of the archive, and the name itself.
    at = whole.index(b"PK\x01\x02")
    nameless = whole[: at + 28] + b"\0\0" + whole[at + 30 : at + 46] + whole[at + 47 :]
    size = nameless.index(b"PK\x05\x06") + 12
    nameless = nameless[:size] + bytes([nameless[size] - 1]) + nameless[size + 1 :]
    with zipfile.ZipFile(io.BytesIO(nameless)) as archive:
        assert archive.namelist() == [""]
    (tmp_path / "nameless.zip").write_bytes(nameless)
    (line,) = titles(tmp_path / "nameless.zip")[1]
    assert "damaged" in line  # the entry itself is called otherwise


def test_a_name_of_several_lines_is_told_in_one(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    nameless = "@misc{k, title = {T}}\n"
    zipped(folder / "a\x0bb.zip", **{"c\u2028d": nameless, "e\x1cf": gzip.compress(b"x")[:9]})
    (folder / "g\nh").write_text(nameless)
    wheres, said = [], []
    for source in find_sources(str(folder)):
        try:
            wheres += [entry.where for entry in source.read() if isinstance(entry, Unreadable)]
        except SourceError as error:
            said.append(error.what)
    assert wheres == ["papers/a b.zip/c d:1", "papers/g h:1"]
    (line,) = said
    assert len(line.splitlines()) == 1
    assert "a b.zip/e f is packed, and damaged" in line


def test_every_way_to_pack_tells_what_is_damaged(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = tmp_path / f"{method}.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("a", BIBTEX)
        assert titles(path) == (["Bridges of Nordheim"], [])
        whole = path.read_bytes()
        path.write_bytes(whole[:50] + b"\xff" * 20 + whole[70:])
        (line,) = titles(path)[1]
        assert "damaged" in line


@pytest.mark.parametrize("pack", ["gz", "zip", "gz in zip"])
def test_what_unpacks_to_far_more_is_stopped(tmp_path: Path, pack: str) -> None:
    path = tmp_path / "bomb"
    content = b"{" + b" " * 30_000_000
    if pack == "gz":
        path.write_bytes(gzip.compress(content))
    else:
        zipped(path, a=content if pack == "zip" else gzip.compress(content), b=BIBTEX)
    found, (said,) = titles(path)
    assert found == []
    assert "unpacks to more than 200 times its size" in said


def test_what_unpacks_to_too_much_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "MAX_UNPACKED", 1000)
    (tmp_path / "big.gz").write_bytes(gzip.compress(os.urandom(2000)))
    assert "unpacks to more than 1e-06 GB" in titles(tmp_path / "big.gz")[1][0]


def test_archives_in_archives_and_locked_ones_are_told(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", bib=BIBTEX).read_bytes()
    zipped(tmp_path / "outer.zip", inner=inner)
    (tmp_path / "twice.gz").write_bytes(gzip.compress(gzip.compress(b"x")))
    zipped(tmp_path / "empty.zip")
    zipped(tmp_path / "word.docx", **{"[Content_Types].xml": "<x/>"})
    locked = bytearray(inner)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + offset] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    names = ["outer.zip", "twice.gz", "empty.zip", "word.docx", "locked.zip"]
    said = titles(*(tmp_path / name for name in names))[1]
    for line, reason in zip(
        said,
        [
            "inner is a zip file in a zip file",
            "is packed twice",
            "is a zip file that holds no files",
            "is an office document",
            "is locked with a password",
        ],
        strict=True,
    ):
        assert reason in line


def test_a_folder_is_read_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    (folder / "sub").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git" / "x").write_text("junk")
    (folder / ".hidden").write_text("junk")
    (folder / "b.ris").write_text(RIS)
    (folder / "a.bib").write_text(BIBTEX)
    (folder / "odd.png").write_bytes(b"\x89PNG")
    (folder / "sub" / "{0}.xml").write_text("<PubmedArticleSet>\n<PubmedArticle/>")
    found, said = titles(folder)
    assert found == ["Bridges of Nordheim", "Bread and its crust"]
    assert said == [f"{folder / 'odd.png'} is not UTF-8 text (byte 0)."]
    (folder / "odd.png").unlink()
    notes = [entry for entry in read_source(folder) if isinstance(entry, Unreadable)]
    assert notes[0].where == "papers/sub/{0}.xml:2"


def test_links_out_of_a_folder_are_told_and_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    (folder / ".store").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.bib").write_text(BIBTEX)
    (folder / ".store" / "1").write_text(RIS)
    (folder / "inside").symlink_to(".store/1")
    (folder / "file").symlink_to(tmp_path / "outside" / "x.bib")
    (folder / "folder").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to("loop")
    (folder / "nothing").symlink_to("gone")
    (folder / "up").symlink_to(folder)
    found, said = titles(folder)
    assert found == ["Bread and its crust"]
    assert sorted(said) == [
        f"{folder / 'file'} is a link out of papers, which is not followed.",
        f"{folder / 'folder'} is a link out of papers, which is not followed.",
        f"{folder / 'loop'} is a link that leads nowhere.",
        f"{folder / 'nothing'} is a link that leads nowhere.",
    ]


def test_an_empty_folder_and_a_pattern_that_fits_nothing_say_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _, said = titles(tmp_path / "empty", str(tmp_path / "*.bib"), "no\0name")
    assert said[0] == f"{tmp_path / 'empty'} holds no files."
    assert said[1] == f"No file matches {tmp_path / '*.bib'}."
    assert "cannot be read" in said[2]


def test_patterns_that_the_shell_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a[1].bib").write_text(BIBTEX)
    (tmp_path / "sub" / "b.bib").write_text(BIBTEX.replace("Bridges", "Boats"))
    assert titles(tmp_path / "a[1].bib")[0] == ["Bridges of Nordheim"]
    assert titles(str(tmp_path / "*"))[0] == ["Bridges of Nordheim", "Boats of Nordheim"]
    both = titles(str(tmp_path / "**" / "*.bib"))[0]
    assert both == ["Bridges of Nordheim", "Boats of Nordheim"]


@pytest.mark.parametrize("content", [BIBTEX.encode(), gzip.compress(BIBTEX.encode())])
def test_standard_input_and_pipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert only(list(read_source("-"))).source == "standard input"
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    assert titles(f"/dev/fd/{reading}")[0] == ["Bridges of Nordheim"]
    os.close(reading)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("sample", [BIBTEX, ARXIV, ZOTERO_CSV, PUBMED_XML])
def test_encodings_with_their_marks(tmp_path: Path, encoding: str, sample: str) -> None:
    (tmp_path / "x").write_bytes(sample.encode(encoding))
    assert len(titles(tmp_path / "x")[0]) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"@misc{k, title = {caf\xe9}}", "is not UTF-8 text (byte 21)."),
        (b"\xff\xfea\x00\x00\xd8", "is not UTF-16 text (byte 4)."),
    ],
)
def test_other_encodings_are_told_with_their_place(
    tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "x").write_bytes(content)
    assert says in titles(tmp_path / "x")[1][0]


# Small parts


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<jats:title>Abstract</jats:title><jats:p>One.</jats:p>", "One."),
        ("<p>One.</p>\n<p>Two<br/>three.</p>", "One.\n\nTwo\n\nthree."),
        ("a &lt;i&gt; b", "a <i> b"),
        ("AT&T &copy; &unknown; &#8211; &#x2013;", "AT&T © &unknown; – –"),
        ("x<y and List<T> and <b>bold</b>", "x<y and List<T> and bold"),
        ("<p and q>", "<p and q>"),
        ('<span class="nocase">Bread</span>', "Bread"),
        ("<mml:math><mml:mi>x</mml:mi></mml:math>", "x"),
    ],
)
def test_markup_is_taken_out_and_marks_that_are_none_stay(text: str, clean: str) -> None:
    assert plain(text) == clean


def test_years_links_and_names() -> None:
    assert [year_in(t) for t in ("3 May 2001", "20015", "1066", "")] == [2001, None, None, None]
    assert link("doi:10.1234/a", "u") == "https://doi.org/10.1234/a"
    assert link("none", " u ") == "u"
    assert split_names("Ferry, Anna and Lake, Bob") == ("Anna Ferry", "Bob Lake")
    assert split_names("Anna Ferry, Bob Lake, Cy Pond") == ("Anna Ferry", "Bob Lake", "Cy Pond")
    assert fold("a\r\nb\r\n \r\nc") == "a b\n\nc"


# Whatever comes

N = 30_000
LONG = {
    "braces": "@misc{k, title = " + "{" * N,
    "openings": "@misc{a" * N,
    "openings by line": "@misc{a, b = {\n" * N,
    "round openings": "@misc(a, b = (\n" * N,
    "pieces": "@misc{k, title = " + "a # " * N + "{T}, abstract = {A.}}",
    "abbreviations of abbreviations": '@string{a0 = "aaaaaaaaaa"}\n'
    + "".join(f"@string{{a{i + 1} = a{i} # a{i}}}\n" for i in range(64))
    + "@misc{k, title = {T}, abstract = a64}\n",
    "accents": "@misc{k, title = {T}, abstract = {" + "\\'" * N + "}}",
    "maths": "@misc{k, title = {T}, abstract = {" + "\\(" * N + "}}",
    "dollars": "@misc{k, title = {T}, abstract = {" + "$\\$ a" * N + "}}",
    "commands": "@misc{k, title = {T}, abstract = {" + "\\a[\\b{" * N + "}}",
    "names": "@misc{k, title = {T}, abstract = {A.}, author = {" + "A and {" * N + "}}",
    "at signs": "@misc{k, title = {" + " " * N + "\n" + "@ {" * N,
    "wrapped RIS": "TY  - JOUR\nTI  - T\nAB  - A\n" + "a\n" * N * 3,
    "RIS": "TY  - JOUR\n" * N,
    "wrapped MEDLINE": "PMID- 1\nTI  - T\nAB  - A\n" + "      a\n" * N,
    "tags": "[" + json.dumps({"title": "T", "issued": {}, "abstract": "<p a=''" * N}) + "]",
    "attributes": "["
    + json.dumps({"title": "T", "issued": {}, "abstract": "<p" + " a=''" * N})
    + "]",
    "references": "[" + json.dumps({"title": "T", "issued": {}, "abstract": "&a" * N}) + "]",
    "spaces": "[" + json.dumps({"title": "T", "issued": {}, "abstract": "<p" + " " * N}) + "]",
    "arrays": "[{" + "[" * N,
    "objects": '{"a":' * N,
    "records": "[" + "{}," * N + "{}]",
    "collections": "<collection >" * N,
    "elements": "<PubmedArticleSet>" + "<a>" * N,
    "articles": "<PubmedArticleSet>" + "<PubmedArticle/>" * N,
    "quotation marks": 'title,abstract\n"' + '"",' * N,
    "columns": "title,abstract" + ",a" * N + "\nT,A." + ",b" * N,
    "rows": "title,abstract\n" + "T\n" * N,
    "empty lines": "\n \n" * N,
}


@pytest.mark.parametrize("kind", LONG)
def test_no_long_file_is_read_for_minutes(kind: str, tmp_path: Path) -> None:
    started = time.perf_counter()
    survive(tmp_path / "x", LONG[kind].encode())
    assert time.perf_counter() - started < 10


def test_abbreviations_that_grow_without_end_are_noted(read: Read) -> None:
    note, *_ = read(LONG["abbreviations of abbreviations"])
    assert note == Unreadable("x:16", "the value of the abbreviation 'a15' cannot be read")
    text = '@string{a = "' + "a" * 1000 + '"}\n@misc{k, title = {T}, abstract = a' + " # a" * 300
    (note,) = read(text + "}\n")
    assert "the value of 'abstract' in 'k' cannot be read" in note.reason


FAST = settings(
    max_examples=100, deadline=5_000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def survive(path: Path, content: bytes) -> None:
    """Nothing but SourceError comes out, and every paper is one that a library can keep."""
    path.write_bytes(content)
    for source in find_sources(path):
        with suppress(SourceError):
            for entry in source.read():
                if isinstance(entry, Paper):
                    assert entry.title
                    assert entry.abstract
                    assert entry.id
                    assert entry.text_hash
                    "".join((*entry.authors, entry.venue, entry.url, entry.source_id)).encode()


@FAST
@given(text=st.text(max_size=300), name=st.sampled_from(sorted(SAMPLES)), data=st.data())
def test_whatever_is_put_into_a_file_is_survived(
    text: str, name: str, data: st.DataObject, tmp_path: Path
) -> None:
    sample = SAMPLES[name]
    at = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(at, min(len(sample), at + 40)))
    survive(tmp_path / "x", (sample[:at] + text + sample[end:]).encode())


MARKS = st.sampled_from([*"{}\"'\\,=@#()[]<>&;:%$~^-_|\t\n\r \x00é\u2028", "\ufeff", "]]>"])


@FAST
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    edits=st.lists(st.tuples(st.integers(0, 5000), st.sampled_from("idr"), MARKS), max_size=12),
)
def test_a_sample_changed_at_random_is_survived(
    name: str, edits: list[tuple[int, str, str]], tmp_path: Path
) -> None:
    text = SAMPLES[name] * 2 if name in ("BibTeX", "RIS", "MEDLINE") else SAMPLES[name]
    for place, kind, mark in edits:
        at = place % (len(text) + 1)
        text = text[:at] + ("" if kind == "d" else mark) + text[at + (kind != "i") :]
    survive(tmp_path / "x", text.encode())


@FAST
@given(
    content=st.binary(max_size=300),
    start=st.sampled_from([b"", b"\x1f\x8b", b"PK\x03\x04", b"\xff\xfe", gzip.compress(b"x")]),
)
def test_whatever_bytes_come_are_survived(content: bytes, start: bytes, tmp_path: Path) -> None:
    survive(tmp_path / "x", start + content)


@FAST
@given(data=st.data(), pack=st.sampled_from(["gz", "zip"]))
def test_an_archive_changed_at_random_is_survived(
    data: st.DataObject, pack: str, tmp_path: Path
) -> None:
    if pack == "gz":
        whole = gzip.compress(BIBTEX.encode(), mtime=0)
    else:
        whole = zipped(tmp_path / "z", a=BIBTEX, b=RIS).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.binary(min_size=0, max_size=3))
    survive(tmp_path / "x", whole[:at] + byte + whole[at + data.draw(st.integers(0, 4)) :])


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_names = st.sampled_from(
    "title abstract abstractNote author authors creators issued year date DOI doi url id versions "
    "authors_parsed update_date container-title itemType".split()
)


@FAST
@given(record=st.dictionaries(_names, _json), array=st.booleans())
def test_whatever_a_json_record_holds_is_survived(
    record: dict[str, object], array: bool, tmp_path: Path
) -> None:
    text = json.dumps([record] if array else record)
    survive(tmp_path / "x", text.encode())


@FAST
@given(st.text(alphabet="\\{}$'\"`^~=.aeioucv -%&\n", max_size=200))
def test_whatever_latex_comes_is_decoded(text: str) -> None:
    assert isinstance(decode(text), str)


@pytest.mark.parametrize("reader", _READERS, ids=lambda reader: reader.name)
@pytest.mark.parametrize("text", ["", "\n", "no such thing"])
def test_a_reader_of_what_is_not_its_own_does_not_break(reader: _Reader, text: str) -> None:
    with suppress(SourceError):
        assert not [entry for entry in reader.read(text, "x") if isinstance(entry, Paper)]
