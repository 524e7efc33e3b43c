"""``torchaudio.sox_effects`` by its own names: what code written for torchaudio 2.8 relies on."""

from __future__ import annotations

import inspect
import wave as wave_module

import pytest
import sox_binary
import torch

from audiolab import effects, io, signals
from audiolab.effects import apply_effects_file, apply_effects_tensor, compatibility

RATE = 16_000


def wave(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) - 0.5


# -------------------------------------------------------------------------------------- the shape
def test_signatures_begin_as_torchaudios():
    tensor = list(inspect.signature(apply_effects_tensor).parameters.values())
    assert [each.name for each in tensor[:4]] == [
        *("tensor", "sample_rate", "effects", "channels_first")
    ]
    file = list(inspect.signature(apply_effects_file).parameters.values())
    assert [each.name for each in file[:5]] == [
        *("path", "effects", "normalize", "channels_first", "format")
    ]
    defaults = [each.default for each in (*tensor[:4], *file[:5])]
    none = inspect.Parameter.empty
    assert defaults == [none, none, none, True, none, none, True, True, None]


def test_names():
    names = effects.effect_names()
    assert len(names) == 59
    assert names == sorted(names, key=["chorus", "channels"].__contains__) or len(set(names)) == 59
    assert {"allpass", "vol", "ladspa"} <= set(names)
    assert not {"noiseprof", "noisered", "spectrogram", "splice"} & set(names)
    assert effects.available_effects() == sorted(effects.sox.EFFECTS)


def test_the_module_stands_in_for_torchaudio():
    import audiolab.effects.compatibility as torchaudio

    assert torchaudio.sox_effects.apply_effects_tensor is apply_effects_tensor
    assert torchaudio.sox_effects.apply_effects_file is apply_effects_file
    assert torchaudio.sox_effects.effect_names is effects.effect_names


# --------------------------------------------------------------------------------------- tensors
@pytest.mark.parametrize("written", [[["trim", "100s"], ["reverse"]], "trim 100s reverse"])
def test_channels_first_and_last(written: object):
    waveform = wave(2, 500)
    first, rate = apply_effects_tensor(waveform, RATE, written)
    assert torch.equal(first, waveform[:, 100:].flip(-1))
    assert (rate, type(rate)) == (RATE, int)
    last, _ = apply_effects_tensor(waveform.T, RATE, written, False)
    assert torch.equal(last, first.T)
    assert last.is_contiguous()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floats_keep_their_type_and_are_not_clipped(dtype: torch.dtype):
    waveform = torch.tensor([[3.0, -7.25]], dtype=dtype)
    result, _ = apply_effects_tensor(waveform, RATE, [["remix", "1", "1v0.5"]])
    assert result.dtype == dtype
    assert result.tolist() == [[3.0, -7.25], [1.5, -3.625]]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_integers_keep_type_and_value(dtype: torch.dtype):
    limits = torch.iinfo(dtype)
    values = torch.tensor([[limits.min, limits.min + 1, 0, 1, 100, limits.max]], dtype=dtype)
    result, _ = apply_effects_tensor(values, RATE, [["reverse"]])
    assert result.dtype == dtype
    assert torch.equal(result.flip(-1), values)
    same, _ = apply_effects_tensor(values, RATE, [])
    assert torch.equal(same, values)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_integers_saturate(dtype: torch.dtype):
    limits = torch.iinfo(dtype)
    values = torch.tensor([[limits.min, limits.max]], dtype=dtype)
    result, _ = apply_effects_tensor(values, RATE, [["remix", "1v4"]])
    assert torch.equal(result, values)


def test_the_hidden_clipping_of_torchaudio_is_there_to_ask_for():
    waveform = torch.tensor([[0.25, -0.05]])
    up_and_down = [["remix", "1v10"], ["remix", "1v0.1"]]
    free, _ = apply_effects_tensor(waveform, RATE, up_and_down)
    assert torch.allclose(free, waveform)
    clipped, _ = apply_effects_tensor(waveform, RATE, up_and_down, clip="sox")
    assert torch.allclose(clipped, torch.tensor([[0.1, -0.05]]))


