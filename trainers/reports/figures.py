"""matplotlib figures of reports: saved whole, and learning curves."""

import dataclasses
import io
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from text2image import figure_text
from tfrecords import files

_DPI = 120
_MOST_INSIDE = 6  # lines whose legend does not hide them

# A row of numbers per epoch; `epoch` counts from 1.
History = Sequence[Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of `learning_curves`.

    Attributes:
        name: Its name in the legend.
        quantity: Key of the history that it shows; epochs without that key
            are left out.
        histories: One history per seed, all with the same epochs.
        against: Key of the history that counts: `epoch` or `step`.
    """

    name: str
    quantity: str
    histories: Sequence[History]
    against: str = "epoch"


def save(figure: matplotlib.figure.Figure, path: pathlib.Path) -> None:
    """Writes a PNG file that is whole or absent."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    files.write_bytes(path, content.getvalue())


def learning_curves(
    panels: Mapping[str, Sequence[Line]],
    *,
    is_shared: bool = False,
) -> matplotlib.figure.Figure:
    """Draws quantities against epochs or steps.

    Of a line with several seeds, the mean is drawn, and each seed thinly in
    the same colour.

    Args:
        panels: Label of the vertical axis to the lines of that panel.
        is_shared: Whether all panels have one scale.
    """
    width = 6 if max(map(len, panels.values())) > _MOST_INSIDE else 4
    figure = matplotlib.figure.Figure(
        figsize=(1 + width * len(panels), 3.6 if len(panels) > 1 else 5),
        layout="constrained",
    )
    row = figure.subplots(1, len(panels), squeeze=False, sharey=is_shared)[0]
    for axes, (label, lines) in zip(row, panels.items(), strict=True):
        is_crowded = len(lines) > _MOST_INSIDE
        if is_crowded:
            axes.set_prop_cycle(color=matplotlib.colormaps["tab20"](range(20)))
        for line in lines:
            epochs, values = _points(line)
            (drawn,) = axes.plot(
                epochs,
                values.mean(axis=0),
                "o-",
                ms=3,
                label=figure_text.label(line.name, 28),
            )
            for seed in values if len(values) > 1 else ():
                axes.plot(epochs, seed, color=drawn.get_color(), lw=0.4)
        axes.set_xlabel(lines[0].against)
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(
            matplotlib.ticker.MaxNLocator(integer=True, min_n_ticks=1)
        )
        axes.grid(alpha=0.3)
        if is_crowded:
            axes.legend(
                loc="upper left", bbox_to_anchor=(1, 1), fontsize="small"
            )
        else:
            axes.legend()
    return figure_text.set_fonts(figure)


def run_curves(metrics: Mapping[str, Any]) -> matplotlib.figure.Figure:
    """Draws loss and accuracy of a run's metrics by epoch.

    With `validations`, also the accuracy of each of them by step.
    """
    epochs = [metrics["epochs"]]
    panels = {
        quantity: [
            Line("train", f"train_{quantity}", epochs),
            Line("validation", quantity, epochs),
        ]
        for quantity in ("loss", "accuracy")
    }
    if "validations" in metrics:
        steps = [metrics["validations"]]
        line = Line("validation", "accuracy", steps, "step")
        panels["validation accuracy"] = [line]
    return learning_curves(panels)


def _points(line: Line) -> tuple[list[float], np.ndarray]:
    """Epochs `(E,)` and values `(S, E)` of S seeds."""
    histories = [
        [row for row in history if line.quantity in row]
        for history in line.histories
    ]
    epochs = [row[line.against] for row in histories[0]]
    values = [[row[line.quantity] for row in rows] for rows in histories]
    return epochs, np.array(values)
