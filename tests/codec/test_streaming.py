"""A stream gives what one call gives, whatever the pieces."""

from __future__ import annotations

import codec_references as references
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab.codec import EncodecConfig, EncodecModel, engine

PRESET = "encodec_24khz"


def encode_in_pieces(
    model: EncodecModel, waveform: torch.Tensor, sizes: list[int], bandwidth: float
) -> torch.Tensor:
    encoder = model.streaming_encoder(batch=len(waveform), bandwidth=bandwidth)
    parts = [encoder.push(p) for p in waveform.split(sizes, dim=-1)]
    return torch.cat([*parts, encoder.finish()], dim=-1)


def decode_in_pieces(model: EncodecModel, codes: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    decoder = model.streaming_decoder(batch=len(codes))
    parts = [decoder.push(p) for p in codes.split(sizes, dim=-1)]
    return torch.cat([*parts, decoder.finish()], dim=-1)


def even(total: int, size: int) -> list[int]:
    return [size] * (total // size) + ([total % size] if total % size else [])


@pytest.mark.parametrize("frames", [1, 2, 5, 10, 40, 75])
def test_chunks_of_so_many_frames(frames: int) -> None:
    model = references.model(PRESET)
    waveform = references.clip(1.2, PRESET)
    [(codes, _)] = model.encode(waveform, bandwidth=6.0)
    pieces = even(waveform.shape[-1], 320 * frames)
    assert torch.equal(encode_in_pieces(model, waveform, pieces, 6.0), codes)
    expected = model.decode([(codes, None)])
    decoded = decode_in_pieces(model, codes, even(codes.shape[-1], frames))
    # Convolutions over other lengths sum in another order.
    torch.testing.assert_close(decoded, expected, rtol=0, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_pieces_of_any_batch(data: st.DataObject) -> None:
    model = references.model(PRESET)
    total = data.draw(st.integers(1, 9000))
    batch = data.draw(st.integers(1, 2))
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=12)))
    waveform = torch.cat([references.clip(1.0, PRESET)[..., i : i + total] for i in range(batch)])
    [(codes, _)] = model.encode(waveform, bandwidth=3.0)
    pieces = [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]
    assert torch.equal(encode_in_pieces(model, waveform, pieces, 3.0), codes)
    frames = codes.shape[-1]
    cuts = sorted(data.draw(st.lists(st.integers(0, frames), max_size=8)))
    pieces = [b - a for a, b in zip([0, *cuts], [*cuts, frames], strict=True)]
    decoded = decode_in_pieces(model, codes, pieces)
    torch.testing.assert_close(decoded, model.decode([(codes, None)]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("residue", [0, 1, 2, 7, 8, 39, 40, 41, 159, 160, 200, 318, 319])
def test_the_last_samples_are_reflected_as_in_one_call(residue: int) -> None:
    model = references.model(PRESET)
    for total in (2240 + residue, 5120 + residue):
        waveform = references.clip(1.0, PRESET)[..., 3000 : 3000 + total]
        [(codes, _)] = model.encode(waveform, bandwidth=6.0)
        assert torch.equal(encode_in_pieces(model, waveform, even(total, 700), 6.0), codes)


def test_latency() -> None:
    model = references.model(PRESET)
    encoder, decoder = model.streaming_encoder(), model.streaming_decoder()
    assert encoder.latency_samples == 2240
    assert decoder.latency_frames == 7
    sample = references.clip(0.2, PRESET)
    assert encoder.push(sample[..., :2239]).shape[-1] == 0
    assert encoder.push(sample[..., 2239:2240]).shape[-1] == 7
    for i in range(5):
        begin = 2240 + 320 * i
        assert encoder.push(sample[..., begin : begin + 319]).shape[-1] == 0
        assert encoder.push(sample[..., begin + 319 : begin + 320]).shape[-1] == 1


def test_no_frame_waits_longer_than_it_must() -> None:
    # Frame 6 hears sample 2239 and frame 7 hears 2559 but nothing later: autograd says so.
    model = references.model(PRESET)
    waveform = references.clip(0.2, PRESET).requires_grad_()
    latent = model.encoder(waveform)
    for frame, last in ((0, 2239), (6, 2239), (7, 2559), (8, 2879)):
        (gradient,) = torch.autograd.grad(latent[..., frame].sum(), waveform, retain_graph=True)
        assert int(gradient[0, 0].nonzero().max()) == last


def test_a_finished_stream_starts_anew() -> None:
    model = references.model(PRESET)
    waveform = references.clip(0.3, PRESET)
    [(codes, _)] = model.encode(waveform, bandwidth=6.0)
    encoder = model.streaming_encoder(bandwidth=6.0)
    for _ in range(2):
        assert torch.equal(torch.cat([encoder.push(waveform), encoder.finish()], -1), codes)
    assert encoder.finish().shape == (1, 8, 0)


def test_what_can_not_stream_is_named() -> None:
    with pytest.raises(ValueError, match="looks ahead"):
        references.model("encodec_48khz").streaming_encoder()
    model = references.model(PRESET)
    with pytest.raises(ValueError, match=r"shape \(2, 1, time\)"):
        model.streaming_encoder(batch=2).push(torch.zeros(1, 1, 320))
    with pytest.raises(ValueError, match="NaN or infinite"):
        model.streaming_encoder().push(torch.full((1, 1, 320), float("inf")))


@pytest.mark.parametrize("preset", references.PRESETS)
@pytest.mark.parametrize("block", [1111, 24_000])
def test_blocks_give_the_codes_of_one_call(preset: str, block: int) -> None:
    model = references.model(preset)
    waveform = references.clip(11.2 if block > 2000 else 1.5, preset)
    expected = model.encode(waveform, bandwidth=6.0)
    segments = list(model.encode_blocks(waveform[0].split(block, dim=-1), bandwidth=6.0))
    if model.segment_length is None:
        joined = torch.cat([codes for codes, _ in segments], dim=-1)
        assert torch.equal(joined, expected[0].codes)
    else:
        assert len(segments) == len(expected)
        for (a, s), (b, t) in zip(segments, expected, strict=True):
            assert torch.equal(a, b)
            torch.testing.assert_close(s, t)
    decoded = torch.cat(list(model.decode_blocks(segments)), dim=-1)
    torch.testing.assert_close(decoded, model.decode(expected), rtol=0, atol=1e-5)


def test_segments_longer_than_one_batch_of_them_join() -> None:
    config = EncodecConfig(
        sample_rate=1000, channels=2, target_bandwidths=(1.0,), causal=False, normalize=True,
        norm="time_group_norm", segment_s=0.1, overlap=0.1, num_filters=4, dimension=8,
        ratios=(4, 2), codebook_size=16,
    )  # fmt: skip
    model = EncodecModel.from_config(config, generator=0)
    waveform = torch.randn(1, 2, 5003, generator=torch.Generator().manual_seed(0))
    expected = model.encode(waveform)
    assert len(expected) == 56
    segments = list(model.encode_blocks(waveform.split(170, dim=-1)))
    assert [c.shape for c, _ in segments] == [c.shape for c, _ in expected]
    decoded = torch.cat(list(model.decode_blocks(segments)), dim=-1)
    torch.testing.assert_close(decoded, model.decode(expected), rtol=0, atol=1e-6)


def test_no_blocks_give_nothing() -> None:
    for preset in references.PRESETS:
        model = references.model(preset)
        assert list(model.encode_blocks([])) == []
        assert list(model.decode_blocks([])) == []


def test_float64_streams_on_torch_operators() -> None:
    config = EncodecConfig(
        sample_rate=1000, target_bandwidths=(2.0,), num_filters=4, dimension=8, ratios=(4, 2),
        codebook_size=16,
    )  # fmt: skip
    model = EncodecModel.from_config(config, generator=0).double()
    for codebook in model.quantizer.codebooks:
        codebook.embed.normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
    waveform = torch.randn(1, 1, 501, generator=torch.Generator().manual_seed(2)).double()
    [(codes, _)] = model.encode(waveform)
    assert torch.equal(encode_in_pieces(model, waveform, even(501, 50), 2.0), codes)
    torch.testing.assert_close(
        decode_in_pieces(model, codes, even(codes.shape[-1], 3)), model.decode([(codes, None)])
    )


@pytest.mark.parametrize("preset", references.PRESETS)
def test_threads_change_no_bit(preset: str) -> None:
    model = references.model(preset)
    waveform = torch.cat([references.clip(3.3, preset), 0.5 * references.clip(3.3, preset)])
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            with torch.no_grad():
                latent = model.latent(waveform[..., : model.segment_length])
                results.append((latent, model.synthesize(latent)))
    finally:
        torch.set_num_threads(before)
    for latent, decoded in results[1:]:
        assert torch.equal(latent, results[0][0])
        assert torch.equal(decoded, results[0][1])


def test_pieces_change_no_bit() -> None:
    model = references.model(PRESET)
    waveform = torch.cat([references.clip(2.0, PRESET), 0.3 * references.clip(2.0, PRESET)])
    network = model.encoder_network()
    whole = network.run(waveform)
    for frames in (1, 3, 40):
        stream = engine.Stream(network, 2)
        pieces = waveform.split([2240, *even(waveform.shape[-1] - 2240, 320 * frames)], dim=-1)
        parts = [stream.push(piece, last=i == len(pieces) - 1) for i, piece in enumerate(pieces)]
        assert torch.equal(torch.cat(parts, dim=-1), whole)
    assert torch.equal(network.run(waveform[1:]), whole[1:])