@pytest.mark.parametrize("shape", [(5,), (1, 2, 5), ()])
def test_only_two_dimensions(shape: tuple[int, ...]):
    for error in (ValueError, RuntimeError):
        with pytest.raises(error, match="Input tensor has to be 2D"):
            apply_effects_tensor(torch.zeros(shape), RATE, [["reverse"]])


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64, torch.float16])
def test_other_types(dtype: torch.dtype):
    with pytest.raises(TypeError, match="tensor must hold float32"):
        apply_effects_tensor(torch.zeros(1, 5, dtype=dtype), RATE, [])


def test_errors_have_torchaudios_words_and_types():
    waveform = wave(1, 10)
    with pytest.raises(RuntimeError, match="Unsupported effect: nonsense"):
        apply_effects_tensor(waveform, RATE, [["nonsense"]])
    with pytest.raises(RuntimeError, match=r"Invalid effect option: .*'one'(.|\n)*usage: trim"):
        apply_effects_tensor(waveform, RATE, [["trim", "one"]])
    with pytest.raises(TypeError, match=r"effects\[0\]\[1\] must be a string, got int"):
        apply_effects_tensor(waveform, RATE, [["trim", 1]])
    with pytest.raises(RuntimeError, match="ladspa is not available: "):
        apply_effects_tensor(waveform, RATE, [["ladspa", "x"]])


def test_gradients_pass():
    waveform = wave(1, 10).requires_grad_()
    result, _ = apply_effects_tensor(waveform, RATE, [["reverse"]])
    result.sum().backward()
    assert waveform.grad is not None


# ----------------------------------------------------------------------------------------- files
def write_wav(path, waveform: torch.Tensor, num_bytes: int) -> None:
    """Write samples that are multiples of 1/128, in any width."""
    zero = 1.0 if num_bytes == 1 else 0.0
    integers = ((waveform.double() + zero) * 2 ** (8 * num_bytes - 1)).to(torch.int64)
    with wave_module.open(str(path), "wb") as file:
        file.setnchannels(waveform.shape[0])
        file.setsampwidth(num_bytes)
        file.setframerate(RATE)
        for value in integers.T.flatten().tolist():
            file.writeframesraw(value.to_bytes(num_bytes, "little", signed=num_bytes > 1))


@pytest.mark.parametrize(
    ("num_bytes", "dtype"),
    [(1, torch.uint8), (2, torch.int16), (3, torch.int32), (4, torch.int32)],
)
def test_integer_files(tmp_path, num_bytes: int, dtype: torch.dtype):
    path = tmp_path / "a.wav"
    waveform = torch.randint(-128, 128, (2, 1000), generator=torch.Generator().manual_seed(0)) / 128
    write_wav(path, waveform, num_bytes)
    floats, rate = apply_effects_file(path, [["reverse"]])
    assert (floats.dtype, rate) == (torch.float32, RATE)
    assert torch.equal(floats, waveform.flip(-1))
    integers, _ = apply_effects_file(path, [["reverse"]], normalize=False, channels_first=False)
    assert (integers.dtype, tuple(integers.shape)) == (dtype, (1000, 2))
    scale = {torch.uint8: 128, torch.int16: 2**15, torch.int32: 2**31}[dtype]
    zero = 128 if dtype == torch.uint8 else 0
    assert torch.equal((integers.double() - zero) / scale, waveform.flip(-1).T.double())


def test_normalize_means_nothing_for_other_files(tmp_path):
    path = tmp_path / "a.flac"
    io.save(path, wave(1, 100), RATE)
    result, _ = apply_effects_file(str(path), "reverse", normalize=False, format="flac")
    assert result.dtype == torch.float32


def test_a_file_is_what_load_and_a_tensor_are(tmp_path):
    path = signals.clip_path("music")
    waveform, rate = io.load(path)
    line = "trim 0.5 1.5 remix 1,2 fade t 0.1"
    expected, _ = apply_effects_tensor(waveform, rate, line)
    found, found_rate = apply_effects_file(path, line)
    assert found_rate == rate
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) < 1e-7


