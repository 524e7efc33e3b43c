"""STOI, PESQ and ViSQOL: the packages' own numbers, whatever shape and rate things come in."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from audiolab import metrics, signals
from audiolab.resample import resample

Measured = Callable[..., torch.Tensor]
visqol_speech = partial(metrics.visqol, mode="speech")
MEASURES = [metrics.stoi, partial(metrics.stoi, extended=True), metrics.pesq, visqol_speech]
NAMES = ["stoi", "estoi", "pesq", "visqol"]


def pair(rate: int = 16_000, noise_gain: float = 0.05) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two and a half seconds of speech in float64, clean and in white noise."""
    speech, own = signals.clip("speech_female")
    clean = resample(speech[0, : int(2.5 * own)].double(), own, rate)
    noise = signals.white_noise(len(clean) / rate, rate, generator=0).double()
    return clean, clean + noise_gain * noise[: len(clean)]


def test_values_are_the_packages_own() -> None:
    import pesq
    import pystoi
    import visqol

    clean, noisy = pair()
    x, y = clean.numpy(), noisy.numpy()
    assert float(metrics.stoi(clean, noisy, 16_000)) == pystoi.stoi(x, y, 16_000)
    assert float(metrics.stoi(clean, noisy, 16_000, extended=True)) == pystoi.stoi(
        x, y, 16_000, extended=True
    )
    assert float(metrics.pesq(clean, noisy, 16_000)) == pesq.pesq(16_000, x, y, "wb")
    eighth = [resample(each, 16_000, 8_000) for each in (clean, noisy)]
    expected = pesq.pesq(8_000, eighth[0].numpy(), eighth[1].numpy(), "nb")
    assert float(metrics.pesq(clean, noisy, 16_000, band="narrow")) == expected
    api = visqol.VisqolApi()
    api.create(mode="speech", use_lattice_model=False)
    assert float(visqol_speech(clean, noisy, 16_000)) == pytest.approx(
        api.measure_from_arrays(x, y, 16_000).moslqo, rel=1e-12
    )


@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
def test_perfect_speech_reads_the_top_and_more_noise_less(measure: Measured) -> None:
    clean, noisy = pair()
    _, worse = pair(noise_gain=0.3)
    top = {"stoi": 1.0, "estoi": 1.0, "pesq": 4.644, "visqol": 5.0}
    name = NAMES[MEASURES.index(measure)]
    values = [float(measure(clean, each, 16_000)) for each in (clean, noisy, worse)]
    assert values[0] == pytest.approx(top[name], abs=1e-3)
    assert values[0] > values[1] > values[2]


@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
def test_items_are_measured_alone_with_their_lengths(measure: Measured) -> None:
    clean, noisy = pair()
    x = torch.stack([clean, clean.flip(0)])[:, None]
    y = torch.stack([noisy, noisy.flip(0)])[:, None]
    short = 30_000
    found = measure(x, y, 16_000, lengths=[[len(clean)], [short]])
    assert found.shape == (2, 1)
    assert found.dtype == torch.float64
    # NumPy sums in another order where memory is aligned otherwise.
    alone = [measure(clean, noisy, 16_000), measure(x[1, 0, :short], y[1, 0, :short], 16_000)]
    torch.testing.assert_close(found[:, 0], torch.stack(alone), rtol=1e-9, atol=0)


@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
def test_the_rate_of_the_input_hardly_matters(measure: Measured) -> None:
    low = float(measure(*pair(16_000), 16_000))
    clean, noisy = (resample(each, 16_000, 24_000) for each in pair(16_000))
    # What resampling there and back changes: the last percents below 8 kHz.
    assert float(measure(clean, noisy, 24_000)) == pytest.approx(low, rel=0.03)
    single = measure(clean.float(), noisy.float(), 24_000)
    assert single.dtype == torch.float32
    # PESQ and ViSQOL align by maxima that float32's rounding may move.
    assert float(single) == pytest.approx(float(measure(clean, noisy, 24_000)), rel=1e-2)


def test_no_gradient_is_claimed() -> None:
    clean, noisy = pair()
    assert not metrics.stoi(clean, noisy.requires_grad_(), 16_000).requires_grad


def test_what_can_not_be_judged_is_nan() -> None:
    clean, noisy = pair()
    assert math.isnan(float(metrics.stoi(clean[:3000], noisy[:3000], 16_000)))
    # A quarter of a second of the onset is no utterance.
    assert math.isnan(float(metrics.pesq(clean[:4500], noisy[:4500], 16_000)))


