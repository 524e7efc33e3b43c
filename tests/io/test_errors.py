"""Every wrong input has its own message, which names the parameter or the file, and the fault."""

import io as streams
import re
import struct

import pytest
import torch

from audiolab import io

WAVE = torch.zeros(1, 4_800)


def raises(kind, message):
    return pytest.raises(kind, match=re.escape(message))


@pytest.mark.parametrize(
    ("waveform", "kind", "message"),
    [
        ([0.0, 0.1], TypeError, "waveform must be a torch.Tensor of shape (..., time), got list"),
        (
            WAVE.to(torch.int16),
            TypeError,
            "got torch.int16; scale integers first: waveform.float() / 32768",
        ),
        (WAVE.to(torch.uint8), TypeError, "waveform must be floating point"),
        (WAVE + 0j, TypeError, "waveform must be floating point"),
        (
            WAVE[None],
            ValueError,
            "waveform must have shape (channels, time) or (time,), got (1, 1, 4800)",
        ),
        (torch.tensor(0.5), ValueError, "waveform must have at least 1 dimension(s)"),
        (
            WAVE[:0],
            ValueError,
            "waveform must have shape (channels, time) or (time,), got (0, 4800)",
        ),
        (WAVE.T, ValueError, "which is 4800 channels of 1 samples; files are (channels, time)"),
        (
            WAVE / 0,
            ValueError,
            "waveform holds 4800 value(s) that are NaN or infinite, the first at index (0, 0)",
        ),
        (torch.tensor([[0.0, 1.0, float("inf")]]), ValueError, "the first at index (0, 2)"),
    ],
)
def test_wrong_waveforms(waveform, kind, message, tmp_path):
    with raises(kind, message):
        io.encode(waveform, 48_000, format="wav")
    with raises(kind, message):
        io.save(tmp_path / "a.wav", waveform, 48_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"format": "xyz"},
            ValueError,
            "format must be one of 'wav', 'flac', 'mp3', 'ogg', 'opus', 'm4a', got 'xyz'",
        ),
        ({"format": None}, TypeError, "format must be a string, got NoneType"),
        ({"sample_rate": 0}, ValueError, "sample_rate must be a whole number of Hz above 0, got 0"),
        ({"sample_rate": -8_000}, ValueError, "sample_rate must be a whole number of Hz above 0"),
        (
            {"sample_rate": 44_100.5},
            ValueError,
            "sample_rate must be a whole number of Hz above 0, got 44100.5",
        ),
        ({"sample_rate": "48000"}, TypeError, "sample_rate must be a number of Hz, got str"),
        (
            {"format": "mp3", "sample_rate": 96_000},
            ValueError,
            "44100, 48000 Hz, got 96000: resample first, for instance to 48000",
        ),
        (
            {"format": "opus", "sample_rate": 44_100},
            ValueError,
            "sample_rate for opus must be one of 8000, 12000, 16000, 24000, 48000 Hz, got 44100: "
            "resample first, for instance to 48000",
        ),
        ({"format": "flac", "sample_rate": 65_537}, ValueError, "for instance to 65540"),
        (
            {"format": "mp3", "num_channels": 3},
            ValueError,
            "num_channels for mp3 must be one of 1, 2, got 3",
        ),
        (
            {"format": "opus", "num_channels": 3},
            ValueError,
            "num_channels for opus must be one of 1, 2, 6, 8, got 3",
        ),
        (
            {"encoding": "pcm_s12"},
            ValueError,
            "encoding for wav must be one of 'pcm_s16', 'pcm_s24', 'pcm_s32', 'float32', "
            "got 'pcm_s12'",
        ),
        (
            {"format": "flac", "encoding": "float32"},
            ValueError,
            "encoding for flac must be one of 'pcm_s16', 'pcm_s24', got 'float32'",
        ),
        (
            {"format": "mp3", "encoding": "pcm_s16"},
            ValueError,
            "encoding='pcm_s16' has no meaning for mp3, which is lossy: set bit_rate",
        ),
        (
            {"bit_rate": 128_000},
            ValueError,
            "bit_rate=128000 has no meaning for wav, which is lossless: set encoding",
        ),
        (
            {"format": "mp3", "bit_rate": 128},
            ValueError,
            "must be between 32000 and 320000 bit/s, got 128; did you mean 128000?",
        ),
        (
            {"format": "mp3", "bit_rate": "128k"},
            TypeError,
            "bit_rate must be a number of bit/s, got str",
        ),
        (
            {"format": "ogg", "sample_rate": 16_000, "bit_rate": 200_000},
            io.AudioFileError,
            "the vorbis encoder refuses 1 channel(s) at 16000 Hz with 200000 bit/s",
        ),
        (
            {"on_clip": "ignore"},
            ValueError,
            "on_clip must be one of 'warn', 'error', 'rescale', got 'ignore'",
        ),
        ({"num_channels": 1.0}, TypeError, "num_channels must be a whole number, got float"),
    ],
)
def test_wrong_settings(options, kind, message):
    options = {"sample_rate": 48_000, "format": "wav", **options}
    with raises(kind, message):
        io.encode(WAVE, **options)


