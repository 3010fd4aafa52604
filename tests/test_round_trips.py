"""Fifty awkward records of RIS and of CSL-JSON each, through a library and out again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from writer import WordEncoder, open_library

from rag.exports import export
from rag.papers import Paper
from rag.sources import read_source

Item = dict[str, Any]

# A record's lines after its type; one without an abstract is given one.
RIS = [
    "TI  - Plain\nAU  - Ferry, Anna\nPY  - 2020\nJO  - Letters",
    "TI  - Größe, naïveté, Łódź, Škoda, Ærø, Đà Nẵng\nAU  - Škoda, René\nPY  - 2001",
    "TI  - Combining marks: Cafe\u0301 and A\u030angstro\u0308m\nAU  - Re\u0301nyi, Alfre\u0301d",
    "TI  - LaTeX-like \\alpha, {Braces} and $x_{i}^2$ in RIS\nAU  - Erd{\\H{o}}s, Paul",
    "TI  - 40\\% of \\emph{rivers} \\& lakes, 5 $ a day\nVL  - {3}",
    "TI  - Rivers &amp; lakes at p &lt; 0.05\nJO  - Bread &amp; Butter",
    "TI  - H<sub>2</sub>O and <i>E. coli</i>\nAB  - <p>One.</p><p>Two at p &lt; 0.05.</p>",
    "TI  - a < b > c, x<y>z and List<T>\nAB  - It holds for a < b and b > c.",
    "TI  - Written &lt;i&gt; as text\nAB  - The tag &lt;b&gt; is bold, &amp;amp; is an and.",
    "TI  - Particles\nAU  - van der Berg, Jan\nAU  - de la Cruz, María\nAU  - Ludwig van Beethoven",
    "TI  - Suffixes\nAU  - King, Martin Luther, Jr.\nAU  - Ford, Henry, III",
    "TI  - Corporate\nAU  - World Health Organization\nAU  - Barnes and Noble, Inc.\nAU  - CERN",
    "TI  - Initials\nAU  - Ng, A. Y.\nAU  - Lake,B.\nAU  - O'Neil-Smith, J.-P.",
    "TI  - One name\nAU  - Plato\nAU  - 老子\nAU  - 山田, 太郎",
    "TI  - And others\nAU  - Ferry, Anna\nAU  - et al.",
    "TI  - Editors and others\nAU  - Ferry, A.\nA2  - Lake, Bob\nA3  - Pond, Cy\nA4  - Sea, D.",
    "T1  - First authors\nA1  - Ferry, Anna\nA1  - Lake, Bob\nY1  - 1999///\nJF  - Journal of Ær",
    "TI  - Both kinds of authors\nA1  - Ferry, Anna\nAU  - Lake, Bob\nAU  - Pond, Cy",
    "TI  - Pages\nSP  - 101\nEP  - 120\nVL  - 12\nIS  - 3-4",
    "TI  - Pages in one\nSP  - e1023–e1044\nVL  - XII\nIS  - Suppl. 1",
    "TI  - No year\nAU  - Lake, Bob\nJO  - Letters",
    "TI  - Year in press\nPY  - in press",
    "TI  - Dates in parts\nPY  - 2020/05/01/Spring\nDA  - 2020/05/01",
    "TI  - Dates that disagree\nDA  - 2019/12/31\nPY  - 2020\nY2  - 2024/01/02",
    "TI  - A date alone\nDA  - 1987///",
    "TI  - Several places\nT2  - Journal of Rivers\nJO  - J. Riv.\nJA  - JR\nJ2  - JR2",
    "T2  - Proceedings of Bread\nTI  - At a conference\nC1  - Lyon\nCY  - Paris\nT3  - A series",
    "TI  - Odd DOI\nDO  - 10.1002/(SICI)1097-4571(199806)49:8<693::AID-ASI4>3.0.CO;2-O",
    "TI  - A DOI as a link\nDO  - https://doi.org/10.1234/AbC_d%20e\nUR  - https://example.org/?a=1&b=2",
    "TI  - A DOI with its name\nDO  - doi:10.1234/X.5.\nM3  - doi: 10.1234/X.5",
    "TI  - No DOI but a name\nDO  - none",
    "TI  - Links\nUR  - https://example.org/a;b\nUR  - https://example.org/~me/#x\nL1  - file:///tmp/a.pdf",
    "TI  - The preprint\nUR  - https://arxiv.org/abs/2401.00001v2\nM1  - 2401.00001",
    "TI  - A long title that goes\non to a second line\nAU  - Ferry, Anna",
    "TI  - An abstract in lines\nAB  - It goes on\nand on and ends here.\nPB  - A. House",
    "TI  - Notes in lines\nN1  - first line\nsecond line\nN1  - another note",
    "TI  - Keywords\nKW  - bread\nKW  - crust, brown\nKW  - naïve\nKW  - bread",
    "TI  - Keywords in lines\nKW  - river\nice\nsnow and rain",
    "TI  - Keywords with marks\nKW  - a < b\nKW  - R&amp;D\nKW  - C++",
    "T1  - Two titles\nTI  - Another title\nST  - Two\nTT  - Deux titres",
    "TI  - Repeated\nTI  - Repeated in vain\nPY  - 2000\nPY  - 2001\nVL  - 1\nVL  - 2",
    "TI  - עברית כותרת על לחם\nAU  - כהן, דוד\nJO  - כתב עת",
    "TI  - نص عربي عن \u200fالأنهار\nAU  - ابن رشد",
    "TI  - 日本語の論文について：パンと川\nAU  - 田中, 花子\nJO  - 日本パン学会誌\nKW  - パン",
    "TI  - Ελληνικά и русский 🙂 👩‍👩‍👧\nAU  - Толстой, Лев",
    "TI  - Unknown tags\nX9  - kept\nZZ  - kept - too\nU1  - 7\nLB  - mine\nDB  - Scopus",
    "TI  - Empty tags\nAU  - \nJO  - \nN1  - \nUR  - ",
    "TI  - Tags in text\nN1  - TY  - is no type here\nAD  - Rue 5 - Lyon",
    "TI  - No spaces at the end\nSN  - 1234-567X\nLA  - fr\nCN  - QA76.9 .D3",
    "ID  - Key:with.odd/chars_1\nTI  - A key of its own",
    "ID  - 12345\nTI  - A number for a key\nAN  - WOS:000123",
    "ID  - a key with spaces\nTI  - A key in words",
    "ID  - clé\nTI  - A key with an accent",
    "TI  - Quotes “curly”, \"straight\", 'single', `ticks' --- and – dashes",
    "TI  - @signs, #hashes, %percent, ~tildes~, back\\slashes, {unclosed",
    "TI  - 1984",
    "TI  - Ends in a hyphen -\nJO  - A  -  B",
]  # fmt: skip
KINDS = "JOUR CONF CPAPER BOOK CHAP THES RPRT UNPB GEN PAT MGZN NEWS ELEC DATA COMP EJOUR".split()


def ris_file() -> str:
    records = []
    for number, lines in enumerate(RIS):
        more = "" if "AB  - " in lines else f"\nAB  - Number {number} says so. It rains."
        key = "" if "ID  - " in lines else f"\nID  - Key{number}"
        records.append(f"TY  - {KINDS[number % len(KINDS)]}\n{lines}{more}{key}\nER  - \n")
    return "\n".join(records)


CSL: list[Item] = [
    {"title": "Plain", "author": [{"family": "Ferry", "given": "Anna"}], "container-title": "L"},
    {"title": "Größe, naïveté, Łódź, Ærø", "author": [{"family": "Škoda", "given": "René"}]},
    {"title": "Cafe\u0301 and A\u030angstro\u0308m", "author": [{"literal": "Re\u0301nyi"}]},
    {"title": "LaTeX-like \\alpha, {Braces} and $x_{i}^2$", "volume": "{3}"},
    {"title": "40\\% of \\emph{rivers} \\& lakes", "author": [{"literal": "Erd{\\H{o}}s"}]},
    {"title": "Rivers &amp; lakes at p &lt; 0.05", "container-title": "Bread &amp; Butter"},
    {"title": "H<sub>2</sub>O and <i>E. coli</i>", "abstract": "<p>One.</p><p>p &lt; 0.05.</p>"},
    {"title": "a < b > c, x<y>z and List<T>", "abstract": "For a < b and b > c."},
    {"title": "Written &lt;i&gt; as text", "abstract": "&lt;b&gt; is bold, &amp;amp; is an and."},
    {"title": '<span class="nocase">BERT</span> <span style="font-variant:small-caps;">x</span>'},
    {
        "title": "Particles",
        "author": [
            {"family": "Berg", "given": "Jan", "non-dropping-particle": "van der"},
            {"family": "Humboldt", "given": "Alexander", "dropping-particle": "von"},
            {"family": "La Fontaine", "given": "Jean", "dropping-particle": "de"},
            {"family": "X", "given": "Y", "dropping-particle": "de", "non-dropping-particle": "La"},
        ],
    },
    {
        "title": "Suffixes",
        "author": [
            {"family": "King", "given": "Martin Luther", "suffix": "Jr.", "comma-suffix": True},
            {"family": "Ford", "given": "Henry", "suffix": "III"},
        ],
    },
    {
        "title": "Corporate",
        "author": [{"literal": "World Health Organization"}, {"literal": "Barnes and Noble, Inc."}],
    },
    {"title": "A family alone", "author": [{"family": "Plato"}, {"given": "Voltaire"}]},
    {"title": "Order", "author": [{"family": "山田", "given": "太郎", "static-ordering": True}]},
    {"title": "And others", "author": [{"family": "Ferry", "given": "A"}, {"literal": "et al."}]},
    {"title": "Names with marks", "author": [{"family": "O'Neil-Smith", "given": "J. &amp; co"}]},
    {"title": "Odd names", "author": [{"family": "Lake", "given": "Bob", "ORCID": "0000-1"}]},
    {"title": "An empty name", "author": [{"family": "", "given": ""}, {"family": "Lake"}]},
    {"title": "Editors", "editor": [{"family": "Lake"}], "translator": [{"literal": "Pond"}]},
    {"title": "Pages", "page": "101-120", "volume": "12", "issue": "3-4", "number-of-pages": 20},
    {"title": "Pages, odd", "page": "e1023–e1044, S3", "page-first": "e1023", "volume": 12},
    {"title": "No year", "container-title": "Letters"},
    {"title": "No year and no place", "author": [{"family": "Lake", "given": "Bob"}]},
    {"title": "A year", "issued": {"date-parts": [[2020]]}},
    {"title": "A date", "issued": {"date-parts": [[2020, 5, 1]]}},
    {"title": "A date in text", "issued": {"date-parts": [["2020", "05", "01"]]}},
    {"title": "A range", "issued": {"date-parts": [[2019, 12], [2020, 1]], "circa": True}},
    {"title": "A season", "issued": {"date-parts": [[2018]], "season": 2}},
    {"title": "A raw date", "issued": {"raw": "Spring 2017"}},
    {"title": "A date in words", "issued": {"literal": "in press"}},
    {"title": "An empty date", "issued": {"date-parts": [[]]}},
    {"title": "A date of old", "issued": {"date-parts": [[-44, 3, 15]]}},
    {"title": "Other dates", "accessed": {"date-parts": [[2024, 1]]}, "event-date": {"raw": "x"}},
    {"title": "Odd DOI", "DOI": "10.1002/(SICI)1097-4571(199806)49:8<693::AID-ASI4>3.0.CO;2-O"},
    {"title": "DOI as a link", "DOI": "https://doi.org/10.1234/AbC_d%20e", "URL": "https://x.org"},
    {"title": "DOI with its name", "DOI": "doi:10.1234/X.5."},
    {"title": "No DOI but a word", "DOI": "none"},
    {"title": "A link", "URL": "https://example.org/~me/?a=1&b=2#x"},
    {"title": "The preprint", "URL": "https://arxiv.org/abs/2401.00001v2", "number": "arXiv:1"},
    {"title": "PubMed", "PMID": "123456", "PMCID": "PMC99", "ISSN": "1234-567X"},
    {"title": "PubMed in figures", "PMID": 1234567, "ISBN": ["978-1", "978-2"]},
    {"title": "Over\n two lines", "abstract": "It goes on\nand on.\n\nA second part."},
    {"title": "Keywords", "keyword": "bread; crust, brown; naïve; bread"},
    {"title": "Keywords with commas", "keyword": "bread, crust, R&D"},
    {"title": "One keyword", "keyword": "bread and butter"},
    {"title": "A note", "note": "PMID: 7\nread: yes\n<b>no tag</b>", "annote": "Mine."},
    {"title": "עברית כותרת", "author": [{"family": "כהן", "given": "דוד"}], "language": "he"},
    {"title": "نص \u200fعربي", "author": [{"literal": "ابن رشد"}]},
    {"title": "日本語の論文：パン", "author": [{"family": "田中", "given": "花子"}]},
    {"title": "Ελληνικά и русский 🙂 👩‍👩‍👧", "author": [{"family": "Толстой", "given": "Лев"}]},
    {"title": "Unknown fields", "custom": {"a": [1, {"b": None}]}, "x": 7, "categories": ["a"]},
    {"title": "A thesis", "publisher": "Université", "genre": "PhD", "status": "forthcoming"},
    {"title": "A title in a list", "title-short": "In a list", "container-title-short": "L."},
    {"title": "A number for a key", "id": 12345},
    {"title": "A link for a key", "id": "http://zotero.org/users/1/items/ABCD"},
    {"title": "A key with spaces and é", "id": "my key é"},
    {"title": "A key beside an id", "citation-key": "lake2020", "id": "users/2/XYZ"},
    {"title": "Quotes “curly”, \"straight\", 'single' --- and – dashes"},
    {"title": "@signs, #hashes, %percent, ~tildes~, back\\slashes, {unclosed"},
    {"title": "1984"},
]  # fmt: skip
TYPES = (
    "article-journal paper-conference book chapter thesis report manuscript article patent "
    "article-magazine dataset webpage software speech entry-encyclopedia broadcast"
).split()


def csl_items() -> list[Item]:
    return [
        {
            "id": f"key{number}",
            "type": TYPES[number % len(TYPES)],
            "abstract": f"Number {number} says so.",
        }
        | item
        for number, item in enumerate(CSL)
    ]


@pytest.fixture(autouse=True)
def _word_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.library.load_encoder", lambda *_, **__: WordEncoder())


def read(file: Path) -> list[Paper]:
    entries = list(read_source(file))
    assert all(isinstance(entry, Paper) for entry in entries), entries
    return [entry for entry in entries if isinstance(entry, Paper)]


def through_a_library(folder: Path, name: str, text: str) -> tuple[list[Paper], Path]:
    """What is read of the text, and the file that a library with it exports."""
    source, written = folder / name, folder / f"out-{name}"
    source.write_text(text, encoding="utf-8")
    papers = read(source)
    library = open_library(folder / "library")
    library.add(papers)
    kept = {paper.source_id: paper for paper in library.papers()}
    export([kept[paper.source_id] for paper in papers], written)
    return papers, written


def assert_says_the_same(papers: Sequence[Paper], written: Path) -> None:
    """What is read of an export is what was read of the source; its entry may be set otherwise."""
    again = [replace(paper, source="", entry="") for paper in read(written)]
    before = [replace(paper, source="", entry="") for paper in papers]
    assert len(again) == len(before)
    assert [b for b, a in zip(before, again, strict=True) if a != b] == []


def ris_records(text: str) -> list[dict[str, list[str]]]:
    """The values under each tag, in order, by a reader that knows nothing but lines."""
    records: list[dict[str, list[str]]] = []
    last: list[str] = []
    for line in text.splitlines():
        if found := re.match(r"([A-Z][A-Z0-9])  -(.*)", line):
            if found[1] == "TY":
                records.append({})
            last = records[-1].setdefault(found[1], [])
            last.append(found[2].strip())
        elif line.strip():
            last[-1] += f" {line.strip()}"
    return records


def test_ris_says_the_same_after_a_library(tmp_path: Path) -> None:
    papers, written = through_a_library(tmp_path, "x.ris", ris_file())
    assert len(papers) == len(RIS) >= 50
    assert_says_the_same(papers, written)


def test_ris_keeps_every_tag_as_it_was_written(tmp_path: Path) -> None:
    _, written = through_a_library(tmp_path, "x.ris", ris_file())
    before, after = ris_records(ris_file()), ris_records(written.read_text("utf-8"))
    for old, new in zip(before, after, strict=True):
        held = ("AB", "KW")  # the library holds these, and writes them anew
        for name in dict.fromkeys([*old, *new]):
            assert name in held or (name, new.get(name)) == (name, old.get(name)), old


def test_csl_says_the_same_after_a_library(tmp_path: Path) -> None:
    papers, written = through_a_library(tmp_path, "x.json", json.dumps(csl_items()))
    assert len(papers) == len(CSL) >= 50
    assert_says_the_same(papers, written)


def test_csl_keeps_every_field_as_it_was_written(tmp_path: Path) -> None:
    _, written = through_a_library(tmp_path, "x.json", json.dumps(csl_items()))
    for old, new in zip(csl_items(), json.loads(written.read_text("utf-8")), strict=True):
        held = ("abstract", "keyword")  # the library holds these, and writes them anew
        for name in dict.fromkeys([*old, *new]):
            assert name in held or (name, new.get(name)) == (name, old.get(name)), old


def test_of_a_ris_record_only_what_changed_is_written_anew(tmp_path: Path) -> None:
    lines = "T2  - Journal of Rivers\nJO  - J. Riv.\nPY  - 2020/05/01\nAU  - King, M., Jr.\nSP  - 7"
    (tmp_path / "x.ris").write_text(
        f"TY  - CHAP\nT1  - Old\nAB  - A.\n{lines}\nUR  - https://a.org\nUR  - https://b.org\n"
    )
    (paper,) = read(tmp_path / "x.ris")
    export([replace(paper, title="New", url="https://c.org")], tmp_path / "y.ris")
    (record,) = ris_records((tmp_path / "y.ris").read_text())
    assert (record["TY"], record["TI"]) == (["CHAP"], ["New"])
    assert "T1" not in record
    assert record["UR"] == ["https://c.org", "https://a.org", "https://b.org"]
    assert {f"{tag}  - {value}" for tag in record for value in record[tag]} > set(lines.split("\n"))


def test_of_a_csl_item_only_what_changed_is_written_anew(tmp_path: Path) -> None:
    item = csl_items()[10] | {"issued": {"date-parts": [[2019, 12], [2020, 1]]}, "page": "7"}
    (tmp_path / "x.json").write_text(json.dumps([item]))
    (paper,) = read(tmp_path / "x.json")
    export([replace(paper, title="New", year=2021)], tmp_path / "y.json")
    (written,) = json.loads((tmp_path / "y.json").read_text())
    changed = {"title": "New", "issued": {"date-parts": [[2021]]}}
    assert written == item | changed


def test_a_plain_object_with_a_type_is_no_csl_item(tmp_path: Path) -> None:
    plain = {"type": "article", "title": "a <i> b", "abstract": "A.", "authors": ["Anna Ferry"]}
    (tmp_path / "x.json").write_text(json.dumps([plain, plain | {"type": "preprint"}]))
    assert [paper.title for paper in read(tmp_path / "x.json")] == ["a <i> b"] * 2
