"""Values beyond full scale: said, refused or scaled down, and never cut in silence."""

import warnings

import pytest
import torch

from audiolab import io

LOUD = torch.tensor([[0.5, -1.5, 3.0, 1.0, -1.0, 0.0] * 200])


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("wav", "pcm_s16"),
        ("wav", "pcm_s24"),
        ("wav", "pcm_s32"),
        ("flac", "pcm_s24"),
        ("mp3", None),
    ],
)
def test_a_warning_counts_and_measures(name, encoding, tmp_path):
    path = tmp_path / "loud"
    message = r"400 of 1200 values lie beyond \[-1, 1\], the largest at 3 \(\+9.54 dBFS\); "
    with pytest.warns(io.ClippingWarning, match=message) as caught:
        io.save(path, LOUD, 48_000, format=name, encoding=encoding)
    assert caught[0].filename == __file__  # it points at the caller
    assert str(path) in str(caught[0].message)
    if name != "mp3":
        expected = io.encode(LOUD.clamp(-1, 1), 48_000, format=name, encoding=encoding)
        assert path.read_bytes() == expected


def test_encode_points_at_its_caller_too():
    with pytest.warns(io.ClippingWarning) as caught:
        io.encode(LOUD, 48_000, format="wav")
    assert caught[0].filename == __file__


def test_an_error_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"400 of 1200 values .* on_clip='rescale' divides"):
        io.save(tmp_path / "loud.wav", LOUD, 48_000, on_clip="error")
    assert list(tmp_path.iterdir()) == []


def test_rescaling_divides_by_the_peak():
    data = io.encode(LOUD, 48_000, format="wav", encoding="pcm_s24", on_clip="rescale")
    # One step of 24 bits, since +1.0 has no integer.
    assert torch.allclose(io.decode(data)[0], LOUD / 3, rtol=0, atol=2**-23)


@pytest.mark.parametrize("on_clip", ["warn", "error", "rescale"])
def test_what_fits_is_left_alone(on_clip):
    edge = torch.tensor([[1.0, -1.0, 0.25]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = io.encode(edge, 48_000, format="wav", on_clip=on_clip)
    assert data == io.encode(edge, 48_000, format="wav")


@pytest.mark.parametrize("on_clip", ["warn", "error"])
def test_float_files_hold_them(on_clip):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = io.encode(LOUD, 48_000, format="wav", encoding="float32", on_clip=on_clip)
    assert torch.equal(io.decode(data)[0], LOUD)


def test_the_mix_is_what_counts():
    # Two loud channels that cancel: nothing clips in the file.
    pair = torch.tensor([[2.0, 2.0], [-2.0, -1.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = io.encode(pair, 48_000, format="wav", num_channels=1)
    assert io.decode(data)[0].tolist() == [[0.0, 0.5]]


def write(path, *blocks, **options):
    with io.BlockWriter(path, 48_000, 1, **options) as writer:
        for block in blocks:
            writer.write(block)


def test_a_writer_sums_up_at_the_end(tmp_path):
    path = tmp_path / "loud.wav"
    message = r"800 of 2400 values lie beyond \[-1, 1\], the largest at 3 "
    with pytest.warns(io.ClippingWarning, match=message) as caught:
        write(path, LOUD, LOUD)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert float(io.load(path)[0].abs().max()) == 1.0


def test_a_writer_refuses_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="scale the blocks down"):
        write(tmp_path / "loud.wav", LOUD / 4, LOUD, on_clip="error")
    assert list(tmp_path.iterdir()) == []


def test_a_writer_cannot_rescale(tmp_path):
    with pytest.raises(ValueError, match="needs the peak of the whole file before the first block"):
        io.BlockWriter(tmp_path / "a.wav", 48_000, 1, on_clip="rescale")