@pytest.mark.parametrize(
    ("name", "least"), [("flac", 1), ("mp3", 1), ("ogg", 1), ("opus", 1), ("m4a", 48)]
)
def test_lengths_that_a_format_cannot_hold(name, least, tmp_path):
    message = f"waveform has {least - 1} samples, and {name} holds at least {least} at 48000 Hz"
    with raises(ValueError, message):
        io.encode(torch.zeros(1, least - 1), 48_000, format=name)
    with (
        raises(ValueError, message),
        io.BlockWriter(tmp_path / "a", 48_000, 1, format=name) as writer,
    ):
        writer.write(torch.zeros(1, least - 1))
    assert list(tmp_path.iterdir()) == []
    assert io.info(io.encode(torch.zeros(1, least), 48_000, format=name)).num_samples >= least


def test_names_that_do_not_say_the_format(tmp_path):
    with raises(
        ValueError, "the extension '.xyz' does not say which format to write; use one of .wav"
    ):
        io.save(tmp_path / "a.xyz", WAVE, 48_000)
    with raises(ValueError, "a name without an extension does not say which format to write"):
        io.save(tmp_path / "a", WAVE, 48_000)


def test_paths_that_are_not_files(tmp_path):
    missing = tmp_path / "missing.wav"
    for read in (io.load, io.info, lambda path: io.blocks(path, 1.0)):
        with raises(FileNotFoundError, f"there is no file {missing}"):
            read(missing)
        with raises(IsADirectoryError, f"{tmp_path} is a folder, not an audio file"):
            read(tmp_path)
        with raises(
            FileNotFoundError,
            "https://example.org/a.wav: addresses are not opened",
        ):
            read("https://example.org/a.wav")
    with raises(io.AudioFileError, "/dev/null is not a regular file"):
        io.load("/dev/null")


def test_targets_that_cannot_be_written(tmp_path):
    path = tmp_path / "a.wav"
    with raises(FileNotFoundError, f"the folder {tmp_path / 'no'} does not exist"):
        io.save(tmp_path / "no" / "a.wav", WAVE, 48_000)
    with raises(IsADirectoryError, f"{tmp_path} is a folder: name a file in it"):
        io.save(tmp_path, WAVE, 48_000, format="wav")
    io.save(path, WAVE, 48_000)
    with raises(FileExistsError, f"{path} exists already: pass overwrite=True"):
        io.save(path, WAVE, 48_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: it holds 0 bytes"),
        (b"A plain text.\n" * 50, "is text, not audio"),
        ("Ein Text mit Umläuten: äöü. ".encode() * 50, "is text, not audio"),
        # A play list: FFmpeg would follow it, to other files and to the network.
        (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://example.org/a.ts\n",
            "is text, not audio",
        ),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "is text, not audio"),
        (bytes(range(256)) * 8, "is not audio that can be read, or it is damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "holds no sound"),
        (b"RIFF\x24\0\0\0WAVE", "is damaged or cut off, or not audio that can be read"),
        (b"RIFF", "is text, not audio"),
        (b"fLaC", "is cut off: it ends within its header"),
        (b"OggS", "is cut off: its first page is cut"),
    ],
)
def test_content_that_is_not_audio(content, message, tmp_path):
    path = tmp_path / "thing.wav"
    path.write_bytes(content)
    for read in (io.load, io.info):
        with raises(io.AudioFileError, message) as caught:
            read(path)
        assert str(caught.value).startswith(str(path))
        assert ".cpp" not in str(caught.value)


def test_a_film_without_sound(tmp_path):
    from torchcodec.encoders import VideoEncoder

    path = tmp_path / "film.mp4"
    VideoEncoder(torch.zeros(3, 3, 64, 64, dtype=torch.uint8), frame_rate=10).to_file(path)
    with raises(io.AudioFileError, f"{path} holds no sound: none of its streams is audio"):
        io.load(path)


def test_headers_that_make_no_sense():
    for channels, rate in ((0, 8_000), (1, 0), (65_535, 8_000), (1, 2**32 - 1)):
        fmt = struct.pack("<HHIIHH", 1, channels, rate, 0, (2 * channels) & 0xFFFF, 16)
        body = (
            b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", 64) + bytes(64)
        )
        with pytest.raises(io.AudioFileError, match=r"^<108 bytes> is damaged"):
            io.decode(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "source must be a path, bytes, a uint8 tensor or an open binary file, got NoneType"),
        (3, "got int"),
        (torch.zeros(10), "source as a tensor must hold the bytes of a file: uint8"),
        (torch.zeros(2, 5, dtype=torch.uint8), "got torch.uint8 of shape (2, 5)"),
        (streams.StringIO("text"), "<StringIO> must be opened in binary mode ('rb'): it gave str"),
    ],
)
def test_sources_of_the_wrong_type(source, message):
    with raises(TypeError, message):
        io.load(source)


def test_decode_takes_bytes_only(tmp_path):
    with raises(TypeError, "data must be bytes or a uint8 tensor, got str; load opens files"):
        io.decode("a.wav")
