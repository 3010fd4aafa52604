"""The support check on its own: its readers, its figures, its commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.support import Pair, read_healthver, read_scifact, read_statements
from rag.chat_models import load_chat_model
from rag.errors import SourceError
from rag.probing import load_support_judge
from rag.sample import sample_papers
from rag.settings import Settings
from ui.cli import app

PAIRS = """id,evidence,claim,label
1,"Herons eat fish. They stand in water.",Herons eat fish,Supports
2,"The reed bed shrank by 12% in 2019.",The reed bed grew by 30% in 2019,Refutes
3,"Otters sleep by day.",Kites nest in tall poplars near Lyon,Neutral
4,"Ringing shows that swifts sleep in flight.",Swifts sleep in flight,Supports
"""


def test_healthver_is_read(tmp_path: Path) -> None:
    file = tmp_path / "dev.csv"
    file.write_text(PAIRS, encoding="utf-8")
    first, second, *_ = read_healthver(file)
    assert first == Pair(
        "Herons eat fish", ("Herons eat fish.", "They stand in water."), supported=True
    )
    assert not second.supported
    file.write_text("claim,text\na,b\n", encoding="utf-8")
    with pytest.raises(SourceError, match="evidence, claim and label"):
        read_healthver(file)


def scifact(folder: Path) -> Path:
    """A folder in SciFact's layout, made up."""
    document = {"_id": "9", "title": "T", "text": "", "sentences": ["Moss grows.", "Ferns do."]}
    claims = [
        {
            "_id": "1",
            "text": "Ferns grow.",
            "evidence": {"9": [{"sentences": [1], "label": "SUPPORT"}]},
        },
        {
            "_id": "2",
            "text": "Moss dies.",
            "evidence": {"9": [{"sentences": [0, 1], "label": "CONTRADICT"}]},
        },
        {"_id": "3", "text": "Unjudged.", "evidence": {}},
    ]
    (folder / "dev").mkdir()
    (folder / "corpus.jsonl").write_text(json.dumps(document), encoding="utf-8")
    lines = "\n".join(map(json.dumps, claims))
    (folder / "dev" / "queries.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_scifacts_rationales_are_read(tmp_path: Path) -> None:
    folder = scifact(tmp_path)
    assert read_scifact(folder, folder / "dev") == [
        Pair("Ferns grow.", ("Ferns do.",), supported=True),
        Pair("Moss dies.", ("Moss grows.", "Ferns do."), supported=False),
    ]


def test_our_own_statements_quote_starter_papers_or_invented_ones() -> None:
    digests = {paper.title: paper.abstract for paper in sample_papers()}
    pairs = read_statements()
    assert len({(p.claim, p.sentences) for p in pairs}) == len(pairs)
    starter = [p for p in pairs if p.title in digests]
    invented = [p for p in pairs if p.title not in digests]
    assert all(sentence in digests[p.title] for p in starter for sentence in p.sentences)
    assert (len(starter), len(invented)) == (488, 600)
    unseen = read_statements(unseen=True)
    assert len(unseen) == 720
    assert not {p.title for p in unseen} & {p.title for p in pairs}
    for some in (starter, invented, unseen):
        assert sum(p.supported for p in some) * 2 == len(some)


@pytest.mark.models
def test_the_check_tells_what_is_borne_out_from_what_is_not(
    tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / "dev.csv"
    file.write_text(PAIRS, encoding="utf-8")
    command = ["eval", "support", "--healthver", str(file), "--scifact", str(scifact(tmp_path))]
    result = CliRunner().invoke(app, [*command, "--limit", "4", "--save", str(tmp_path)])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["healthver"]["pairs"], figures["healthver"]["supported"]) == (4, 2)
    assert figures["healthver"]["auroc"] == 1.0
    assert figures["healthver"]["passed_supported"] == 1.0
    assert figures["healthver"]["passed_rest"] == 0.0
    assert figures["scifact"]["pairs"] == 2
    assert figures["healthver"]["auroc_judge"] >= 0.75
    assert figures["statements"]["auroc_judge"] is None  # it was fitted on them
    assert figures["unseen"]["auroc_judge"] is not None
    assert [file.suffix for file in tmp_path.glob("support-*")] == [".json"]


@pytest.mark.models
def test_a_verdict_does_not_hang_on_what_was_judged_before(settings: Settings) -> None:
    judge = load_support_judge(load_chat_model(settings))
    assert judge is not None
    sources = [("Owls", ["Owls hunt by ear.", "They fly without a sound."])]
    statements = ["Owls hunt by ear.", "Owls hunt by day."]
    first = [judge.bears_out(statement, sources) for statement in statements]
    again = [judge.bears_out(statement, sources) for statement in reversed(statements)]
    assert first == again[::-1]
    assert judge.bears_out(statements[0], sources) == first[0]
    assert judge.bears_out(statements[0], sources) == first[0]
