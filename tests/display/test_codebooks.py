"""The map of a codebook: each point of the plane has the colour of its nearest entry."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from audiolab.display import plot_codebook

LIMITS = [(-1.0, 1.0), (-2.0, 2.0)]


def picture(codebook: torch.Tensor) -> np.ndarray:
    axes = plot_codebook(torch.zeros(0, 2), codebook, title="Cells", limits=LIMITS)
    (image,) = axes.images
    assert tuple(image.get_extent()) == (-1.0, 1.0, -2.0, 2.0)
    return np.asarray(image.get_array())


def test_the_boundary_is_halfway() -> None:
    image = picture(torch.tensor([[-0.5, 0.0], [0.9, 0.0]]))
    left, right = image[0, 0], image[0, -1]
    assert not np.array_equal(left, right)
    x = np.linspace(-1, 1, image.shape[1])
    row = image[image.shape[0] // 2]
    # One grid point on each side belongs to the line.
    step = x[1] - x[0]
    assert np.array_equal(row[x < 0.2 - 2 * step], np.tile(left, ((x < 0.2 - 2 * step).sum(), 1)))
    assert np.array_equal(row[x > 0.2 + 2 * step], np.tile(right, ((x > 0.2 + 2 * step).sum(), 1)))


def test_up_is_up() -> None:
    image = picture(torch.tensor([[0.0, -1.0], [0.0, 1.0]]))
    low = picture(torch.tensor([[0.0, -1.0]]))[0, 0]
    assert np.array_equal(image[0, 0], low)
    assert not np.array_equal(image[-1, 0], low)


def test_dots_crosses_and_names() -> None:
    vectors = torch.rand(50, 2, generator=torch.Generator().manual_seed(1))
    axes = plot_codebook(vectors, vectors[:3], title="Three", axis_names=("Low (dB)", "High (dB)"))
    dots, _, crosses = axes.collections
    assert np.allclose(dots.get_offsets(), vectors)
    assert np.allclose(crosses.get_offsets(), vectors[:3])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Low (dB)", "High (dB)")
    assert axes.get_title() == "Three"
    assert axes.get_xlim()[0] < vectors[:, 0].min() < vectors[:, 0].max() < axes.get_xlim()[1]


def test_draws_where_it_is_told() -> None:
    _, panel = plt.subplots()
    assert plot_codebook(torch.zeros(1, 2), torch.zeros(1, 2), title="One", ax=panel) is panel


@pytest.mark.parametrize(
    ("vectors", "codebook", "message"),
    [
        (torch.zeros(3, 3), torch.zeros(2, 2), r"vectors must have shape \(n, 2\), got \(3, 3\)"),
        (torch.zeros(3, 2), torch.zeros(2), r"codebook must have shape \(n, 2\)"),
        (torch.zeros(3, 2), torch.zeros(0, 2), "at least one entry"),
    ],
)
def test_says_what_is_wrong(vectors: torch.Tensor, codebook: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_codebook(vectors, codebook, title="Wrong")
