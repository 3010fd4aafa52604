"""Which figure a sentence gives to which name is told where it pairs them off."""

import pytest

from rag.pairing import gives_otherwise, mixes_figures_up, paired

ROWS = (
    "Its accuracy is 93.1%, 70.2% and 67.7% on Oak-10, Oak-100 and ForestNet, respectively, "
    "at 1 step."
)
EACH = "With 97.6% on LEAF, 97.5% on N-LEAF, and 85.8% on Fashion-LEAF, NEST leads."


def test_rows_are_paired_off() -> None:
    (pairs,) = paired(ROWS)
    assert list(pairs) == [("93.1", "oak-10"), ("70.2", "oak-100"), ("67.7", "forestnet")]


def test_figures_beside_their_names_are_pairs() -> None:
    (pairs,) = paired(EACH)
    assert list(pairs) == [("97.6", "leaf"), ("97.5", "n-leaf"), ("85.8", "fashion-leaf")]


@pytest.mark.parametrize(
    "sentence",
    [
        "Its accuracy is 93.1%, 70.2% and 67.7% on Oak-10, Oak-100 and ForestNet.",
        "It reaches 80% and 90% on Oak and Elm with Ash and Fir, respectively.",
        "It reaches 80% and 90% on Oak, Elm and Ash, respectively.",
        "It gains 2% on Oak and 3% on Oak.",
        "Trees have leaves and roots, respectively.",
    ],
)
def test_what_is_not_plain_is_not_paired(sentence: str) -> None:
    assert paired(sentence) == []


@pytest.mark.parametrize(
    ("statement", "source", "question", "otherwise"),
    [
        ("It reaches 67.7% on ForestNet.", ROWS, "", False),
        ("It reaches 93.1% on ForestNet.", ROWS, "", True),
        ("It reaches 93.1% on Oak-10, Oak-100 and ForestNet, respectively.", ROWS, "", True),
        ("It has 67.7% on Oak-10 and 93.1% on ForestNet.", ROWS, "", True),
        ("It has 93.1% on Oak-10 and 67.7% on ForestNet.", ROWS, "", False),
        ("It reaches 93.1%.", ROWS, "How accurate is it on forestnet?", True),
        ("It reaches 67.7%.", ROWS, "How accurate is it on forestnet?", False),
        ("It reaches 93.1%, 70.2% and 67.7%.", ROWS, "How accurate is it on ForestNet?", False),
        ("It needs 1 step.", ROWS, "How many steps on ForestNet?", False),
        ("The fashion-leaf accuracy is 85.8%.", EACH, "", False),
        ("On LEAF it has 85.8%.", EACH, "", True),
    ],
)
def test_a_figure_given_to_another_name_is_seen(
    statement: str, source: str, question: str, otherwise: bool
) -> None:
    assert gives_otherwise(statement, source, question) is otherwise


@pytest.mark.parametrize(
    "piece", ["A", "A ", "A, ", "1", "1, ", "1 a a, ", "1 and ", "1 on A ", "a-", "1% a and A and "]
)
def test_long_texts_are_seen_through_at_once(piece: str) -> None:
    text = piece * 5_000 + " respectively"
    assert not gives_otherwise(text, text, text)


WHEREAS = "Over 7 years our owls lost 2.1 points of weight in winter, whereas bats lost 4.6 points."
THAT_OF = "Nets cut the calls made by bats by more than 80%, that made by tame bats by about 57%."


@pytest.mark.parametrize(
    ("source", "statement", "mixed"),
    [
        (WHEREAS, "Owls lost 2.1 points of weight in winter.", False),
        (WHEREAS, "Owls lost 4.6 points of weight in winter.", True),
        (WHEREAS, "Owls lost 2.1 points, as against 4.6 points for bats.", False),
        (WHEREAS, "Bats lost 2.1 points, as against 4.6 points for owls.", True),
        (WHEREAS, "In 7 winters owls lost weight.", False),
        (WHEREAS, "Something lost 4.6 points.", False),
        (THAT_OF, "Nets need more than 80% fewer calls than tame bats.", True),
        (THAT_OF, "Nets need around 57% fewer calls than tame bats.", False),
        (THAT_OF, "Nets need more than 80% fewer calls than bats.", False),
    ],
)
def test_what_is_said_of_a_figure_is_not_said_of_another(
    source: str, statement: str, mixed: bool
) -> None:
    assert mixes_figures_up(statement, source) is mixed


def test_figures_of_other_kinds_are_not_mixed_up() -> None:
    source = "Owls were 44% of all birds, and newts lived 12 years in ponds."
    assert not mixes_figures_up("In ponds newts were 44% of all.", source)
    assert not mixes_figures_up("", source)
    assert not mixes_figures_up("Owls were 44% of all birds.", "")
