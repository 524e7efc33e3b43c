# %% [markdown]
"""
Rooms from images
=================

A wall is a mirror: what it returns seems to come from behind it. This page draws those mirrored
sources, sums them into the response of a room, asks for a reverberation time, and measures what it
got.

**What you will hear.** A voice in three rooms that ring for longer and longer; and one hall from
three seats.
"""

# %%

import matplotlib.pyplot as plt
import torch

from audiolab import display, room, signals

display.use_style()
speech, rate = signals.clip("speech_female")
speech = speech[0, : 4 * rate]

# %% [markdown]
# Sources behind the mirrors
# --------------------------
#
# **What does an echo look like from above?** The sound that a wall returns has come as far as if it
# had started behind the wall, from the mirror image of its source. Two walls mirror each other's
# images; all images of a box lie on a lattice. One that was reflected N times is N walls away.

# %%

sides, voice, ear = [5.0, 4.0, 3.0], [1.2, 2.6, 1.6], [3.9, 1.3, 1.2]
images, orders = room.image_sources(sides, voice, 3)
print(f"up to 3 reflections: {len(images)} images, {int((orders == 3).sum())} of them with 3")
display.plot_room(
    sides,
    title="A room of 5 m x 4 m, and its images with up to three reflections",
    sources_m={"voice": voice},
    microphones_m={"ear": ear},
    images_m=images,
    orders=orders,
)

# sphinx_gallery_start_ignore
assert len(images) == 63
# sphinx_gallery_end_ignore

# %% [markdown]
# The plan shows the floors above each other as one: images of floor and ceiling hide each other.
#
# The response is their sum
# -------------------------
#
# **What does the ear get?** From image i a pulse, late by its distance :math:`d_i` over the speed
# of sound c, weak by one over the distance, and weaker by each wall that keeps a share
# :math:`\alpha` of the energy:
#
# .. math:: h(t) = \sum_i \frac{(1 - \alpha)^{n_i / 2}}{d_i}\,
#           \delta\!\left(t - \frac{d_i}{c}\right).
#
# A pulse between two samples is a sinc at its exact time. For one reflection, the sum can be done
# by hand; ``room.shoebox_rir`` does it for all images that arrive in time.

# %%

first = orders <= 1
distance_m = (images[first] - torch.tensor(ear, dtype=torch.float64)).norm(dim=-1)
arrival_ms = 1000 * distance_m / 343.0
amplitude = (1 - 0.4) ** (orders[first] / 2) / distance_m
rir = room.shoebox_rir(sides, voice, ear, rate, absorption=0.4, highpass_hz=None)

