"""Every program that writes, as small as it gets, and what it needs."""

import csv
import dataclasses
import json
import pathlib
import random
import shutil

from tests.support import multimodal_corpora

_ENCODER = "--encoder=tiny_bert"
_RECORDS = (
    _ENCODER,
    *("--dataset=corpus.csv", "--layers=0-2", "--max_tokens=32"),
    *("--examples_per_shard=8", "--projection=pca", "--scaler=standard"),
    *("--image_height=6", "--image_width=8", "--assignment=lsa"),
    "--channels=layers",
)
_TRAINING = ("--weights=random", "--epochs=2", "--batch_size=8", "--upsample=2")
_RUN = (*_RECORDS, "--backbone=shufflenet", *_TRAINING)
_WORDS = (("bad", "dull", "hate"), ("good", "great", "love"))


@dataclasses.dataclass(frozen=True)
class Program:
    """A command and the commands that must have ended before it.

    Attributes:
        command: Module and flags.
        after: Names of the programs that it needs.
    """

    command: tuple[str, ...]
    after: tuple[str, ...] = ()


PROGRAMS = {
    "build": Program(("tfrecords.build", *_RECORDS)),
    "beam": Program(
        (
            *("tfrecords.build", "--runner=beam", *_RECORDS, "--"),
            "--runner=apache_beam.runners.portability.fn_api_runner."
            "FnApiRunner",
        )
    ),
    "hashed": Program(("tfrecords.build", "--split=hashed", *_RECORDS)),
    "run": Program(
        ("trainers.run", *_RUN, "--workdir=runs/run", "--noexport"),
        ("build",),
    ),
    "export": Program(
        ("trainers.run", *_RUN, "--workdir=runs/run"),
        ("build", "run"),
    ),
    "predict": Program(
        (
            *("trainers.predict", "--workdir=runs/run", _ENCODER),
            *("--image_dir=drawn", "--file=questions.txt"),
        ),
        ("build", "run"),
    ),
    # Files of the same names, of another job.
    "other-build": Program(("tfrecords.build", *_RECORDS, "--split_seed=1")),
    "other-export": Program(
        (
            *("trainers.run", *_RUN, "--seed=1", "--split_seed=1"),
            "--workdir=runs/run",
        ),
        ("other-build",),
    ),
    "table": Program(
        (
            *("trainers.table", "--preset=demo", *_RECORDS),
            *(*_TRAINING, "--workdir=runs/table", "--backbones=shufflenet"),
            *("--seeds=2", "--ablated="),
        ),
        ("build",),
    ),
    "im2vec": Program(
        (
            *("trainers.im2vec", "--dataset=image_records", "--epochs=3"),
            *("--num_seeds=2", "--permutations=99", "--workdir=runs/im2vec"),
        ),
        ("build", "images"),
    ),
    "multimodal": Program(
        (
            *("trainers.multimodal.run", _ENCODER, "--dataset=made.jsonl"),
            *("--max_tokens=32", "--text_layers=last2", "--held_out=0.4"),
            *("--modalities=title,description", "--weights=random"),
            *("--text_units=4", "--epochs=2", "--batch_size=8"),
            "--workdir=runs/multimodal",
        ),
    ),
}


def write_sources(job):
    """Writes what a user has: corpora, an encoder, questions."""
    job.mkdir(parents=True)
    golden = pathlib.Path(__file__).parents[1] / "golden"
    shutil.copytree(golden / "tiny_bert", job / "tiny_bert")
    draw = random.Random(0)
    texts = [
        f"film {number}: {' '.join(draw.choices(_WORDS[number % 2], k=8))}"
        for number in range(32)
    ]
    with (job / "corpus.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        rows.writerows(
            (text, ("rotten", "frais é")[number % 2])
            for number, text in enumerate(texts)
        )
    (job / "questions.txt").write_text("\n".join(texts[:3]))
    multimodal_corpora.write_jsonl(job, 24)


def link_images(job):
    """Gives the image records a short name, for `--dataset`."""
    (directory,) = job.glob("records/image/*/1.0.0")
    (job / "image_records").symlink_to(directory.relative_to(job))


def describe(name):
    """The command as a user types it."""
    return json.dumps(" ".join(PROGRAMS[name].command))
