"""Four-bit layers, the lean decoder layer, and decoding: against plain PyTorch and transformers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from needed import need_models
from transformers import AutoModelForCausalLM, PretrainedConfig, Qwen2Config

from rag.chat_models import LocalChatModel, load_chat_model
from rag.chat_models.cache import empty_cache
from rag.chat_models.decoding import Decoder, _Text
from rag.chat_models.packed import (
    PackedLinear,
    Scratch,
    load_packed,
    pack,
    processor,
    read_layers,
    save_packed,
)
from rag.chat_models.packed.grid import GROUP
from rag.papers import Evidence
from rag.prompts import answer_messages
from rag.sample import sample_papers
from rag.settings import Settings
from rag.text import split_sentences

needs_kernel = pytest.mark.skipif(not processor(), reason="this processor has no four-bit kernel")
OUT, IN = 128, 256


@pytest.fixture(autouse=True)
def _same_numbers() -> Iterator[None]:
    torch.manual_seed(7)
    with torch.inference_mode():
        yield


def weights_on_a_grid() -> torch.Tensor:
    """As a four-bit file gives them: 16 steps a group, not all of them used, rounded to bf16."""
    levels = torch.randint(0, 16, (OUT, IN // GROUP, GROUP)).float()
    levels[::3, :, :].clamp_(2, 14)
    scale = torch.rand(OUT, IN // GROUP, 1) * 0.02 + 0.002
    lowest = -scale * torch.randint(3, 12, (OUT, IN // GROUP, 1))
    return (levels * scale + lowest).view(OUT, IN).to(torch.bfloat16)


def far(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Largest difference, as a share of the largest value."""
    return float((found.float() - wanted.float()).abs().max() / wanted.float().abs().max())


@needs_kernel
@pytest.mark.parametrize("rows", [1, 4, 16, 17, 100])
@pytest.mark.parametrize("on_grid", [True, False])
@pytest.mark.parametrize("integers", [True, False])
def test_a_packed_layer_computes_what_the_layer_did(
    rows: int, on_grid: bool, integers: bool
) -> None:
    if integers and not processor().endswith("vnni"):
        pytest.skip("this processor does not multiply eight-bit integers")
    weight = weights_on_a_grid() if on_grid else torch.randn(OUT, IN).to(torch.bfloat16)
    bias = torch.randn(OUT).to(torch.bfloat16)
    tensors = pack(weight, integers=integers) | {"bias": bias}
    assert ("eight_bits" in tensors) is not on_grid
    layer = PackedLinear(tensors, Scratch())
    x = torch.randn(2, rows, IN).to(torch.bfloat16)[:1]
    wanted = torch.nn.functional.linear(x.float(), weight.float(), bias.float())
    assert far(layer(x), wanted) < (0.02 if integers else 0.01)


@needs_kernel
def test_an_output_layer_answers_for_more_rows_than_the_kernel_takes() -> None:
    weight = weights_on_a_grid()
    layer = PackedLinear(pack(weight, reading=False), Scratch())
    x = torch.randn(1, 50, IN).to(torch.bfloat16)
    assert far(layer(x), x.float() @ weight.float().t()) < 0.01


@needs_kernel
@pytest.mark.parametrize("on_grid", [True, False])
@pytest.mark.parametrize("integers", [True, False])
def test_packing_in_slices_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, on_grid: bool, integers: bool
) -> None:
    weight = weights_on_a_grid() if on_grid else torch.randn(OUT, IN).to(torch.bfloat16)
    whole = pack(weight, integers=integers)
    monkeypatch.setattr("rag.chat_models.packed.layer._SLICE", IN)
    sliced = pack(weight, integers=integers)
    assert whole.keys() == sliced.keys()
    assert all(torch.equal(whole[name], sliced[name]) for name in whole)


