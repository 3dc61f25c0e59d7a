"""Trains a small model from texts, as `trainers.run` does."""

import csv
import dataclasses
import functools
import json
import pathlib
import random
import shutil

import numpy as np
import pytest

from tests.support import hostile_texts, parity

# Number of classes to scaler: two corpora, two scalers.
SCALERS = {2: "standard", 3: "norm1"}
_WORDS = (("bad", "dull", "hate"), ("good", "great", "love"), ("a", "so"))
_MAX_TOKENS = 32


@dataclasses.dataclass(frozen=True)
class Trained:
    """A run on disk, with its corpus, its export and reference answers.

    Attributes:
        directory: Directory of everything.
    """

    directory: pathlib.Path

    @property
    def workdir(self) -> pathlib.Path:
        """The finished run; its records are gone."""
        return self.directory / "run"

    @property
    def export(self) -> pathlib.Path:
        """Its SavedModel, of three classes only."""
        return self.directory / "models/1"

    @functools.cached_property
    def texts(self) -> dict[str, str]:
        """The corpus, id (line) to text."""
        return json.loads((self.directory / "texts.json").read_text())

    @functools.cached_property
    def sample(self) -> list[bytes]:
        """Texts of the corpus that reach the scaler's limits; hostile texts."""
        corpus = [text.encode() for text in self.texts.values()]
        return [*corpus[:40], *hostile_texts.HOSTILE]

    @functools.cached_property
    def in_memory(self) -> dict[str, np.ndarray]:
        """What the model in memory answered, before it was read back.

        `images` and their `logits`; of three classes also `label`, `score`
        and `probabilities` of `sample`.
        """
        with np.load(self.directory / "in_memory.npz") as file:
            return dict(file)


def make(directory, encoder, num_classes):
    """Makes a `Trained`; also returns its model in memory."""
    directory.mkdir(exist_ok=True)
    texts = _write_corpus(directory / "corpus.csv", num_classes)
    (directory / "texts.json").write_text(json.dumps(texts))
    return Trained(directory), _train(directory, encoder, SCALERS[num_classes])


def make_on_disk(directory, encoder, num_classes):
    """Makes a `Trained` with the answers of the model in memory."""
    from trainers import export

    trained, model = make(directory, encoder, num_classes)
    images = np.random.default_rng(0).uniform(0, 1, (9, 12, 14, 1))
    images = images.astype(np.float32)
    answers = {"images": images, "logits": model.predict_on_batch(images)}
    if num_classes == 3:
        function = around(model, trained.workdir, encoder).serving_default
        outputs = parity.answer(function, trained.sample)
        answers.update(outputs, label=outputs["label"].astype(bytes))
        export.export_run(trained.workdir, directory / "models")
    np.savez(directory / "in_memory.npz", **answers)


def _write_corpus(path, num_classes):
    draw = random.Random(0)
    texts = {}
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        for number in range(48):
            label = number % num_classes
            words = draw.choices(_WORDS[label], k=draw.randint(1, 20))
            text = f"film {number}: {' '.join(words)} \N{SNOWMAN}"
            rows.writerow((text, f"clåss {label}"))
            texts[str(number + 2)] = text
    return texts


def _train(directory, encoder, scaler):
    from tfrecords import build, config
    from trainers.config import TrainConfig
    from trainers.network import model
    from trainers.training import train

    _, images = build.prepare_records(
        config.RecordsConfig(
            dataset=str(directory / "corpus.csv"),
            records_dir=str(directory / "records"),
            encoder=encoder,
            layers="0-2",  # the other five are not computed
            max_tokens=_MAX_TOKENS,
            tokens_per_batch=512,
            projection="pca",
            scaler=scaler,
            image_height=12,
            image_width=14,
        )
    )
    built = []
    build_models = model.build_models
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            model,
            "build_models",
            lambda *args: built.append(build_models(*args)) or built[0],
        )
        train.train_and_evaluate(
            TrainConfig(
                backbone="vgg16",
                weights="random",
                epochs=2,
                batch_size=8,
                bottleneck=4,
                image_records=str(images),
            ),
            directory / "run",
        )
    # From here on the run has to do without its records.
    shutil.rmtree(directory / "records")
    return built[0].whole


def around(model, workdir, encoder_source):
    """Text classifier around the model as training left it in memory."""
    from text2image.bert import encoder
    from text2image.deepinsight import keras_layers, pixel_map
    from trainers.serving import text_classifier

    bert = encoder.Encoder(encoder_source, layers="0-2", max_tokens=_MAX_TOKENS)
    metrics = json.loads((workdir / "metrics.json").read_text())
    return text_classifier.TextClassifier(
        text_classifier.Parts(
            bert,
            keras_layers.build_drawing(
                pixel_map.PixelMap.load(workdir), bert.stack_shape
            ),
            model,
            tuple(metrics["label_names"]),
        )
    )
