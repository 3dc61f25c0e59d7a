"""Makes `finished_job.tar.xz`: a whole job as a user's disk holds it.

Run by hand, from the repository root:

    PYTHONPATH=. python tests/golden/make_finished_job.py

By command-line programs alone: a corpus with its records, a finished run with
its export, the same run killed after its first epoch, multimodal records with
a finished run, a finished im2vec run, and in `expected.json` what programs
and plain TensorFlow said of all these, on which machine. The job is made in
`/tmp/finished_job`, the only absolute path that its files hold.
"""

import csv
import json
import lzma
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import tensorflow as tf

from tests.golden import finished_job

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
JOB = pathlib.Path("/tmp/finished_job")
ARCHIVE = HERE / "finished_job.tar.xz"
_WORDS = (("bad", "dull", "hate"), ("good", "great", "love"))
_LABELS = ("rotten", "frais é")
_HOSTILE = (
    'a "quoted", comma\r\nand a new line',
    "\N{SNOWMAN} \N{COMBINING ACUTE ACCENT}\U0001f600\u200d",
    "\u202egood \u202dfilm\u202c",
    "=cmd|' /C calc'!A0 <br /><br /> %s {0}",
    "[CLS] [SEP] [MASK] ##ing",
    "NA",
    "good" * 40,
    "so good " * 60,  # cut at --max_tokens
    "電影很好看",
    "\u00a0\u2028line\u2029paragraph\tü",
)
# Large, and nothing reads them again; tests copy the encoder from its place.
_LEFT_OUT = (
    "runs/**/*.png",
    "runs/**/tensorboard",
    "runs/**/.lock",
    "runs/corpus*/checkpoint.safetensors",
    "tiny_bert",
)


def main():
    """Makes the job, what is expected of it, and the archive."""
    shutil.rmtree(JOB, ignore_errors=True)
    JOB.mkdir()
    shutil.copytree(HERE / "tiny_bert", JOB / "tiny_bert")
    _write_texts()
    _write_samples()
    _run("tfrecords.build", *finished_job.RECORDS)
    _kill_after_an_epoch("runs/killed")
    _run("trainers.run", *finished_job.RUN)
    image = _only("records/image/*/1.0.0")
    _run("trainers.im2vec", f"--dataset={image}", *finished_job.IM2VEC)
    _run("trainers.multimodal.run", *finished_job.MULTIMODAL)
    run, multimodal_run = _only("runs/corpus*"), _only("runs/samples*")
    places = {
        "run": run,
        "export": f"{run}/export/1",
        "killed": "runs/killed",
        "im2vec": _only("runs/im2vec-*"),
        "multimodal_run": multimodal_run,
        "cls": _only("records/cls/*/1.0.0"),
        "image": image,
        "multimodal": _only("records/multimodal/*/1.0.0"),
    }
    expected = {
        "machine": finished_job.describe_machine(),
        "places": places,
        "readings": json.loads(_run(*finished_job.readings(places))),
        "predict": _run(*finished_job.predict(places, "run")),
        "multimodal_predict": _run(
            *finished_job.predict(places, "multimodal_run")
        ),
    }
    (JOB / "expected.json").write_text(
        json.dumps(expected, indent=1, sort_keys=True), "utf-8"
    )
    for pattern in _LEFT_OUT:
        for path in list(JOB.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _refuse_paths_of_this_machine()
    _pack()
    shutil.rmtree(JOB)


def _write_texts():
    draw = random.Random(0)
    texts = [
        f"film {number}: {' '.join(draw.choices(_WORDS[number % 2], k=8))}"
        for number in range(60 - len(_HOSTILE))
    ]
    texts += _HOSTILE
    with (JOB / "corpus.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        rows.writerows(
            (text, _LABELS[number % 2]) for number, text in enumerate(texts)
        )
    questions = [*texts[:6], *_HOSTILE, "", "a film of other words"]
    with (JOB / "questions.jsonl").open("w", encoding="utf-8") as file:
        for text in questions:
            file.write(json.dumps({"text": text}) + "\n")


def _write_samples():
    (JOB / "images").mkdir()
    draw = random.Random(1)
    with (JOB / "samples.jsonl").open("w", encoding="utf-8") as file:
        for number in range(24):
            kind = number % 2
            pixels = tf.fill((8, 8, 3), tf.cast(9 * number, tf.uint8))
            name = f"images/{number}.{('png', 'jpg')[number % 3 == 0]}"
            encode = (tf.io.encode_png, tf.io.encode_jpeg)[number % 3 == 0]
            (JOB / name).write_bytes(encode(pixels).numpy())
            title, description = draw.choices(_WORDS[kind], k=2)
            value = {
                "image": name,
                "title": title if number % 8 else None,
                "description": f"{description} \N{SNOWMAN} {number}",
                "label": _LABELS[kind],
            }
            file.write(json.dumps(value) + "\n")


def _only(pattern):
    """The only path of the job that fits, relative to the job."""
    (path,) = JOB.glob(pattern)
    return str(path.relative_to(JOB))


def _start(module, *flags):
    return subprocess.Popen(
        [sys.executable, "-m", module, *flags],
        cwd=JOB,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def _run(module, *flags):
    """Runs a program to its end and returns what it printed."""
    process = _start(module, *flags)
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} {flags} ended with {process.returncode}")
    return printed


def _kill_after_an_epoch(workdir):
    process = _start("trainers.run", *finished_job.RUN, f"--workdir={workdir}")
    while not (JOB / workdir / "checkpoint.safetensors").exists():
        if process.poll() is not None:
            raise RuntimeError("the run ended before its first checkpoint")
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    history = (JOB / workdir / "history.csv").read_text().splitlines()
    if (JOB / workdir / "metrics.json").exists() or len(history) != 2:
        raise RuntimeError("the run was killed too late: start again")


def _refuse_paths_of_this_machine():
    names = {str(path) for path in (ROOT, pathlib.Path.home(), sys.prefix)}
    for path in JOB.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for name in names:
                if name.encode() in content:
                    raise RuntimeError(f"{path} holds {name}")


def _pack():
    """The same bytes for the same files, whoever packs them and when."""

    def anonymous(info):
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    with tarfile.open(
        ARCHIVE, "w:xz", preset=9 | lzma.PRESET_EXTREME
    ) as archive:
        for path in sorted(JOB.rglob("*")):
            archive.add(
                path, path.relative_to(JOB), recursive=False, filter=anonymous
            )


if __name__ == "__main__":
    main()
