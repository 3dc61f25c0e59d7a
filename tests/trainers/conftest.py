"""One small trained and exported model of two classes and one of three."""

import csv
import dataclasses
import functools
import pathlib
import random
import shutil

import pytest

# How each is made; together they see two scalers and two corpora.
_SCALERS = {2: "norm1", 3: "standard"}
_WORDS = (("bad", "dull", "hate"), ("good", "great", "love"), ("a", "so"))


@dataclasses.dataclass
class Trained:
    """A run, and what stands before and behind it.

    Attributes:
        workdir: The finished run; its records are gone.
        model: The Keras model as training left it in memory.
        texts: The corpus, id (line) to text.
        encoder: Directory of the encoder.
    """

    workdir: pathlib.Path
    model: object
    texts: dict[str, str]
    encoder: str

    @functools.cached_property
    def export(self) -> pathlib.Path:
        """Its SavedModel, made when it is first asked for."""
        from trainers import export

        return export.export_run(self.workdir, self.workdir.parent / "models")


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


def _make(directory, encoder, num_classes):
    from tfrecords import build, config
    from trainers import model, train
    from trainers.config import TrainConfig

    texts = _write_corpus(directory / "corpus.csv", num_classes)
    records = directory / "records"
    _, images = build.prepare_records(
        config.RecordsConfig(
            dataset=str(directory / "corpus.csv"),
            records_dir=str(records),
            encoder=encoder,
            layers="0-2",  # the other five are not computed
            max_tokens=32,
            tokens_per_batch=512,
            projection="pca",
            scaler=_SCALERS[num_classes],
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
    shutil.rmtree(records)  # whatever comes now does without
    return Trained(directory / "run", built[0].whole, texts, encoder)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, tiny_bert):
    """Number of classes to its model."""
    return {
        num_classes: _make(
            tmp_path_factory.mktemp(f"classes{num_classes}"),
            tiny_bert,
            num_classes,
        )
        for num_classes in _SCALERS
    }


@pytest.fixture
def run_copy(trained, tmp_path):
    """A copy of a run that a test may damage."""
    return shutil.copytree(trained[2].workdir, tmp_path / "run")
