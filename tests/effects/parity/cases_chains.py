"""Chains: effects after one another on the 32-bit bus, and what sox adds at the end of a line."""

from __future__ import annotations

from typing import Any

from cases import Case

__all__ = ["CASES"]


def chain(words: str, *form: Any, **options: Any) -> Case:
    return Case(words, *form, effect="(chains)", **options)


CASES = [
    # The tutorial of June 2022, and its preparation of the sample.
    chain("lowpass -1 300 speed 0.8 rate 16000 reverb -w", 16_000, 1, signal="speech"),
    chain("lowpass -1 300 speed 0.8 rate 16000 reverb -w", 44_100, 2),
    chain("remix 1 lowpass 8000 rate 16000", 44_100, 2),
    # Up and down: the bus saturates between.
    chain("gain 20 gain -20", 16_000, 2, signal="loud"),
    chain("vol 8 reverse vol 0.125 reverse", 48_000, 1),
    chain("gain -h bass 12 treble 6 gain -r", 44_100, 2, signal="loud"),
    # What gain -h leaves for each effect that says how much it needs.
    chain("gain -h band -n 300 gain -r", 16_000, 1),
    chain("gain -h band -n 1k 3o", 44_100, 2),
    chain("gain -h dither -p 8", 16_000, 1),
    chain("gain -h dither -S -p 12", 48_000, 2),
    chain("gain -h dither -f f-weighted -p 8", 44_100, 1),
    chain("gain -h dither -f lipshitz -p 10", 44_100, 1),
    chain("gain -h dither -f modified-e-weighted -p 8", 44_100, 1),
    chain("gain -h dither -f improved-e-weighted -p 8", 44_100, 1),
    chain("tremolo 6 60 bass 12", 16_000, 1),
    chain("synth 1 sine 300 bass 12", 16_000, 1, signal="null"),
    chain("synth -n 1 sine 300 bass 12", 16_000, 1, signal="null"),
    # What recordings are put through.
    chain("highpass 80 compand 0.02,0.2 6:-60,-40,-20 -4 gain -n -1", 48_000, 2, signal="bursts"),
    chain("silence 1 0.05 1% reverse silence 1 0.05 1% reverse", 16_000, 1, signal="bursts"),
    chain("remix - trim 0.1 0.6 fade h 0.05 0 0.1 pad 0.2 0.3 norm -3", 8_000, 4),
    chain("sinc 300-3400 rate 8000 contrast 60 gain -3", 44_100, 1, signal="speech"),
    chain("deemph riaa earwax", 44_100, 2, signal="noise"),
    chain("echo 0.8 0.9 60 0.4 chorus 0.7 0.9 55 0.4 0.25 2 -t flanger phaser", 44_100, 2),
    chain("overdrive 10 equalizer 800 1q -6 tremolo 6 60 reverb 30", 16_000, 1),
    chain("splice 0.4 delay 0 0.01 swap oops", 48_000, 2),
    chain("stat stats dcshift 0.1 stat", 16_000, 2),
    # Sound out of nothing.
    chain("synth 1 sine 300-3300 fade t 0.1 gain -6 reverb", 48_000, 1, signal="null"),
    chain("synth 0.5 whitenoise sinc 1k-3k norm -3 trim 0.1 0.3", 16_000, 2, signal="null"),
    chain("synth 0.2 sine 300 square 400 sine 500", 8_000, 0, signal="null"),
    chain("trim 0 0.1 synth sine 300 triangle 400 remix 2 1 2", 8_000, 0, signal="null"),
    chain("synth 0.1 sine 300 vol 0.5 synth sine amod 3 sine amod 4", 8_000, 0, signal="null"),
    chain("trim 0 0.5 synth square amod 20 vol 0.5", 44_100, 2),
    # The rate that speed leaves behind runs through the effects after it.
    chain("speed 1.25 highpass 200 tempo 0.9 rate 44100", 44_100, 1, signal="speech"),
    chain("pitch 300 tremolo 5 rate 22050", 44_100, 1, signal="speech"),
    chain("upsample 2 lowpass 6000 vol 2 downsample 3", 16_000, 2),
    # Rate and channels of the input come back at the end of the command line.
    chain("reverb", 16_000, 1, restore=True),
    chain("speed 1.1", 44_100, 2, restore=True),
    chain("pitch -150", 16_000, 1, restore=True),
    chain("reverb speed 0.9 gain -3", 8_000, 1, restore=True),
    chain("channels 4 speed 1.5", 16_000, 2, restore=True),
    chain("rate 8000 speed 0.9", 48_000, 1, restore=True),
]
