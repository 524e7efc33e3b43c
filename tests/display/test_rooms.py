"""Plans and decays: what is drawn is where the data say."""

import numpy as np
import pytest
import torch

from audiolab import room
from audiolab.display import plot_energy_decay, plot_room

BOX = [5.0, 4.0, 3.0]


def test_the_plan_has_walls_sources_and_images() -> None:
    images, orders = room.image_sources(BOX, [1.0, 2.5, 1.5], 2)
    axes = plot_room(
        BOX,
        title="A room and its mirrors",
        sources_m={"voice": [1.0, 2.5, 1.5]},
        microphones_m={"ear": torch.tensor([4.0, 1.0, 1.2])},
        images_m=images,
        orders=orders,
    )
    assert axes.get_xlabel() == "Length (m)"
    assert axes.get_aspect() == 1.0
    assert axes.get_xlim() == (-10.0, 15.0)
    assert axes.get_ylim() == (-8.0, 12.0)
    (dots,) = axes.collections
    np.testing.assert_allclose(dots.get_offsets(), images[:, :2])
    names = {text.get_text() for text in axes.texts}
    assert names == {"voice", "ear"}
    # Every mirrored room is outlined once, and the true one again.
    assert len(axes.patches) == 13 + 1


def test_a_plan_without_mirrors() -> None:
    axes = plot_room([5.0, 4.0], title="A room", microphones_m={"ear": [1.0, 1.0]})
    assert axes.get_xlim() == pytest.approx((-0.25, 5.25))
    assert not axes.collections


def test_a_decay_and_its_time_are_one_line() -> None:
    decay = -60 * torch.arange(8000) / 4000  # half a second
    axes = plot_energy_decay({"a": decay}, 8000, title="A decay", rt60_s={"a": 0.5})
    drawn, fitted = axes.lines
    np.testing.assert_allclose(drawn.get_ydata(), -120 * drawn.get_xdata(), atol=1e-9)
    x, y = fitted.get_data()
    np.testing.assert_allclose(y, -120 * np.asarray(x), atol=0.02)
    assert axes.get_xlim()[1] == pytest.approx(65 / 120, abs=1e-3)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="room_m must be above 0"):
        plot_room([0.0, 4.0], title="")
    with pytest.raises(ValueError, match="belong together"):
        plot_room(BOX, title="", images_m=torch.zeros(3, 3))
    with pytest.raises(ValueError, match="at least one decay"):
        plot_energy_decay({}, 8000, title="")
    with pytest.raises(ValueError, match="'b'"):
        plot_energy_decay({"a": torch.zeros(9)}, 8000, title="", rt60_s={"b": 1.0})
