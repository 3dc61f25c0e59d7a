"""What commands about texts share: two settings as flags, over a preset."""

import shlex
from collections.abc import Callable, Collection

from absl import app

from tfrecords import command_line
from tfrecords import config as records_config
from trainers import config as train_config


def settings(
    arguments: list[str], preset: str
) -> tuple[train_config.TrainConfig, records_config.RecordsConfig]:
    """Builds the settings: typed flags over the preset over defaults.

    Args:
        arguments: What absl left of the command line, the program first.
        preset: Of `train_config.PRESETS`.

    Raises:
        absl.app.UsageError: If something is left.
        ValueError: If a value is refused.
    """
    if len(arguments) > 1:
        raise app.UsageError(
            f"Expected flags only. Received: {shlex.join(arguments[1:])}"
        )
    values = train_config.PRESETS[preset]
    return (
        command_line.settings_from_flags(train_config.TrainConfig, values),
        command_line.settings_from_flags(records_config.RecordsConfig, values),
    )


def start(
    main: Callable[[list[str]], None], *, without: Collection[str] = ()
) -> None:
    """Defines the settings' flags and runs `main` with what is left.

    Args:
        main: The program.
        without: Settings that it has no use for.
    """
    command_line.prepare_process()
    for half in (train_config.TrainConfig, records_config.RecordsConfig):
        command_line.define_flags(
            half, without=without, presets=train_config.PRESETS
        )
    app.run(main)