def off(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Root mean square of the difference, as a share of that of the values."""
    return float((found - wanted).float().norm() / wanted.float().norm())


def small_model(dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    config = Qwen2Config(
        **{
            "vocab_size": 512,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": True,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 1,
            "initializer_range": 0.2,
        }
        | changes
    )
    return AutoModelForCausalLM.from_config(config, dtype=dtype).eval()


def run(model: Any, ids: list[int], steps: tuple[int, ...]) -> torch.Tensor:
    """Logits at every position, read in steps of these lengths."""
    cache, _ = empty_cache(model.config)
    parts, start = [], 0
    for length in steps:
        rows = torch.tensor([ids[start : start + length]])
        parts.append(model(input_ids=rows, past_key_values=cache, use_cache=True).logits[0])
        start += length
    return torch.cat(parts)


@needs_kernel
@pytest.mark.parametrize("bfloat16", [True, False])
def test_a_packed_model_computes_what_the_model_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bfloat16: bool
) -> None:
    for part in ("layer", "lean"):
        monkeypatch.setattr(f"rag.chat_models.packed.{part}.has_bfloat16", lambda: bfloat16)
    model = small_model(torch.bfloat16)
    ids = torch.randint(2, 512, (60,)).tolist()
    wanted = run(model, ids, (60,))
    save_packed(model, tmp_path)
    packed = load_packed(tmp_path, read_layers(tmp_path)).eval()
    for steps in [(60,), (40, 20), (40, 4, 1, 3, 12), (3, 5, 52), (1,) * 60]:
        assert off(run(packed, ids, steps), wanted) < 0.1, steps


@needs_kernel
def test_a_packed_file_that_ends_too_soon_is_said(tmp_path: Path) -> None:
    save_packed(small_model(torch.bfloat16), tmp_path)
    file = next(tmp_path.glob("packed.*up_proj.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(OSError, match="ends too soon"):
        load_packed(tmp_path, read_layers(tmp_path))


def repeating(model: Any) -> list[int]:
    """A prompt that says things twice, so that drafts are found."""
    once = torch.randint(2, model.config.vocab_size, (30,)).tolist()
    return [*once, *once, *once[:10]]


def decode(decoder: Decoder, prompt: list[int], most: int = 40) -> list[int]:
    return list(decoder.tokens(prompt, most))


def test_drafts_do_not_change_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    prompt = repeating(model)
    plain = decode(Decoder(model, [1], draft=False), prompt)
    asked = 0

    def right_twice_then_wrong(text: Any, most: int) -> list[int]:
        nonlocal asked
        asked += 1
        wrote = len(text._tokens) - len(prompt)
        future = plain[wrote : wrote + 3]
        return [*future[:2], *(token ^ 3 for token in future[2:])][:most]

    monkeypatch.setattr("rag.chat_models.decoding._Text.draft", right_twice_then_wrong)
    assert decode(Decoder(model, [1]), prompt) == plain
    assert asked == 13  # the first token, and then three a step


@pytest.mark.models
def test_what_is_written_with_drafts_is_what_the_model_would_write(settings: Settings) -> None:
    """A step for several tokens rounds differently from one for each, so ties may fall otherwise;
    nothing but ties may."""
    need_models(settings, settings.model)
    model = load_chat_model(settings)
    assert isinstance(model, LocalChatModel)
    evidence = [
        Evidence(number, paper.id, paper.title, tuple(split_sentences(paper.abstract)[:3]), ())
        for number, paper in enumerate(list(sample_papers())[:2], start=1)
    ]
    messages = answer_messages("What do they propose, and how well does it do?", evidence)
    model.read_ahead(messages)
    prompt = model._prompt_ids(messages)
    written = decode(model._decoder, prompt, 80)
    assert len(written) > 20
    one_by_one = Decoder(model._model, [], draft=False)
    rows = prompt
    lost = []
    for token in written:
        (logits,) = one_by_one._run(rows).float()
        lost.append(float(logits.max() - logits[token]))
        rows = [token]
    assert max(lost) < 0.5


def test_a_draft_is_what_followed_the_last_words_before() -> None:
    text = _Text([5, 6, 7, 8, 9, 1, 6, 7])
    assert text.draft(3) == [8, 9, 1]
    assert text.draft(2) == [8, 9]
    text.append(2)
    assert text.draft(3) == []
    for token in (4, 6, 7):
        text.append(token)
    assert text.draft(3) == [2, 4, 6], "the latest place counts"


def test_a_second_prompt_is_read_on_from_what_it_shares() -> None:
    model = small_model()
    first, second = repeating(model), repeating(model)
    second = first[:25] + second
    fresh = decode(Decoder(model, [1]), second)
    decoder = Decoder(model, [1])
    decoder.read(first)
    assert decoder._unread(second) == second[25:]
    assert decode(decoder, second) == fresh
    assert decode(decoder, second) == fresh


def test_a_reader_that_stops_leaves_the_decoder_whole() -> None:
    model = small_model()
    prompt = repeating(model)
    wanted = decode(Decoder(model, [1]), prompt)
    decoder = Decoder(model, [1])
    tokens = decoder.tokens(prompt, 40)
    assert [next(tokens) for _ in range(5)] == wanted[:5]
    tokens.close()
    assert decode(decoder, prompt) == wanted


def test_a_step_that_fails_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    prompt = repeating(model)
    wanted = decode(Decoder(model, [1]), prompt)
    decoder = Decoder(model, [1])
    with monkeypatch.context() as patch:
        patch.setattr(model.model.layers[1], "forward", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            decode(decoder, prompt)
    assert decode(decoder, prompt) == wanted


def test_the_end_of_a_turn_and_the_limit_are_kept() -> None:
    model = small_model()
    prompt = repeating(model)
    written = decode(Decoder(model, []), prompt, 20)
    assert len(written) == 20
    end = written[10]
    assert decode(Decoder(model, [end]), prompt, 20) == written[: written.index(end)]


def test_a_model_with_a_sliding_window_is_decoded_without_going_back() -> None:
    model = small_model(
        use_sliding_window=True, sliding_window=16, max_window_layers=0, layer_types=None
    )
    _, can_return = empty_cache(model.config)
    assert not can_return
    prompt = repeating(model)
    decoder = Decoder(model, [1])
    assert decode(decoder, prompt) == decode(decoder, prompt)


def test_a_cache_keeps_what_it_held_when_it_grows() -> None:
    config = PretrainedConfig(num_hidden_layers=1)
    cache, can_return = empty_cache(config)
    assert can_return
    states = torch.randn(1, 2, 1500, 8)
    for start, end in [(0, 10), (10, 11), (11, 1200)]:
        keys, values = cache.update(states[:, :, start:end], -states[:, :, start:end], 0)
    assert torch.equal(keys, states[:, :, :1200])
    cache.crop(-700)
    keys, values = cache.update(states[:, :, 500:1500], -states[:, :, 500:1500], 0)
    assert torch.equal(keys, states)
    assert torch.equal(values, -states)
