"""Shoebox rooms: against mirrors one by one, pyroomacoustics, closed forms, and themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiolab import room
from audiolab.room import _pulses

from .conftest import BOX, EAR, RATE, SOURCE, plain_images

WALLS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
PLAIN = {"dtype": torch.float64, "highpass_hz": None}
POINTING = [1.0, -0.4, 0.2]


# ------------------------------------------------------------------------------------- closed forms
def test_without_walls_a_source_is_a_pulse_at_its_distance():
    # 3.43 m are 10 ms, 160 samples exactly: the pulse is one sample.
    rir = room.shoebox_rir([9, 9, 9], [1, 4, 4], [4.43, 4, 4], RATE, absorption=1.0,
                           duration_s=0.05, **PLAIN)  # fmt: skip
    expected = torch.zeros(800, dtype=torch.float64)
    expected[160] = 1 / 3.43
    torch.testing.assert_close(rir, expected, rtol=0, atol=1e-12)


def test_one_wall_is_one_echo():
    # Only the floor returns anything, a quarter of the energy: its image is 2 x 1.2 m farther down.
    rir = room.shoebox_rir([9, 9, 9], [4, 4, 1.2], [5, 4, 1.2], RATE, duration_s=0.05,
                           absorption=[1, 1, 1, 1, 0.75, 1], **PLAIN)  # fmt: skip
    direct = room.shoebox_rir([9, 9, 9], [4, 4, 1.2], [5, 4, 1.2], RATE, duration_s=0.05,
                              absorption=1.0, **PLAIN)  # fmt: skip
    farther = math.hypot(1.0, 2.4)
    mirrored = room.shoebox_rir([9, 9, 9], [4, 4, 1.2], [4 + farther, 4, 1.2], RATE,
                                duration_s=0.05, absorption=1.0, **PLAIN)  # fmt: skip
    torch.testing.assert_close(rir, direct + 0.5 * mirrored, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("pattern", "share"), [("cardioid", 0.5), ("hypercardioid", 0.25), ("figure_eight", 0.0)]
)
def test_patterns_in_the_free_field(pattern, share):
    for angle in (0.0, 60.0, 90.0, 180.0):
        direction = [math.cos(math.radians(angle)), math.sin(math.radians(angle)), 0.0]
        heard = room.shoebox_rir([9, 9, 9], [4.43, 4, 4], [1, 4, 4], RATE, absorption=1.0,
                                 duration_s=0.02, microphone_pattern=pattern,
                                 microphone_direction=direction, **PLAIN)  # fmt: skip
        sent = room.shoebox_rir([9, 9, 9], [1, 4, 4], [4.43, 4, 4], RATE, absorption=1.0,
                                duration_s=0.02, source_pattern=pattern,
                                source_direction=direction, **PLAIN)  # fmt: skip
        expected = (share + (1 - share) * math.cos(math.radians(angle))) / 3.43
        assert float(heard[160]) == pytest.approx(expected, abs=1e-12)
        assert float(sent[160]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("order", "count"), [(0, 1), (1, 7), (3, 63), (5, 231)])
def test_the_number_of_images_of_an_order(order, count):
    # Far pulses of rigid walls in a large room do not overlap: their energies times d^2 count them.
    gain = torch.tensor(1.0, dtype=torch.float64)
    walls = (1 - gain**2 * 0).expand(6)
    assert count == (2 * (2 * order**3 + 3 * order**2 + 4 * order)) // 3 + 1
    rir = room.shoebox_rir(BOX, SOURCE, EAR, RATE, absorption=0 * walls, max_order=order, **PLAIN)
    ones = plain_images(BOX, SOURCE, EAR, [0.0] * 6, order, len(rir))
    assert np.abs(rir.numpy() - ones).max() < 1e-10


# ---------------------------------------------------------------------------------- mirrors, parity
@pytest.mark.parametrize("gradients", [False, True], ids=["compiled", "recorded"])
def test_equals_mirrors_one_by_one(gradients):
    source = torch.tensor(SOURCE, dtype=torch.float64, requires_grad=gradients)
    rir = room.shoebox_rir(BOX, source, EAR, RATE, absorption=WALLS, max_order=6, **PLAIN)
    expected = plain_images(BOX, SOURCE, EAR, WALLS, 6, len(rir))
    # Everything is float64; the direct sound is 0.4.
    assert np.abs(rir.detach().numpy() - expected).max() < 1e-10


@pytest.mark.parametrize("gradients", [False, True], ids=["compiled", "recorded"])
def test_equals_mirrors_with_patterns(gradients):
    ear_points, source_points = np.array(POINTING), np.array([0.3, 1.0, -0.5])
    ear_points /= np.linalg.norm(ear_points)
    source_points /= np.linalg.norm(source_points)

    def gain(heard_from, sent_to):
        return (0.5 + 0.5 * heard_from @ ear_points) * (0.75 + 0.25 * sent_to @ source_points)

    rir = room.shoebox_rir(
        BOX, torch.tensor(SOURCE, dtype=torch.float64, requires_grad=gradients), EAR, RATE,
        absorption=WALLS, max_order=5, microphone_pattern="cardioid",
        microphone_direction=POINTING, source_pattern="subcardioid",
        source_direction=[0.3, 1.0, -0.5], **PLAIN,
    )  # fmt: skip
    expected = plain_images(BOX, SOURCE, EAR, WALLS, 5, len(rir), gain=gain)
    assert np.abs(rir.detach().numpy() - expected).max() < 1e-10


@pytest.mark.parametrize("order", [0, 1, 3, 10, 30])
def test_equals_pyroomacoustics(pyroom, order):
    theirs = pyroom(BOX, SOURCE, EAR, 0.35, order)
    ours = room.shoebox_rir(BOX, SOURCE, EAR, RATE, absorption=0.35, max_order=order, **PLAIN)
    error = ours[: len(theirs)] - theirs
    # Their sinc comes from a table with 20 values a sample, under a window that stays on the grid.
    assert 10 * math.log10(float(error.square().sum() / theirs.square().sum())) < -50
    assert not ours[len(theirs) :].abs().max() > 1e-4


def test_equals_pyroomacoustics_with_their_high_pass(pyroom):
    theirs = pyroom(BOX, SOURCE, EAR, 0.35, 30, highpass=True)
    ours = room.shoebox_rir(BOX, SOURCE, EAR, RATE, absorption=0.35, max_order=30,
                            dtype=torch.float64)[: len(theirs)]  # fmt: skip
    error = ours - theirs
    # Their passes start and end on a response continued by its mirror, ours in silence.
    assert 10 * math.log10(float(error.square().sum() / theirs.square().sum())) < -45


# --------------------------------------------------------------------------------------------- rt60
#: Sides, and how far from the time asked for the T30 may be: 5 % between any two places.
ASKED = [
    (BOX, 0.06),
    ([8.0, 6.0, 3.0], 0.08),
    ([3.0, 2.5, 2.4], 0.06),
    ([12.0, 10.0, 5.0], 0.06),
    ([10.0, 3.0, 3.0], 0.25),
]


@pytest.mark.parametrize(("box", "error"), ASKED)
@pytest.mark.parametrize("rt60_s", [0.2, 0.4, 0.7])
def test_the_time_asked_for_is_measured(box, error, rt60_s):
    generator = torch.Generator().manual_seed(1)
    sides = torch.tensor(box)
    places = sides * (0.15 + 0.7 * torch.rand(2, 4, 3, generator=generator))
    rir = room.shoebox_rir(sides.expand(4, 3), *places, RATE, rt60_s=rt60_s)
    measured = room.reverberation_time_s(rir, RATE)
    assert float(measured.mean()) == pytest.approx(rt60_s, rel=error)


@pytest.mark.parametrize("box", [BOX, [10.0, 3.0, 3.0]])
@pytest.mark.parametrize("rt60_s", [0.25, 0.5])
def test_the_time_is_corrected_until_it_is_right(box, rt60_s):
    sides = torch.tensor(box)
    places = sides * torch.tensor([[0.2, 0.3, 0.4], [0.7, 0.6, 0.5]])
    settings = {"rt60_s": rt60_s, "rt60_tolerance": 0.01, "duration_s": 1.2 * rt60_s}
    rir = room.shoebox_rir(box, places[0], places[1], RATE, **settings)
    assert float(room.reverberation_time_s(rir, RATE)) == pytest.approx(rt60_s, rel=0.01)
    humid = room.shoebox_rir(box, places[0], places[1], RATE, humidity_percent=40.0, **settings)
    assert float(room.reverberation_time_s(humid, RATE)) == pytest.approx(rt60_s, rel=0.01)


def test_absorption_and_time_are_inverse():
    rooms = torch.tensor([BOX, [9.0, 3.0, 2.5], [30.0, 20.0, 12.0]])
    for method in ("decay", "eyring", "sabine"):
        wanted = torch.tensor([0.5, 0.7, 2.0], dtype=torch.float64)
        absorption = room.absorption_for(wanted, rooms, method=method)
        again = room.predicted_rt60_s(rooms, absorption, method=method)
        torch.testing.assert_close(again, wanted, rtol=1e-9, atol=0)


def test_sabine_and_eyring_by_hand():
    volume, surface, absorbed = 60.0, 94.0, 0.25
    factor = 24 * math.log(10) / 343.0 * volume / surface
    sabine = room.predicted_rt60_s(BOX, absorbed, method="sabine")
    eyring = room.predicted_rt60_s(BOX, [absorbed] * 6, method="eyring")
    assert float(sabine) == pytest.approx(factor / absorbed, rel=1e-12)
    assert float(eyring) == pytest.approx(factor / -math.log(1 - absorbed), rel=1e-12)
    with pytest.raises(ValueError, match="Sabine's formula"):
        room.absorption_for(0.05, BOX, method="sabine")


def test_air_takes_the_high_notes():
    settings = {"absorption": 0.1, "duration_s": 0.6, "dtype": torch.float64}
    dry = room.shoebox_rir(BOX, SOURCE, EAR, RATE, **settings)
    humid = room.shoebox_rir(BOX, SOURCE, EAR, RATE, humidity_percent=50.0, **settings)
    late = slice(round(0.5 * RATE), round(0.5 * RATE) + 1024)
    window = torch.hann_window(1024, dtype=torch.float64)
    ratio = torch.fft.rfft(humid[late] * window).abs() / torch.fft.rfft(dry[late] * window).abs()
    # 0.532 s are 182.5 m: 4.7 dB a kilometre at 1 kHz, 29.7 at 4 kHz (20 degrees Celsius).
    for frequency, per_km in ((1000, 4.665), (4000, 29.66)):
        at = round(frequency / RATE * 1024)
        measured = -20 * float(ratio[at - 6 : at + 7].log10().mean())
        assert measured == pytest.approx(per_km * 0.1825, rel=0.03, abs=0.02)
    first = int(room.direct_sample(dry, RATE))
    assert float(humid[first] / dry[first]) == pytest.approx(1.0, abs=0.03)


# ------------------------------------------------------------------------------------- consistency
def test_a_room_does_not_depend_on_its_batch():
    rooms = torch.tensor([[5.0, 4.0, 3.0], [6.0, 3.0, 2.5], [8.0, 6.0, 4.0]])
    times = torch.tensor([0.15, 0.2, 0.15])
    settings = {"rt60_tolerance": 0.03, "humidity_percent": 50.0}
    whole = room.shoebox_rir(rooms, rooms * 0.3, rooms * 0.6, 8000, rt60_s=times, **settings)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for row in range(3):
                alone = room.shoebox_rir(rooms[row], rooms[row] * 0.3, rooms[row] * 0.6, 8000,
                                         rt60_s=times[row], **settings)  # fmt: skip
                assert torch.equal(alone, whole[row, : len(alone)])
                assert not whole[row, len(alone) :].any()
    finally:
        torch.set_num_threads(before)


def test_sources_and_microphones_are_pairs():
    sources = torch.tensor([SOURCE, [2.0, 1.0, 1.0]])
    ears = torch.tensor([EAR, [4.0, 3.0, 2.0], [1.0, 3.5, 2.5]])
    settings = {"absorption": 0.5, "duration_s": 0.1}
    whole = room.shoebox_rir(BOX, sources, ears, RATE, **settings)
    assert whole.shape == (2, 3, 1600)
    for s, source in enumerate(sources):
        for m, ear in enumerate(ears):
            one = room.shoebox_rir(BOX, source, ear, RATE, **settings)
            assert torch.equal(whole[s, m], one)
    swapped = room.shoebox_rir(BOX, ears, sources, RATE, **settings)  # reciprocity
    torch.testing.assert_close(swapped.transpose(0, 1), whole, rtol=0, atol=1e-6)


def test_recorded_and_compiled_are_the_same():
    source = torch.tensor(SOURCE, dtype=torch.float64, requires_grad=True)
    for more in ({}, {"align": True}, {"humidity_percent": 30.0}, {"max_order": 4}):
        settings = {"absorption": WALLS, "duration_s": 0.1, "dtype": torch.float64, **more}
        recorded = room.shoebox_rir(BOX, source, EAR, RATE, **settings)
        compiled = room.shoebox_rir(BOX, source.detach(), EAR, RATE, **settings)
        torch.testing.assert_close(recorded.detach(), compiled, rtol=0, atol=1e-11)


def test_operations_of_other_devices_are_the_same():
    generator = torch.Generator().manual_seed(3)
    times = 110 * torch.rand(2, 40, generator=generator, dtype=torch.float64) - 5
    times[0, :3] = torch.tensor([10.0, 20.0 + 1e-9, 30.0005])
    amplitudes = torch.randn(2, 40, generator=generator, dtype=torch.float64)
    compiled = _pulses.sum_pulses(times, amplitudes, 100, 21)
    index, weight, _ = _pulses._values(times, 100, 21)
    out = torch.zeros(2, 100, dtype=torch.float64)
    out.scatter_add_(1, index.flatten(1), (weight * amplitudes[..., None]).flatten(1))
    torch.testing.assert_close(out, compiled, rtol=0, atol=1e-12)
    grad = torch.randn(2, 100, generator=generator, dtype=torch.float64)
    leaves = times.requires_grad_(), amplitudes.requires_grad_()
    by_time, by_amplitude = torch.autograd.grad(_pulses.sum_pulses(*leaves, 100, 21), leaves, grad)
    index, weight, slope = _pulses._values(times.detach(), 100, 21)
    heard = grad.gather(1, index.flatten(1)).reshape(index.shape)
    torch.testing.assert_close(by_amplitude, (heard * weight).sum(-1), rtol=0, atol=1e-11)
    expected = (heard * slope).sum(-1) * amplitudes.detach()
    torch.testing.assert_close(by_time, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"align": True},
        {"highpass_hz": 60.0},
        {"humidity_percent": 50.0, "highpass_hz": None},
        {"microphone_pattern": "cardioid", "microphone_direction": POINTING},
        {"source_pattern": "supercardioid", "source_direction": POINTING},
    ],
    ids=lambda more: "+".join(more) or "plain",
)
def test_gradients(more):
    def rir(sides, source, ear, walls):
        return room.shoebox_rir(sides, source, ear, 8000, absorption=walls, duration_s=0.013,
                                dtype=torch.float64, **more)  # fmt: skip

    places = [
        torch.tensor(each, dtype=torch.float64, requires_grad=True)
        for each in (BOX, SOURCE, EAR, WALLS)
    ]
    assert torch.autograd.gradcheck(rir, places, atol=1e-6)


def test_gradients_reach_a_time_and_stay_finite_without_walls():
    time = torch.tensor(0.3, requires_grad=True)
    rir = room.shoebox_rir(BOX, SOURCE, EAR, 8000, rt60_s=time, duration_s=0.1)
    rir.square().sum().backward()
    assert float(time.grad) > 0  # what rings longer has more energy
    walls = torch.tensor([1.0, 1.0, 0.5, 0.0, 1.0, 1.0], requires_grad=True)
    room.shoebox_rir(BOX, SOURCE, EAR, 8000, absorption=walls, duration_s=0.1).sum().backward()
    assert bool(torch.isfinite(walls.grad).all())


# ---------------------------------------------------------------------------------------- property
@settings(max_examples=25, deadline=None)
@given(
    sides=st.tuples(*[st.floats(2.0, 9.0)] * 3),
    at=st.tuples(*[st.floats(0.05, 0.95)] * 6),
    walls=st.tuples(*[st.floats(0.2, 1.0)] * 6),
)
def test_the_direct_sound_is_where_and_as_loud_as_it_must_be(sides, at, walls):
    source = [part * side for part, side in zip(at[:3], sides, strict=True)]
    ear = [part * side for part, side in zip(at[3:], sides, strict=True)]
    distance = math.dist(source, ear)
    if distance < 0.5:
        return
    rir = room.shoebox_rir(sides, source, ear, RATE, absorption=walls, align=True,
                           duration_s=0.03, **PLAIN)  # fmt: skip
    direct = room.shoebox_rir(sides, source, ear, RATE, absorption=1.0, align=True,
                              duration_s=0.03, **PLAIN)  # fmt: skip
    assert float(direct[0]) == pytest.approx(1 / distance, rel=1e-9)
    assert float(direct[1:].abs().max()) < 1e-9
    assert bool(torch.isfinite(rir).all())


# --------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source_m": [6.0, 1.0, 1.0]}, "source_m must lie inside its room, got .*6.0"),
        ({"microphone_m": [1.0, 0.0, 1.0]}, "microphone_m must lie inside"),
        ({"microphone_m": SOURCE}, "a millimetre apart"),
        ({"room_m": [5.0, -4.0, 3.0]}, "lengths above 0 m"),
        ({"room_m": [5.0, 4.0]}, "3 numbers"),
        ({"room_m": [5.0, 4.0, math.nan]}, "finite"),
        ({"absorption": 1.5}, "between 0 .* and 1"),
        ({"absorption": None}, "either absorption or rt60_s"),
        ({"rt60_s": 0.3}, "either absorption or rt60_s"),
        ({"absorption": None, "rt60_s": -0.3}, "rt60_s must be above 0"),
        ({"rt60_tolerance": 0.02}, "no target"),
        ({"max_order": -1}, "max_order"),
        ({"taps": 80}, "odd number"),
        ({"duration_s": 0.0}, "duration_s"),
        ({"absorption": 0.0}, "give duration_s or max_order"),
        ({"absorption": [0.5] * 5}, "6 numbers"),
        ({"absorption": torch.full((2,), 0.5)}, "6 numbers"),
        ({"microphone_pattern": "shotgun"}, "microphone_pattern must be one of"),
        ({"microphone_pattern": "cardioid"}, "where the pattern points"),
        ({"source_pattern": "cardioid", "source_direction": [0, 0, 0]}, "must not be zero"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"highpass_hz": 9000.0}, "highpass_hz"),
        ({"humidity_percent": 120.0}, "humidity_percent"),
    ],
)
def test_bad_input(change, message):
    given = {
        "room_m": BOX, "source_m": SOURCE, "microphone_m": EAR, "sample_rate": RATE,
        "absorption": 0.5, **change,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        room.shoebox_rir(**given)


def test_geometry_must_be_numbers():
    with pytest.raises(TypeError, match="room_m must be numbers"):
        room.shoebox_rir("large", SOURCE, EAR, RATE, absorption=0.5)


@pytest.mark.parametrize(("order", "count"), [(0, 1), (1, 7), (2, 25), (3, 63), (5, 231)])
def test_images_are_listed_by_order(order, count):
    positions, orders = room.image_sources(BOX, SOURCE, order)
    assert positions.shape == (count, 3)
    assert positions[0].tolist() == SOURCE
    assert orders.tolist() == sorted(orders.tolist())
    rir = room.shoebox_rir(BOX, SOURCE, EAR, RATE, absorption=0.0, max_order=order, **PLAIN)
    distance = (positions - torch.tensor(EAR, dtype=torch.float64)).norm(dim=-1)
    summed = _pulses.sum_pulses(distance[None] * RATE / 343, 1 / distance[None], len(rir), 81)
    torch.testing.assert_close(summed[0], rir, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="one room and one source"):
        room.image_sources(BOX, [SOURCE, SOURCE], order)
