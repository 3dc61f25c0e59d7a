"""Feature maps of all slices: a row each, constant maps left out."""

import numpy as np

from trainers.reports import slice_panel


def test_each_slice_has_a_row_of_maps_that_vary(rng):
    maps = {
        "AlexNet": rng.normal(size=(3, 3, 12)),
        "VGG16": rng.normal(size=(5, 4, 3)),
    }
    maps["AlexNet"][..., 0] = 1
    figure = slice_panel.draw_maps(rng.uniform(size=(8, 8, 3)), maps)
    shown = [
        axes.get_images()[0].get_array() for axes in figure.axes if axes.images
    ]
    assert len(shown) == 1 + 10 + 3
    np.testing.assert_array_equal(shown[1], maps["AlexNet"][..., 1])
    np.testing.assert_array_equal(shown[-1], maps["VGG16"][..., 2])
    titles = [axes.get_title("left") for axes in figure.axes]
    assert "AlexNet, 3 x 3 x 12" in titles
