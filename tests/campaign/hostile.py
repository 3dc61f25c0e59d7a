"""Hostile input: no trace, no hang; a result or a sentence.

`hypothesis` draws flags, corpora and manifests; nothing is shrunk, the example
itself is the report.
"""

import json
import shutil
import string

import hypothesis
from hypothesis import strategies as st

from tests.campaign.report import Part
from tfrecords import build
from trainers import run as trainers_run

_SECONDS = 120
_NUMBERS = ("nan", "inf", "-1", "0", "1e400", "4294967296", "-0.0", "0x10", "")
_VALUES = st.one_of(
    st.sampled_from(_NUMBERS),
    st.text(max_size=12).filter(lambda text: "\0" not in text),
    st.integers().map(str),
    st.floats().map(str),
)
_CELL = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ("NA", "null", '"', "=1+1", "\u202e", "a" * 5000, "\ufeff")
    ),
)
_CSV = st.lists(st.tuples(_CELL, _CELL), max_size=12).map(
    lambda rows: (
        "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows)
    )
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("text", "label", "x")), inner)
    ),
    max_leaves=8,
)
_JSON_LINES = st.lists(_JSON, max_size=8).map(
    lambda values: "\n".join(map(json.dumps, values))
)


def run(jobs, program, *, count, seed, part=None):
    """Tries `count` examples of each kind.

    Returns:
        A `Part`: kind of input and exit code, number, failures.
    """
    del program
    part = part or Part("hostile input", "examples")
    jobs.done("build")
    jobs.start_after("build")

    def given(strategy, try_one):
        hypothesis.seed(seed)(
            hypothesis.settings(
                max_examples=count,
                database=None,
                deadline=None,
                phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )(hypothesis.given(strategy)(try_one))
        )()

    def note(kind, ended, example):
        part.count(f"{kind}: exit code {ended.code}")
        if ended.fault or ended.code not in (0, 1, 2):
            part.fail(f"{kind}: {example!r:.600}", ended)

    def try_flags(drawn):
        module, names, chosen, value = drawn
        flag = f"--{names[chosen % len(names)]}={value}"
        # A directory that cannot be made ends what is not refused.
        command = (module, flag, "--records_dir=corpus.csv/no")
        note("flags", _run(jobs, command), flag)

    programs = [
        (program.name, sorted(program.fields()))
        for program in (build.PROGRAM, trainers_run.PROGRAM)
    ]
    given(
        st.tuples(
            st.sampled_from(programs), st.integers(0, 10**6), _VALUES
        ).map(lambda drawn: (*drawn[0], *drawn[1:])),
        try_flags,
    )

    def corpus(name, encode):
        def try_one(content):
            (jobs.job / name).write_bytes(encode(content))
            command = (
                *("tfrecords.build", f"--dataset={name}"),
                *("--encoder=tiny_bert", "--records_dir=hostile"),
                *("--layers=last2", "--projection=pca", "--max_tokens=32"),
                *("--image_height=6", "--image_width=8"),
            )
            note(name, _run(jobs, command), content)
            shutil.rmtree(jobs.job / "hostile", ignore_errors=True)

        return try_one

    def encoded(text):
        return text.encode("utf-8", "surrogatepass")

    given(_CSV, corpus("hostile.csv", encoded))
    given(st.binary(max_size=200), corpus("bytes.csv", bytes))
    given(_JSON_LINES, corpus("hostile.jsonl", encoded))
    _manifests(jobs, given, note)
    return part


def _run(jobs, command):
    return jobs.server.run(command, jobs.job, timeout=_SECONDS)


def _manifests(jobs, given, note):
    """Any value in any place of a manifest."""
    (directory,) = jobs.job.glob("records/image/*/1.0.0")
    path = directory / "manifest.json"
    original = path.read_text()
    (directory / "manifest.sha256").unlink()  # or each is refused at once

    def try_one(drawn):
        places, value = drawn
        manifest = json.loads(original)
        holder = manifest
        for depth, place in enumerate(places):
            keys = [*holder] if isinstance(holder, dict) else range(len(holder))
            key = keys[place % len(keys)]
            inner = holder[key]
            is_last = depth + 1 == len(places)
            if is_last or not isinstance(inner, (dict, list)) or not inner:
                break
            holder = inner
        holder[key] = value
        path.write_text(json.dumps(manifest))
        command = ("tfrecords.verify", str(directory))
        note("manifest", _run(jobs, command), (places, key, value))

    letters = st.text(string.printable, max_size=8)
    given(
        st.tuples(
            st.lists(st.integers(0, 50), min_size=1, max_size=5),
            _JSON
            | letters
            | st.sampled_from(("../x", "/etc/passwd", -1, 2**70)),
        ),
        try_one,
    )