def test_an_empty_result(tmp_path):
    found, rate = apply_effects_file(signals.clip_path("music"), [["trim", "0", "0"]])
    assert found.shape == (2, 0)
    assert rate == 44_100


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        apply_effects_file(tmp_path / "none.wav", [])
    (tmp_path / "text.wav").write_text("text")
    with pytest.raises(io.AudioFileError):
        apply_effects_file(tmp_path / "text.wav", [])


# --------------------------------------------------------------------- the tutorial of June 2022
TUTORIAL = """
import torchaudio

def _get_sample(path, resample=None):
   effects = [["remix","1"]]
   if resample:
       effects.extend([
           ["lowpass", f"{resample // 2}"],
           ["rate", f"{resample}"]
       ])
   return torchaudio.sox_effects.apply_effects_file(path, effects=effects)

def get_sample(*, resample=None):
   return _get_sample(SAMPLE_WAV_PATH, resample=resample)

# Load the data
waveform1, sample_rate1 = get_sample(resample=16000)

# Define effects
effects = [
   ["lowpass", "-1", "300"],  # apply single-pole lowpass filter
   ["speed", "0.8"],  # reduce the speed
   # This only changes sample rate, so it is necessary to
   # add `rate` effect with original sample rate after this.
   ["rate", f"{sample_rate1}"],
   ["reverb", "-w"],  # Reverbration gives some dramatic feeling
]
# Apply effects
waveform2, sample_rate2 = torchaudio.sox_effects.apply_effects_tensor(
    waveform1, sample_rate1, effects)
"""


@pytest.fixture
def three_seconds(tmp_path) -> str:
    """Three seconds of 44.1 kHz stereo, as in the measurements on torchaudio 2.8."""
    path = tmp_path / "steam.wav"
    music, rate = signals.clip("music")
    io.save(path, music[:, : 3 * rate], rate)
    return str(path)


def test_the_tutorial_runs_after_changing_one_import(three_seconds):
    names = {"SAMPLE_WAV_PATH": three_seconds}
    changed = TUTORIAL.replace(
        "import torchaudio", "import audiolab.effects.compatibility as torchaudio", 1
    )
    exec(changed, names)
    assert names["waveform1"].shape == (1, 48_000)
    assert names["sample_rate1"] == 16_000
    # Slower by 0.8, back at 16 kHz, and mono leaves reverb as stereo.
    assert names["waveform2"].shape == (2, 60_000)
    assert names["sample_rate2"] == 16_000
    assert names["waveform2"].dtype == torch.float32
    assert 0.001 < float(names["waveform2"].abs().max()) < 1.0


def test_the_forms_measured_on_torchaudio(three_seconds):
    mono, rate = apply_effects_file(
        three_seconds, [["remix", "1"], ["lowpass", "4000"], ["rate", "8000"]]
    )
    assert (tuple(mono.shape), rate) == ((1, 24_000), 8000)
    stereo, _ = io.load(three_seconds)
    chain = [["lowpass", "-1", "300"], ["speed", "0.8"], ["rate", "16000"], ["reverb", "-w"]]
    result, rate = apply_effects_tensor(stereo, 44_100, chain)
    assert (tuple(result.shape), rate) == ((2, 60_000), 16_000)
    # pitch leaves the samples at another rate, and the rate is cut to an int.
    result, rate = apply_effects_tensor(stereo[:1], 44_100, [["pitch", "200"]])
    assert (tuple(result.shape), rate) == ((1, 148_502), 49_500)


def test_the_tutorial_sounds_like_the_program(three_seconds, program):
    program("sox")
    stereo, rate = io.load(three_seconds)
    line = "lowpass -1 300 speed 0.8 rate 16000 reverb -w"
    ours, _ = apply_effects_tensor(stereo.double(), rate, line, clip="sox")
    reference = sox_binary.run(stereo, rate, line.split()).waveform
    error = float((ours - reference).abs().max() / reference.abs().max())
    # -100 dB: two resamplings in one chain, reverb in single precision in the program.
    assert error < 1e-5


def test_compatibility_says_what_differs():
    for word in ("clip", "float64", "seed"):
        assert word in compatibility.__doc__
