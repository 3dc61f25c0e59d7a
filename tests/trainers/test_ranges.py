"""No number of any program is taken outside the range of its setting."""

import dataclasses
import importlib
import math
import re

import pytest

from tfrecords import command_line
from trainers.__main__ import COMMANDS
from trainers.distribution.options import DistributionOptions
from trainers.im2vec.config import Im2VecConfig

PROGRAMS = {
    name: importlib.import_module(module).PROGRAM
    for name, module in COMMANDS.items()
}
# What a class needs besides the number.
REQUIRED = {
    Im2VecConfig: {"dataset": "cifar10"},
    DistributionOptions: {"distribution": "mirrored"},
}
SETTINGS = {
    f"{kind.__module__}.{kind.__name__}": kind
    for program in PROGRAMS.values()
    for kind in program.settings
}
NUMBERS = [
    pytest.param(kind, field, id=f"{name}-{field.name}")
    for name, kind in SETTINGS.items()
    for field in dataclasses.fields(kind)
    if type(field.default) in (int, float)
]
# Beyond 32 bits, not finite, of another type: no setting takes any of these.
NONSENSE = (
    math.nan,
    math.inf,
    -math.inf,
    -1,
    2**32,
    2**63,
    10**400,
    True,
    "3",
    None,
)
TYPED = (
    "1e999",
    "-1e999",
    "nan",
    "-1",
    "\N{FULLWIDTH DIGIT ONE}",
    "1" * 400,
    "9" * 5000,
    "x",
    "",
)


# What a program asks for before it looks at its numbers.
TYPED_BEFORE = {"show": ("--backbone=resnet",)}


def make(kind, field, value):
    others = {
        other.name: other.metadata["choices"][0]
        for other in dataclasses.fields(kind)
        if other.metadata["choices"] and not other.default
    }
    return kind(**{**others, **REQUIRED.get(kind, {}), field.name: value})


def test_every_program_with_numbers_is_looked_at():
    assert len(NUMBERS) > 50


@pytest.mark.parametrize(("kind", "field"), NUMBERS)
def test_nonsense_is_refused_by_flag_range_and_value(kind, field):
    within = field.metadata["range"]
    illegal = [value for value in (0, 2**31) if value not in within]
    expected = f"--{field.name} must be a .*number in {re.escape(str(within))}"
    for value in (*NONSENSE, *illegal):
        with pytest.raises(ValueError, match=f"{expected}. Received: "):
            make(kind, field, value)


@pytest.mark.parametrize(("kind", "field"), NUMBERS)
def test_the_ends_of_a_range_are_legal_and_no_more(kind, field):
    within = field.metadata["range"]
    is_whole = type(field.default) is int
    for bound, towards in (("least", -1), ("above", 1)):
        lower = getattr(within, bound)
        if math.isfinite(lower):
            check_end(kind, field, lower, towards, is_whole)
    for bound, towards in (("most", 1), ("below", -1)):
        upper = getattr(within, bound)
        if math.isfinite(upper):
            check_end(kind, field, upper, towards, is_whole)


def check_end(kind, field, end, towards, is_whole):
    """`end` or its neighbour in the direction `towards` is the last one."""
    beside = (
        end + towards if is_whole else math.nextafter(end, towards * math.inf)
    )
    within = field.metadata["range"]
    assert (end in within) != (beside in within)
    legal, illegal = (end, beside) if end in within else (beside, end)
    assert getattr(make(kind, field, legal), field.name) == legal
    with pytest.raises(ValueError, match=f"--{field.name} must be"):
        make(kind, field, illegal)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nonsense_on_a_command_line_is_refused_at_once(name, capsys):
    program = PROGRAMS[name]
    flags = [
        field.name
        for field in program.fields().values()
        if field.metadata["range"]
    ]
    for flag in flags:
        for text in TYPED:
            with pytest.raises(SystemExit) as stop:
                raise SystemExit(
                    command_line.main(
                        program,
                        refuse_to_run,
                        [*TYPED_BEFORE.get(name, ()), f"--{flag}={text}"],
                    )
                )
            assert stop.value.code in (1, 2)
            message = capsys.readouterr().err
            assert re.match(f"error: --{flag} must be .*Received: ", message)
            assert len(message) < 300


def refuse_to_run(arguments):
    raise AssertionError("the program must not start")
