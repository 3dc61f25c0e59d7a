"""Figures of a comparison show what its tables show."""

from trainers.shift import figures
from trainers.shift.options import ShiftOptions
from trainers.shift.samples import OTHERS

MMD2 = {"none": 0.1, "image": 0.2, "dataset": 0.3}


def test_natural_images_have_the_normalization_of_the_tables():
    options = ShiftOptions(natural_normalization="same")
    rows = [
        {
            "backbone": "resnet",
            "images": images,
            "normalization": mode,
            "mmd2": value,
        }
        for images in (OTHERS, "fitted", "layers")
        for mode, value in MMD2.items()
        for _ in range(3)
    ]
    (axes, *_) = figures.draw_discrepancies(options, rows).axes
    drawn = {line.get_label(): line.get_ydata()[0] for line in axes.lines}
    assert drawn == {
        OTHERS: 0.2,
        **{f"fitted, {mode}": value for mode, value in MMD2.items()},
        "layers, image": 0.2,
    }
