"""Contrast by WCAG 2.1, and colours as the colour-blind see them."""

import itertools
import re
from importlib import resources

import numpy as np
import pytest

from keras_lr.watch.style import BAD, COLOURS, GOOD, INK, SCALE, shade

# Machado, Oliveira and Fernandes (2009), severity 1: what is left of linear RGB.
SEEN = {
    "everybody": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip


def linear(colour):
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    share = np.clip(rgb, 0, 1) @ TO_XYZ.T / [0.95047, 1.0, 1.08883]
    f = np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def variables():
    """The page's colours, light and dark."""
    text = resources.files("keras_lr.watch.report").joinpath("page.css").read_text()
    blocks = [dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in text.split(":root")[1:3]]
    assert all(block.keys() >= {"page", "card", "ink", "soft", "accent", "bad"} for block in blocks)
    return blocks


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_has_a_contrast_of_aa(theme):
    found = variables()[theme]
    script = resources.files("keras_lr.watch.report").joinpath("page.js").read_text()
    dark, light = re.search(r'const ink = night \? "(#\w{6})" : "(#\w{6})"', script).groups()
    inks = [found[name] for name in ("ink", "soft", "accent", "bad")] + [(light, dark)[theme]]
    for ink, ground in itertools.product(inks, (found["page"], found["card"])):
        assert contrast(ink, ground) >= 4.5, (ink, ground)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_mark_has_a_contrast_of_three(theme):
    card = variables()[theme]["card"]
    for colour in [*COLOURS, GOOD, BAD, *(shade(share) for share in np.linspace(0, 1, 9))]:
        assert contrast(colour, card) >= 3, colour


def test_the_ink_of_a_figure_alone_can_be_read_on_white_and_black():
    assert contrast(INK, "#ffffff") >= 4.5
    assert contrast(INK, "#000000") >= 4.5


@pytest.mark.parametrize("seen", SEEN)
def test_any_two_colours_stay_apart(seen):
    places = [lab(linear(colour) @ np.transpose(SEEN[seen])) for colour in COLOURS]
    for count, apart in [(2, 40), (3, 25), (8, 10)]:  # a just noticeable difference is 2.3
        pairs = itertools.combinations(places[:count], 2)
        assert min(float(np.linalg.norm(a - b)) for a, b in pairs) > apart
    ends = [lab(linear(colour) @ np.transpose(SEEN[seen])) for _, colour in SCALE]
    assert float(np.linalg.norm(ends[0] - ends[2])) > 40
