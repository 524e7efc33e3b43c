"""What the headers say, tags included, and that nothing is decoded for it."""

import struct

import pytest
import torch
from torchcodec import decoders

from audiolab import io

CODECS = {"wav": "pcm", "flac": "flac", "mp3": "mp3", "ogg": "vorbis", "opus": "opus", "m4a": "aac"}


def test_the_facts(name, encoded):
    data = encoded(name)
    described = io.info(data)
    assert described.format == name
    assert described.codec == CODECS[name]
    assert (described.sample_rate, described.num_channels) == (48_000, 2)
    assert described.num_samples == 20_001
    assert described.exact
    assert described.duration_s == 20_001 / 48_000
    assert described.size_bytes == len(data)
    lossless = name in ("wav", "flac")
    assert described.encoding == ("pcm_s16" if lossless else None)
    assert described.bit_depth == (16 if lossless else None)
    # Nominal or measured, a bit rate agrees with the size: headers weigh most in a short ogg.
    assert described.bit_rate * described.duration_s / 8 == pytest.approx(len(data), rel=0.6)


def test_nothing_is_decoded(name, encoded, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("info decoded samples")

    import soundfile

    monkeypatch.setattr(decoders.AudioDecoder, "get_all_samples", refuse)
    monkeypatch.setattr(decoders.AudioDecoder, "get_samples_played_in_range", refuse)
    monkeypatch.setattr(soundfile.SoundFile, "read", refuse)
    io.info(encoded(name))
    with pytest.raises(AssertionError, match="info decoded samples"):
        io.load(encoded(name))


def test_info_is_read_only(encoded):
    described = io.info(encoded("wav"))
    with pytest.raises(AttributeError):
        described.sample_rate = 1
    with pytest.raises(TypeError):
        described.tags["title"] = "mine"


def comments(*items):
    body = struct.pack("<I", 4) + b"test" + struct.pack("<I", len(items))
    for item in items:
        body += struct.pack("<I", len(item.encode())) + item.encode()
    return body


def test_flac_tags(encoded):
    data = encoded("flac")
    block = comments("TITLE=Tönchen", "Artist=Us", "empty=", "METADATA_BLOCK_PICTURE=AAAA")
    # After STREAMINFO, which is 4 + 34 bytes long behind the four of the magic.
    last = data[4] & 0x80
    head = data[:4] + bytes([data[4] & 0x7F]) + data[5:42]
    tagged = head + bytes([4 | last]) + len(block).to_bytes(3, "big") + block + data[42:]
    assert dict(io.info(tagged).tags) == {"title": "Tönchen", "artist": "Us"}
    assert torch.equal(io.decode(tagged)[0], io.decode(data)[0])


def id3(version, *frames):
    body = b""
    for name, payload in frames:
        size = len(payload)
        if version == 4:
            size_bytes = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
        else:
            size_bytes = size.to_bytes(3 if version == 2 else 4, "big")
        body += name + size_bytes + (b"" if version == 2 else b"\0\0") + payload
    body += bytes(20)  # padding
    size = len(body)
    head = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    return b"ID3" + bytes([version, 0, 0]) + head + body


@pytest.mark.parametrize(
    ("version", "title", "artist", "comment"),
    [(2, b"TT2", b"TP1", b"COM"), (3, b"TIT2", b"TPE1", b"COMM"), (4, b"TIT2", b"TPE1", b"COMM")],
)
def test_id3_tags(version, title, artist, comment, encoded):
    data = encoded("mp3")
    long = "x" * 200  # beyond seven bits, where the versions count differently
    tag = id3(
        version,
        (title, b"\1" + "Tönchen".encode("utf-16")),
        (comment, b"\0eng\0" + b"words"),
        (artist, b"\0" + long.encode()),
    )
    described = io.info(tag + data[data.find(b"\xff\xfb") :])
    assert described.format == "mp3"
    assert described.tags["title"] == "Tönchen"
    assert described.tags["comment"] == "words"
    assert described.tags["artist"] == long
    assert described.num_samples == 20_001


def test_riff_tags(encoded):
    data = encoded("wav")
    items = b"".join(
        name + struct.pack("<I", len(text)) + text + bytes(len(text) % 2)
        for name, text in ((b"INAM", b"odd\0\0"), (b"IART", "Übung".encode()))
    )
    chunk = b"LIST" + struct.pack("<I", len(items) + 4) + b"INFO" + items
    tagged = data[:36] + chunk + data[36:]
    assert dict(io.info(tagged).tags) == {"title": "odd", "artist": "Übung"}
    assert torch.equal(io.decode(tagged)[0], io.decode(data)[0])


def test_the_encoder_names_itself(encoded):
    for name in ("mp3", "ogg", "opus", "m4a"):
        assert io.info(encoded(name)).tags["encoder"].startswith("Lav")


def test_an_mp3_without_notes_is_estimated(encoded):
    data = encoded("mp3")
    plain = data[data.find(b"\xff\xfb") :]
    second = plain.find(b"\xff\xfb", 4)
    described = io.info(plain[second:])
    assert described.exact is False
    assert described.num_samples == pytest.approx(20_001, abs=4 * 1_152)  # frames at both ends
    assert io.blocks(plain[second:], 1.0).num_samples is None


@pytest.mark.parametrize(
    ("container", "form", "codec"),
    [
        ("aiff", b"FORM", "pcm"),
        ("au", b".snd", "pcm"),
        ("caf", b"caff", "pcm"),
        ("w64", b"riff", "pcm"),
    ],
)
def test_other_containers(container, form, codec, sound, tmp_path):
    import soundfile

    path = tmp_path / f"sound.{container}"
    soundfile.write(path, sound(2).T.numpy(), 48_000, format=container.upper(), subtype="PCM_16")
    assert path.read_bytes().startswith(form)
    described = io.info(path)
    assert (described.format, described.codec, described.encoding) == (container, "pcm", "pcm_s16")
    waveform, rate = io.load(path)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 48_000
    assert torch.equal(waveform, torch.from_numpy(expected).T)
    assert torch.equal(torch.cat(list(io.blocks(path, 0.1)), dim=1), waveform)


@pytest.mark.parametrize(
    ("subtype", "encoding"),
    [("PCM_U8", "pcm_u8"), ("DOUBLE", "float64"), ("ULAW", "mulaw")],
)
def test_other_samples_in_wav(subtype, encoding, sound, tmp_path):
    import soundfile

    path = tmp_path / "sound.wav"
    soundfile.write(path, sound(2).T.numpy(), 48_000, subtype=subtype)
    described = io.info(path)
    assert encoding in (described.encoding, described.codec)
    waveform, _ = io.load(path)
    expected = torch.from_numpy(soundfile.read(path, dtype="float32", always_2d=True)[0]).T
    assert torch.equal(waveform, expected)


def test_rarer_codecs_in_wav_are_left_to_ffmpeg(sound, tmp_path):
    import soundfile

    path = tmp_path / "sound.wav"
    soundfile.write(path, sound(2).T.numpy(), 48_000, subtype="MS_ADPCM")
    assert io.info(path).codec == "adpcm_ms"
    waveform, _ = io.load(path)
    # Four bits a sample: noise 16 dB below this rather noisy sound.
    error = (waveform[:, :20_001] - sound(2)).square().mean() / sound(2).square().mean()
    assert float(error) < 0.03
