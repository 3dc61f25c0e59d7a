"""A finished multimodal run from its directory, weights checked, then set."""

import dataclasses
import pathlib
from typing import Any

from tfrecords import schema
from trainers.multimodal import model
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.runs.loading import RunKind, load_weights, read_finished

MULTIMODAL_RUN = RunKind(
    "trainers.multimodal.run",
    MultimodalTrainConfig,
    schema.MANIFEST,
    schema.Manifest.load,
    (
        *("accuracy", "top5", "confusion_matrix", "split", "validation"),
        *("removed", "num_held_out", "num_train", "label_names", "epochs"),
    ),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished multimodal run.

    Attributes:
        workdir: Directory of the run.
        config: Settings it was trained with.
        metrics: Contents of metrics.json.
        manifest: Manifest of its records, which may be gone.
        models: Network, trained.
    """

    workdir: pathlib.Path
    config: MultimodalTrainConfig
    metrics: dict[str, Any]
    manifest: schema.Manifest
    models: model.Models

    @property
    def modalities(self) -> tuple[str, ...]:
        """The image and all texts of the records."""
        return ("image", *self.manifest.schema.text_fields)


def load_run(workdir: pathlib.Path | str) -> Run:
    """Loads a finished run.

    Raises:
        FileNotFoundError: If the run is not finished or a file is missing.
        ValueError: If files are damaged or do not belong together.
    """
    workdir = pathlib.Path(workdir)
    config, metrics, manifest = read_run(workdir)
    # All the weights are in the file: no need for the tower's own.
    models = model.build_models(
        dataclasses.replace(config, weights="random"),
        manifest.schema.shape[-1],
        len(manifest.schema.label_names),
        manifest.schema.text_fields,
    )
    load_weights(workdir, metrics, model.named_variables(models))
    return Run(workdir, config, metrics, manifest, models)


def read_run(
    workdir: pathlib.Path,
) -> tuple[MultimodalTrainConfig, dict[str, Any], schema.Manifest]:
    """Reads all of a finished run except its weights; raises as `load_run`."""
    return read_finished(workdir, MULTIMODAL_RUN)