display.plot_waveform(rir[: rate // 20], rate, title="The response, and its first seven images")
plt.plot(arrival_ms / 1000, amplitude, "o", label="by hand")
plt.ylim(-0.1, 0.36)
plt.legend()
for late, loud in zip(arrival_ms[:3].tolist(), amplitude[:3].tolist(), strict=True):
    print(f"an image after {late:5.2f} ms with an amplitude of {loud:.3f}")

# sphinx_gallery_start_ignore
alone = room.shoebox_rir(sides, voice, ear, rate, absorption=0.4, highpass_hz=None, max_order=0)
assert abs(int(alone.argmax()) / rate * 1000 - float(arrival_ms[0])) < 0.5 * 1000 / rate
assert torch.allclose(
    rir[: len(alone)][: int(alone.argmax()) - 41], alone[: int(alone.argmax()) - 41]
)
# sphinx_gallery_end_ignore

# %% [markdown]
# A circle is the height of the pulse, which falls between samples: the samples around it share it.
# After 20 ms the images come so densely that nobody counts them, and what is left to say of the
# response is how it decays.
#
# How long does it ring?
# ----------------------
#
# **How much must the walls absorb, for a given time?** Sabine (1900) and Eyring (1930) assume that
# sound crosses the room in all directions. In a box it does not: along its far walls it meets them
# seldom. ``absorption_for`` takes the mean decay over all directions of *this* box, and
# ``rt60_tolerance`` measures and corrects what is left. Asked for and measured, as T30:

# %%

rows = []
for name, box in {"room": sides, "hall": [12.0, 10.0, 5.0], "corridor": [10.0, 3.0, 3.0]}.items():
    at, to = [0.2 * s + 0.3 for s in box], [0.7 * s for s in box]
    for wanted_s in (0.3, 0.6):
        walls = [room.absorption_for(wanted_s, box, method=m) for m in ("sabine", "decay")]
        heard = [
            room.shoebox_rir(box, at, to, 16_000, absorption=a, duration_s=1.3 * wanted_s)
            for a in walls
        ]
        heard.append(room.shoebox_rir(box, at, to, 16_000, rt60_s=wanted_s, rt60_tolerance=0.02))
        times_s = [f"{float(room.reverberation_time_s(h, 16_000)):.3f}" for h in heard]
        rows.append((f"{name}, {wanted_s} s", *times_s))

# %%

header = ("Asked for", "Sabine (s)", "decay of the box (s)", "corrected to 2 % (s)")
table = display.Table("T30 that was measured", header, tuple(rows))
table

# sphinx_gallery_start_ignore
for row in rows:
    wanted_s = float(row[0].split(", ")[1].split()[0])
    assert abs(float(row[3]) / wanted_s - 1) < 0.021
    assert abs(float(row[2]) / wanted_s - 1) < (0.12 if "corridor" not in row[0] else 0.35)
# sphinx_gallery_end_ignore

# %% [markdown]
# The corridor is the hard case: sound along it meets a wall every 10 m, sound across every 3 m, and
# no single coefficient makes both decay alike.
#
# The decay is Schroeder's integral, the energy that is still to come. A line through it between -5
# and -35 dB is the T30.

# %%

times_s = (0.2, 0.4, 0.8)
responses = {
    f"{time_s} s": room.shoebox_rir(
        sides, voice, ear, rate, rt60_s=time_s, rt60_tolerance=0.02, align=True
    )
    for time_s in times_s
}
decays_db = {name: room.energy_decay_db(rir) for name, rir in responses.items()}
measured_s = {n: float(room.reverberation_time_s(rir, rate)) for n, rir in responses.items()}
display.plot_energy_decay(
    decays_db, rate, title="One room, three kinds of walls, and their T30", rt60_s=measured_s
)

# %%

wet = {f"T30 {n}": room.reverberate(speech, 0.4 * rir) for n, rir in responses.items()}
display.player({"dry": 0.4 * speech * float(responses["0.2 s"][0]), **wet}, rate)

# %% [markdown]
# ``align=True`` put the direct sound at sample zero: the words of all four start at one time, and
# labels with times still fit. Nothing was normalised: what the room adds makes the voice louder.
#
# One hall, three seats
# ---------------------
#
# **What changes with the seat?** Hardly the reverberation, which fills the hall, but the direct
# sound: it falls by 6 dB with each doubling of the distance. Their ratio, and the share of energy
# that comes within 50 ms and still helps a word, are what tells the seats apart. Air of 50 %
# humidity takes its part too, above all of the high notes: the T30 falls short of the 1.1 s.

# %%

hall = [24.0, 16.0, 9.0]
stage = [3.0, 8.0, 1.8]
seats = {"2 m": [5.0, 8.2, 1.2], "8 m": [10.9, 9.1, 1.2], "18 m": [20.7, 11.0, 1.2]}
display.plot_room(hall, title="A hall", sources_m={"stage": stage}, microphones_m=seats)

# %%

heard = room.shoebox_rir(
    hall, stage, list(seats.values()), rate, rt60_s=1.1, align=True, humidity_percent=50.0
)
cells = zip(
    room.direct_to_reverberant_db(heard, rate).tolist(),
    room.clarity_db(heard, rate).tolist(),
    room.definition(heard, rate).tolist(),
    room.early_decay_time_s(heard, rate).tolist(),
    room.reverberation_time_s(heard, rate).tolist(),
    strict=True,
)
header = ("Seat", "direct (dB)", "C50 (dB)", "D50", "EDT (s)", "T30 (s)")
form = ("{:.1f}", "{:.1f}", "{:.2f}", "{:.2f}", "{:.2f}")
text = [tuple(f.format(v) for f, v in zip(form, row, strict=True)) for row in cells]
display.Table("One hall", header, tuple((n, *r) for n, r in zip(seats, text, strict=True)))

# sphinx_gallery_start_ignore
direct_db = room.direct_to_reverberant_db(heard, rate)
assert bool((direct_db.diff() < -3).all())
assert bool((room.clarity_db(heard, rate).diff() < 0).all())
# sphinx_gallery_end_ignore

# %%

wet = room.reverberate(speech, 3.0 * heard)  # one voice, three seats, one gain
tracks = {f"{name} away": seat for name, seat in zip(seats, wet, strict=True)}
display.player(tracks, rate)

# %% [markdown]
# Pitfalls
# --------
#
# * Images that are all positive add up to an offset larger than the direct sound. A high-pass at
#   10 Hz takes it away (``highpass_hz``), as Allen and Berkley's did; without it, measures of the
#   decay see the offset's.
# * Smooth parallel walls flutter: a box of mirrors rings in a way that furnished rooms do not.
# * The direct sound is late by distance over c. Train on labels with times only after ``align``.
# * The number of images grows with the cube of the time: 2 s in a small room are 20 million.
#
# Try this
# --------
#
# - Give the six walls coefficients of their own: a carpet is
#   ``absorption=[.1, .1, .1, .1, .6, .1]``.
# - Let the voice walk: a path ``(points, 3)`` as source, and ``room.reverberate_moving``.
# - Turn a cardioid away from the voice: ``microphone_pattern``, ``microphone_direction``.
#
# References
# ----------
#
# * J. B. Allen and D. A. Berkley, "Image method for efficiently simulating small-room acoustics",
#   J. Acoust. Soc. Am. 65, 1979, `doi:10.1121/1.382599 <https://doi.org/10.1121/1.382599>`_
# * M. R. Schroeder, "New method of measuring reverberation time", J. Acoust. Soc. Am. 37, 1965,
#   `doi:10.1121/1.1909343 <https://doi.org/10.1121/1.1909343>`_
# * E. A. Lehmann and A. M. Johansson, "Prediction of energy decay in room impulse responses
#   simulated with an image-source model", J. Acoust. Soc. Am. 124, 2008,
#   `doi:10.1121/1.2936367 <https://doi.org/10.1121/1.2936367>`_
