"""Flags in messages become parameters, commands stay."""

import pytest

from text2image import python_errors


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("--l2 must be a number", "`l2` must be a number"),
        (
            "Use larger images, --channels=layers, or --assignment=bin.",
            "Use larger images, `channels='layers'`, or `assignment='bin'`.",
        ),
        ("Use --jit_compile=false.", "Use `jit_compile=False`."),
        ("(--upsample=0.5)", "(`upsample=0.5`)"),
        ("--label_map='Spam:spam'", "`label_map='Spam:spam'`"),
        ("with --encoder=PATH.", "with `encoder=PATH`."),
        (
            "Run python -m trainers.export --workdir=RUN and --out=x",
            "Run python -m trainers.export --workdir=RUN and `out='x'`",
        ),
    ],
)
def test_flags_become_parameters(message, expected):
    assert python_errors.translate(message) == expected


def test_the_error_itself_is_raised():
    error = FileNotFoundError("Name it with --encoder=PATH")
    with (
        pytest.raises(FileNotFoundError, match="`encoder=PATH`") as caught,
        python_errors.in_python_terms(),
    ):
        raise error
    assert caught.value is error
