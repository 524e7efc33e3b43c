"""The model under Hugging Face's call, beside Hugging Face's model with the same weights."""

from __future__ import annotations

from typing import Any

import codec_references as references
import pytest
import torch

PRESETS = references.PRESETS


def extractor(preset: str) -> Any:
    from transformers import EncodecFeatureExtractor

    config = references.model(preset).config
    return EncodecFeatureExtractor(
        feature_size=config.channels,
        sampling_rate=config.sample_rate,
        chunk_length_s=config.segment_s,
        overlap=None if config.segment_s is None else config.overlap,
    )


def theirs_encode(preset: str, values: torch.Tensor, mask: torch.Tensor, bandwidth: float) -> Any:
    with torch.no_grad():
        return references.transformers_model(preset).encode(values, mask, bandwidth)


def items(preset: str, lengths: list[int]) -> list[torch.Tensor]:
    clip = references.clip(3.0, preset)[0]
    return [clip[:, 1000 * i : 1000 * i + n] for i, n in enumerate(lengths)]


@pytest.mark.parametrize("bandwidth", [3.0, 6.0, 24.0])
def test_24_khz_is_theirs(bandwidth: float) -> None:
    preset = PRESETS[0]
    [waveform] = items(preset, [20_001])
    ours = references.model(preset).as_transformers()
    inputs = ours.prepare([waveform], sampling_rate=24_000)
    codes, scales, padding = ours.encode(*inputs, bandwidth=bandwidth)
    expected = theirs_encode(preset, *inputs, bandwidth)
    assert codes.shape == expected.audio_codes.shape
    different = (codes != expected.audio_codes).any(dim=2).float().mean()
    assert float(different) <= (0 if bandwidth <= 6 else 0.02)
    assert (scales, padding) == ([None], 0)
    with torch.no_grad():
        sound = references.transformers_model(preset).decode(codes, scales, inputs.padding_mask)
    values = ours.decode(codes, scales, inputs.padding_mask).audio_values
    torch.testing.assert_close(values, sound.audio_values, rtol=0, atol=2e-5)


@pytest.mark.parametrize("length", [47_520, 48_000, 60_000, 96_000])
def test_48_khz_can_repeat_theirs(length: int) -> None:
    preset = PRESETS[1]
    waveforms = items(preset, [length, length // 2])
    view = references.model(preset).as_transformers(compat="transformers")
    inputs = view.prepare(waveforms, sampling_rate=48_000)
    theirs = extractor(preset)(
        [w.numpy() for w in waveforms], sampling_rate=48_000, return_tensors="pt"
    )
    assert torch.equal(inputs.input_values, theirs["input_values"])
    assert torch.equal(inputs.padding_mask, theirs["padding_mask"].long())
    codes, scales, padding = view.encode(*inputs, bandwidth=6.0)
    expected = theirs_encode(preset, *inputs, 6.0)
    assert torch.equal(codes, expected.audio_codes)
    assert padding == expected.last_frame_pad_length
    for a, b in zip(scales, expected.audio_scales, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=0)
    with torch.no_grad():
        sound = references.transformers_model(preset).decode(
            codes, scales, inputs.padding_mask, last_frame_pad_length=padding
        )
    values = view.decode(codes, scales, inputs.padding_mask, padding).audio_values
    torch.testing.assert_close(values, sound.audio_values, rtol=0, atol=2e-5)


def test_48_khz_is_right_by_default_where_theirs_is_not() -> None:
    preset = PRESETS[1]
    model = references.model(preset)
    view = model.as_transformers()
    [waveform] = items(preset, [60_000])
    inputs = extractor(preset)(waveform.numpy(), sampling_rate=48_000, return_tensors="pt")
    theirs = theirs_encode(preset, inputs["input_values"], inputs["padding_mask"], 6.0)
    ours = view.encode(inputs["input_values"], inputs["padding_mask"], 6.0)
    right = model.encode(waveform[None], bandwidth=6.0)
    assert len(ours.audio_codes) == len(right) == 2 < len(theirs.audio_codes)
    for chunk, (codes, _) in zip(ours.audio_codes, right, strict=True):
        assert torch.equal(chunk[..., : codes.shape[-1]], codes)
    assert not torch.equal(theirs.audio_codes[1][..., :39], right[1].codes)


@pytest.mark.parametrize("preset", PRESETS)
def test_items_of_a_padded_batch_are_their_single_runs(preset: str) -> None:
    view = references.model(preset).as_transformers()
    waveforms = items(preset, [50_001, 20_003, 700])
    inputs = view.prepare(waveforms)
    output = view(*inputs, bandwidth=6.0)
    assert output.audio_values.shape == inputs.input_values.shape
    for b, waveform in enumerate(waveforms):
        alone = view.prepare([waveform])
        expected = view(*alone, bandwidth=6.0)
        chunks, _, _, frames = expected.audio_codes.shape
        together = output.audio_codes[:chunks, b : b + 1, :, :frames]
        assert torch.equal(together, expected.audio_codes)
        time = waveform.shape[-1]
        torch.testing.assert_close(
            output.audio_values[b, :, :time], expected.audio_values[0], rtol=0, atol=1e-5
        )
        assert not output.audio_values[b, :, time:].any()


def test_the_smallest_bandwidth_is_the_default_and_errors_are_named() -> None:
    view = references.model(PRESETS[0]).as_transformers()
    codes, scales, _ = view.encode(torch.zeros(1, 1, 640))
    assert codes.shape == (1, 1, 2, 2)
    with pytest.raises(ValueError, match="24000 Hz, got 16000"):
        view.prepare([torch.zeros(640)], sampling_rate=16_000)
    with pytest.raises(ValueError, match=r"\(1, time\), got \(2, 640\)"):
        view.prepare([torch.zeros(2, 640)])
    with pytest.raises(ValueError, match="ones, then zeros"):
        view.encode(torch.zeros(1, 1, 4), torch.tensor([[0, 1, 1, 1]]))
    with pytest.raises(ValueError, match="chunks, batch, codebooks, frames"):
        view.decode(codes[0], scales)
    with pytest.raises(ValueError, match="hold 1 entries, got 2"):
        view.decode(codes, [None, None])
    with pytest.raises(ValueError, match="no samples"):
        references.model(PRESETS[1]).as_transformers().encode(torch.zeros(1, 2, 0))
