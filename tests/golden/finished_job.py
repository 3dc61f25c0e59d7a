"""What the finished job's maker and its tests share."""

import importlib.metadata
import os
import pathlib
import re
import tarfile

ARCHIVE = pathlib.Path(__file__).parent / "finished_job.tar.xz"
ENCODER = "--encoder=tiny_bert"
RECORDS = (
    ENCODER,
    "--dataset=corpus.csv",
    "--layers=0-2",
    "--max_tokens=32",
    "--examples_per_shard=32",
    "--scaler=standard",
    "--projection=tsne",
    "--perplexity=8",
    "--tsne_iterations=300",
    "--image_height=5",
    "--image_width=6",
    "--assignment=lsa",
    "--channels=layers",
)
RUN = (
    *RECORDS,
    "--backbone=shufflenet",
    "--weights=random",
    "--upsample=2",
    "--epochs=2",
    "--batch_size=8",
)
# Without images there is no tower: those of Keras hold megabytes.
MULTIMODAL = (
    ENCODER,
    "--dataset=samples.jsonl",
    "--max_tokens=32",
    "--text_layers=last2",
    "--held_out=0.2",
    "--modalities=title,description",
    "--weights=random",
    "--text_units=4",
    "--noexport",  # as large as the rest of the job
    "--epochs=2",
    "--batch_size=8",
)
# `--dataset` names the image records.
IM2VEC = ("--epochs=4", "--num_seeds=1", "--permutations=99")


def unpack(directory):
    """Unpacks the job to a directory; returns the directory."""
    with tarfile.open(ARCHIVE) as archive:
        # Python 3.11.4 is the first to have filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(directory)
    return directory


def predict(places, name, kind="workdir"):
    """The program that answers every question by a run, or by its export.

    Args:
        places: Name to path, as `expected.json` has them.
        name: Of a run's or an export's path.
        kind: `workdir` or `export_dir`.
    """
    is_multimodal = name.startswith("multimodal")
    return (
        "trainers.multimodal.predict" if is_multimodal else "trainers.predict",
        f"--{kind}={places[name]}",
        *((ENCODER,) if kind == "workdir" else ()),
        *(
            ("--file=samples.jsonl",)
            if is_multimodal
            else ("--file=questions.jsonl", "--format=jsonl")
        ),
    )


def readings(places):
    """The program that reads run, export and records by plain libraries."""
    names = ("run", "export", "cls", "image", "multimodal")
    return (
        "tests.golden.finished_job_readings",
        *(places[name] for name in names),
    )


# What the last bits of an answer depend on, besides the code.
_LIBRARIES = ("keras", "keras-hub", "numpy", "tensorflow", "tensorflow-text")
_FLAGS = re.compile(r"(avx|amx|fma|sse4|bf16|f16c)\w*")


def describe_machine():
    """Processor, cores and libraries, on which the last bits depend."""
    path = pathlib.Path("/proc/cpuinfo")  # Linux
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.partition(":") for line in lines)
    about = {name.strip(): value.strip() for name, _, value in pairs}
    return {
        "processor": about.get("model name", ""),
        "flags": [
            flag
            for flag in sorted(about.get("flags", "").split())
            if _FLAGS.fullmatch(flag)
        ],
        "cores": len(os.sched_getaffinity(0)),
        "libraries": {
            name: importlib.metadata.version(name) for name in _LIBRARIES
        },
    }
