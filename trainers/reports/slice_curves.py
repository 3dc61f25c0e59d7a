"""Does freezing avoid overfitting? Curves of frozen and trained slices."""

import pathlib
from collections.abc import Sequence

from trainers.reports import figures
from trainers.reports.table_sections import TrainedRow

_CAPTION = (
    "Does freezing avoid overfitting? The {} by epoch with the slice frozen, "
    "tuned and trained from scratch. The train figures are means over the "
    "steps of the epoch, with dropout, while the model learns."
)


def save(rows: Sequence[TrainedRow], workdir: pathlib.Path) -> dict[str, str]:
    """Draws loss and accuracy, each row beside the others.

    Args:
        rows: Those of the ablation `slice`.
        workdir: Gets the figures.

    Returns:
        Figure to caption; none if no row is trained.
    """
    trained = [row for row in rows if row.metrics]
    captions = {}
    for quantity in ("loss", "accuracy") if trained else ():
        panels = {}
        for row in trained:
            histories = [metrics["epochs"] for metrics in row.metrics]
            panels[f"{quantity}, {row.name}"] = [
                figures.Line("train", f"train_{quantity}", histories),
                figures.Line("validation", quantity, histories),
            ]
        name = f"slice_{quantity}.png"
        drawn = figures.learning_curves(panels, is_shared=True)
        figures.save(drawn, workdir / name)
        captions[name] = _CAPTION.format(quantity)
    return captions