def test_visqol_for_audio_hears_a_low_pass() -> None:
    speech, rate = signals.clip("speech_female")
    clean = speech[0, : 2 * rate].double()
    spectrum = torch.fft.rfft(clean)
    spectrum[2 * 4000 :] = 0  # two seconds: half a hertz a bin
    low = torch.fft.irfft(spectrum, n=len(clean))
    whole = float(metrics.visqol(clean, clean, rate))
    assert whole > 4.5
    assert float(metrics.visqol(clean, low, rate)) < whole - 0.5


@pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
def test_bad_input_is_refused(measure: Measured) -> None:
    clean, noisy = pair()
    with pytest.raises(ValueError, match="same shape"):
        measure(clean, noisy[1:], 16_000)
    with pytest.raises(ValueError, match="reference is silent"):
        measure(torch.zeros(16_000), torch.ones(16_000), 16_000)
    with pytest.raises(ValueError, match="estimate is silent"):
        measure(clean, torch.zeros_like(clean), 16_000)
    with pytest.raises(ValueError, match="sample_rate"):
        measure(clean, noisy, 0)
    with pytest.raises(ValueError, match="NaN"):
        measure(clean, noisy * math.nan, 16_000)


def test_bad_choices_are_refused() -> None:
    clean, noisy = pair()
    with pytest.raises(ValueError, match="band must be one of"):
        metrics.pesq(clean, noisy, 16_000, band="nb")
    with pytest.raises(ValueError, match="mode must be one of"):
        metrics.visqol(clean, noisy, 16_000, mode="music")
    with pytest.raises(ValueError, match=r"must last 0\.25 s"):
        metrics.pesq(clean[8000:11_000], noisy[8000:11_000], 16_000)


@pytest.mark.parametrize(
    ("module", "measure"),
    [("pystoi", metrics.stoi), ("pesq", metrics.pesq), ("visqol", partial(metrics.visqol))],
)
def test_a_missing_package_is_named(
    module: str, measure: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audiolab.metrics import perceptual

    monkeypatch.setitem(sys.modules, module, None)
    perceptual._visqol.cache_clear()
    clean, noisy = pair()
    with pytest.raises(ImportError, match=r"pip install 'audiolab\[metrics\]'"):
        measure(clean, noisy, 16_000)


# ------------------------------------------------------------------------------------- the panel
def test_the_panel_is_its_measures() -> None:
    clean, noisy = pair(24_000)
    names = ["estoi", "si_sdr_db", "mel_4k_db", "lsd_4k_db", "mr_stft", "pesq_wb"]
    found = metrics.quality_panel(clean, noisy, 24_000, speech=True, names=names)
    assert list(found) == ["si_sdr_db", "mel_4k_db", "lsd_4k_db", "mr_stft", "estoi", "pesq_wb"]
    assert found["si_sdr_db"] == float(metrics.si_sdr_db(clean, noisy))
    assert found["mel_4k_db"] == float(
        metrics.mel_distance_db(clean, noisy, 24_000, band_hz=(0, 4000))
    )
    assert found["pesq_wb"] == float(metrics.pesq(clean, noisy, 24_000))
    other = metrics.quality_panel(clean, noisy, 24_000, speech=False, names=names)
    assert list(other) == ["si_sdr_db", "mel_4k_db", "lsd_4k_db", "mr_stft"]


def test_the_panel_knows_which_way_is_good() -> None:
    clean, little = pair(24_000, 0.01)
    _, much = pair(24_000, 0.2)
    names = [each.name for each in metrics.PANEL if not each.name.startswith("visqol_a")]
    good, bad = (
        metrics.quality_panel(clean, each, 24_000, speech=True, names=names)
        for each in (little, much)
    )
    for measure in metrics.PANEL:
        if measure.name in names:
            assert measure.better(good[measure.name], bad[measure.name]), measure.name
            assert not measure.better(1.0, 1.0)


def test_the_panel_refuses_unknown_names() -> None:
    x = torch.from_numpy(np.ones(100))
    with pytest.raises(ValueError, match="got psnr"):
        metrics.quality_panel(x, x, 24_000, speech=True, names=["psnr"])
    with pytest.raises(ValueError, match="shape"):
        metrics.quality_panel(x[None], x[None], 24_000, speech=True)
