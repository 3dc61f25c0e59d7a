"""Every program under one name: `text-as-image COMMAND [--flag=value ...]`.

    text-as-image run --backbone=resnet
    python -m trainers run --backbone=resnet

`text-as-image COMMAND --help` lists the flags of a command.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from tfrecords import flags
from tfrecords.flag_values import one_of

# Command: the module behind it, which `python -m` runs too.
COMMANDS = {
    "run": "trainers.run",
    "build": "tfrecords.build",
    "tune": "trainers.tune",
    "verify": "trainers.verify",
    "runs": "trainers.list_runs",
    "table": "trainers.table",
    "learning-curve": "trainers.learning_curve",
    "domain-shift": "trainers.domain_shift",
    "predict": "trainers.predict",
    "explain": "trainers.explain",
    "page": "trainers.page",
    "export": "trainers.export",
    "im2vec": "trainers.im2vec.__main__",
    "multimodal-run": "trainers.multimodal.run",
    "multimodal-table": "trainers.multimodal.table",
    "multimodal-predict": "trainers.multimodal.predict",
    "multimodal-explain": "trainers.multimodal.explain",
    "multimodal-search": "trainers.multimodal.search",
    "multimodal-audit": "trainers.multimodal.audit",
    "multimodal-export": "trainers.multimodal.export",
    "convert": "trainers.weights.convert",
    "show": "trainers.weights.show",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that is named first with the rest of `argv`."""
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        module = importlib.import_module(COMMANDS[arguments[0]])
        return module.main(arguments[1:])
    parser = _parser()
    parser.parse_args(arguments or ["--help"])  # says what is wrong, and exits
    return 0


def _parser() -> argparse.ArgumentParser:
    commands = "\n".join(
        f"  {name:20}{_first_line(module)}" for name, module in COMMANDS.items()
    )
    parser = flags.Parser(
        prog="text-as-image",
        description=f"{__doc__}\ncommands:\n{commands}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s COMMAND [--flag=value ...]",
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument(
        "COMMAND", type=one_of(COMMANDS), help=argparse.SUPPRESS
    )
    flags.add_about(parser)
    return parser


def _first_line(module: str) -> str:
    return (importlib.import_module(module).__doc__ or "").split("\n")[0]


def _complete() -> None:
    """Completes commands and flags in the shell; see docs/guide/training.md."""
    import argcomplete

    parser = argparse.ArgumentParser("text-as-image", add_help=False)
    subparsers = parser.add_subparsers()
    for name, module in COMMANDS.items():
        flags.build_parser(
            importlib.import_module(module).PROGRAM,
            subparsers.add_parser(name, add_help=False),
        )
    argcomplete.autocomplete(parser)


if __name__ == "__main__":
    sys.exit(main())
