"""A run as scikit-learn's classifier: `fit`, `predict`, `explain`."""

import dataclasses
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import sklearn.base
import sklearn.utils
from sklearn.utils.validation import check_is_fitted

from text2image.corpora import unlabelled
from text2image.python_errors import in_python_terms
from text2image.text_lists import check_texts
from tfrecords.config import RecordsConfig
from trainers import export, run
from trainers.config import TrainConfig
from trainers.estimators.class_labels import ClassLabels
from trainers.estimators.examples import check_examples, write_rows
from trainers.estimators.quiet import without_retracing_warnings
from trainers.estimators.settings import OWN, of_preset
from trainers.estimators.temporary import RunDirectory
from trainers.explanations.explainer import Explainer
from trainers.explanations.explanation import Explanation
from trainers.runs import json_files, loading
from trainers.runs.file_list import FileList
from trainers.runs.workdir import EXPORT_DIRECTORY
from trainers.serving import predictor

# In the run's directory: parameters and labels.
FILE = "estimator.json"


class TextImageClassifier(sklearn.base.ClassifierMixin, RunDirectory):
    """Classifies texts by their images.

    `fit` does what `python -m trainers.run` does with the same rows and
    settings, and gives the same model: a fifth of the texts of each class is
    held out, and the figures on it are in `metrics_`.

    Attributes:
        classes_: `(K,)` labels as they were passed, sorted.
        workdir_: Directory of the run, an ordinary one.
        metrics_: Contents of its metrics.json.
    """

    def __init__(
        self,
        backbone: str = "resnet",
        encoder: str | None = None,
        preset: str = "demo",
        *,
        directory: str | pathlib.Path | None = None,
        weights: str | None = None,
        layers: str | None = None,
        max_tokens: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        l2: float | None = None,
        dropout: float | None = None,
        seed: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Keeps the parameters; `None` leaves one to the preset.

        Args:
            backbone: As `--backbone`, as are the others of their flags.
            encoder: `mini`, a directory, `hf://OWNER/NAME` or a preset's name.
            preset: Named settings, which the other parameters override.
            directory: Directory of `records/` and `runs/`, which later fits
                reuse: in a search over settings of the training, texts are
                encoded once. By default a temporary one, removed with the
                estimator.
            weights: Weights of the backbone.
            layers: Layers of the encoder.
            max_tokens: Most tokens per text.
            epochs: Passes over the train texts.
            batch_size: Texts per step.
            l2: Penalty on the head's kernels.
            dropout: Rate before the head.
            seed: Seed of weights, data order and dropout.
            settings: Any other flags of records, map and training, name to
                value, as in `{"scaler": "norm1"}`.
        """
        self.backbone = backbone
        self.encoder = encoder
        self.preset = preset
        self.directory = directory
        self.weights = weights
        self.layers = layers
        self.max_tokens = max_tokens
        self.epochs = epochs
        self.batch_size = batch_size
        self.l2 = l2
        self.dropout = dropout
        self.seed = seed
        self.settings = settings

    @in_python_terms()
    def fit(self, X: Any, y: Any) -> Self:
        """Makes records of the texts and trains on them.

        Args:
            X: N texts: list, array or column of strings.
            y: N labels of any hashable type; at least two different ones, and
                three texts of each.

        Raises:
            TypeError: If a text is not a string, or a label not hashable.
            ValueError: If lengths differ, a text is empty, a label is missing,
                or a setting is refused.
        """
        texts, classes, names = check_examples(X, y)
        train, records = self._settings()
        directory = self._make_directory()
        records = dataclasses.replace(
            records,
            dataset=str(write_rows(directory, texts, names)),
            records_dir=str(directory / "records"),
        )
        run.check_run(train, records)
        with without_retracing_warnings():
            workdir = run.train_and_report(
                run.RunOptions(baselines=False, export=False),
                train,
                records,
                runs_dir=str(directory / "runs"),
            )
        json_files.write_checked(
            workdir / FILE,
            {
                "parameters": {**self._parameters(), "directory": None},
                "classes": classes.to_json(),
                "names": list(classes.names),
            },
        )
        FileList.of_run(workdir).record((FILE,))
        self._set_run(workdir, classes)
        return self

    @in_python_terms()
    def predict_proba(self, X: Any) -> np.ndarray:
        """Returns the probabilities, `(N, K)` float32, as `classes_` orders."""
        texts = check_texts(X)
        served = self._served()
        labelled = predictor.Predictor(
            served.signatures, served.label_names, served.encoder
        ).predict(texts)
        probabilities = np.array(
            [prediction.probabilities for prediction in labelled], np.float32
        ).reshape(len(texts), len(served.label_names))
        columns = [served.label_names.index(n) for n in self._classes.names]
        return probabilities[:, columns]

    def predict(self, X: Any) -> np.ndarray:
        """Returns the labels of texts, `(N,)`, of those in `classes_`."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    @in_python_terms()
    def explain(
        self,
        X: Any,
        *,
        label: Any = None,
        method: str = "gradients",
    ) -> list[Explanation]:
        """Explains the answers; see `Explainer.explain`.

        Args:
            X: N texts.
            label: Label that is explained, of those in `classes_`; by default
                the predicted one.
            method: `gradients` or `occlusion`.
        """
        texts = check_texts(X)
        explainer = Explainer(self._served())
        name = None if label is None else self._classes.name_of(label)
        return list(explainer.explain(texts, label=name, method=method))

    @in_python_terms()
    def images(self, X: Any) -> np.ndarray:
        """Draws texts as the images `(N, H, W, C)` that the model sees."""
        texts = [unlabelled.Text(0, text) for text in check_texts(X)]
        served = self._served()
        return predictor.Predictor(
            served.signatures, served.label_names
        ).render(texts)

    def save(self, workdir: str | pathlib.Path) -> pathlib.Path:
        """Copies the run, without its records, to a new directory.

        `load` reads it, and so does every command that takes `--workdir`.

        Raises:
            FileExistsError: If the directory exists.
        """
        check_is_fitted(self)
        target = pathlib.Path(workdir)
        if target.exists():
            raise FileExistsError(
                f"`workdir` must not exist yet. Received: {str(target)!r}"
            )
        return shutil.copytree(
            self.workdir_,
            target,
            ignore=shutil.ignore_patterns(EXPORT_DIRECTORY),
        )

    @classmethod
    @in_python_terms()
    def load(
        cls, workdir: str | pathlib.Path, *, encoder: str | None = None
    ) -> Self:
        """Loads a run, whether `fit` or `python -m trainers.run` made it.

        Labels that JSON cannot hold come back as the names of their classes.

        Args:
            workdir: Directory of the finished run.
            encoder: Where the encoder is now, if not where it was.

        Raises:
            FileNotFoundError: If the run is not finished.
            ValueError: If its files are damaged.
        """
        workdir = pathlib.Path(workdir)
        config, _, origin = loading.read_run(workdir)
        path = workdir / FILE
        parameters: dict[str, Any] = {"backbone": config.backbone}
        values = None
        names = origin.label_names
        if path.is_file():
            stored = json_files.read(
                path,
                ("parameters", "classes", "names"),
                cure="Without it, the run's own class names are the labels.",
            )
            parameters, values = stored["parameters"], stored["classes"]
            names = tuple(stored["names"])
        estimator = cls(**parameters)
        if encoder is not None:
            estimator.encoder = encoder
        estimator._set_run(workdir, ClassLabels.of_run(names, values))
        return estimator

    @in_python_terms()
    def export(self, out: str | pathlib.Path | None = None) -> pathlib.Path:
        """Exports a SavedModel; see `trainers.export.export_run`.

        Args:
            out: Directory of the versions; by default `export` in the run.

        Returns:
            `<out>/<version>`.
        """
        check_is_fitted(self)
        return export.export_run(self.workdir_, out, encoder=self.encoder)

    def _parameters(self) -> dict[str, Any]:
        """The parameters as JSON holds them."""
        parameters = self.get_params()
        if isinstance(self.encoder, pathlib.Path):
            parameters["encoder"] = str(self.encoder)
        return parameters

    def _settings(self) -> tuple[TrainConfig, RecordsConfig]:
        own = {name: getattr(self, name) for name in OWN}
        given = {name: v for name, v in own.items() if v is not None}
        return of_preset(self.preset, {**given, **(self.settings or {})})

    def _set_run(self, workdir: pathlib.Path, classes: ClassLabels) -> None:
        self.workdir_ = workdir
        self._classes = classes
        self.classes_ = classes.values
        self.metrics_ = loading.read_run(workdir)[1]
        self._model: predictor.Served | None = None

    def _served(self) -> predictor.Served:
        check_is_fitted(self)
        if self._model is None:
            with without_retracing_warnings():
                self._model = predictor.load_served(
                    str(self.workdir_), None, self.encoder
                )
        return self._model

    def __sklearn_tags__(self) -> sklearn.utils.Tags:
        """Tells scikit-learn that the input is texts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags
