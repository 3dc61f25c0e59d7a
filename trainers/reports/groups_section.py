"""How a run's predictions differ by group: tables, and a file of all of it."""

import dataclasses
import math
import pathlib
from collections.abc import Iterator, Sequence

from text2image.corpora import groups
from text2image.corpora.rows import RowSource
from tfrecords import files
from trainers.reports import markdown
from trainers.reports.class_tables import MOST_IN_MATRIX
from trainers.reports.mistakes import Predictions
from trainers.runs.file_list import FileList
from trainers.serving import formats
from trainers.training import group_figures
from trainers.training.group_figures import GroupFigures, Interval, Share

GROUPS_FILE = "groups.csv"
PAGE_FILE = "groups.md"
MOST_GROUPS = 20  # in a table; the file has all
_NO_NAME = "(none)"
_COLUMNS = ("group", "class", "figure", "value", "low", "high", "of")


@dataclasses.dataclass(frozen=True)
class GroupTables:
    """What is said of the groups of a run; empty without groups.

    Attributes:
        column: Where the groups are from.
        figures: Of each group, the largest first.
        label_names: K class names.
        noun: What an example is called.
    """

    column: str = ""
    figures: Sequence[GroupFigures] = ()
    label_names: Sequence[str] = ()
    noun: str = "text"

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that `write` writes."""
        return (GROUPS_FILE,) if self.figures else ()

    def lines(self) -> list[str]:
        """Composes the section.

        Returns:
            Lines of Markdown: accuracy, calibration error and, of two
            classes, the error rates of each group; of up to 12 classes, a
            table of the error rates of every class.
        """
        if not self.figures:
            return []
        names = [markdown.plain(name, most=40) for name in self.label_names]
        shown = self.figures[:MOST_GROUPS]
        return [
            f"## By {markdown.plain(self.column)}",
            "",
            f"{markdown.count(len(self.figures), 'group')} of {self.noun}s, "
            f"with {group_figures.LEVEL:.0%} intervals: Wilson's of shares, "
            f"{group_figures.RESAMPLES:,} resamples of the calibration error, "
            "less their bias; it is larger by chance in a small group. "
            f"{_few(self.figures, self.noun)}"
            f"All figures: [{GROUPS_FILE}]({GROUPS_FILE}).",
            "",
            *markdown.table(*_overview(shown, names, self.noun)),
            "",
            *_classes(shown, names),
        ]

    def write(self, workdir: pathlib.Path) -> None:
        """Writes `groups.csv`: a line per group, class and figure."""
        if not self.figures:
            return
        rows = (
            (each.name, *row)
            for each in self.figures
            for row in _rows(each, self.label_names)
        )
        files.write_text(workdir / GROUPS_FILE, formats.rows([_COLUMNS, *rows]))

    def write_page(self, workdir: pathlib.Path) -> None:
        """Writes `groups.md` and its file, of a run without a report."""
        if not self.figures:
            return
        files.write_text(workdir / PAGE_FILE, markdown.document(self.lines()))
        self.write(workdir)
        FileList.of_run(workdir).record((PAGE_FILE, *self.files))


NO_GROUPS = GroupTables()


def of_run(
    workdir: pathlib.Path,
    label_names: Sequence[str],
    opened: tuple[RowSource, str] | None,
    noun: str = "text",
) -> GroupTables:
    """Compares the predictions of a run by group.

    Args:
        workdir: Directory of the run.
        label_names: K class names.
        opened: Rows of its corpus and their column; `None` for no groups.
        noun: What an example is called.

    Raises:
        ValueError: See `groups.read_groups`.
    """
    if opened is None:
        return NO_GROUPS
    source, column = opened
    predictions = Predictions.read(workdir, label_names)
    group_of = groups.read_groups(source, column, predictions.ids)
    figures = group_figures.by_group(
        [group_of[key] for key in predictions.ids],
        predictions.labels,
        predictions.probabilities,
    )
    return GroupTables(column, figures, label_names, noun)


def _few(figures: Sequence[GroupFigures], noun: str) -> str:
    small = sum(each.is_small for each in figures)
    hidden = len(figures) - MOST_GROUPS
    sentences = []
    if small:
        sentences.append(
            f"{small} marked with † {'has' if small == 1 else 'have'} fewer "
            f"than {group_figures.FEW} {noun}s, too few to compare. "
        )
    if hidden > 0:
        sentences.append(f"The {MOST_GROUPS} largest are shown. ")
    return "".join(sentences)


def _overview(
    figures: Sequence[GroupFigures], names: Sequence[str], noun: str
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table of groups."""
    header = ["group", f"{noun}s", "accuracy", "calibration error"]
    rows = [
        [
            _shown(each),
            f"{each.accuracy.of:,}",
            _share(each.accuracy),
            _value(each.calibration_error, each.calibration_interval),
        ]
        for each in figures
    ]
    if len(names) == 2:
        header += [f"{names[0]} taken for {names[1]}"]
        header += [f"{names[1]} taken for {names[0]}"]
        for row, each in zip(rows, figures, strict=True):
            row += [_share(share) for share in each.missed]
    return header, rows


def _classes(
    figures: Sequence[GroupFigures], names: Sequence[str]
) -> list[str]:
    """The table of the error rates of every class of more than two."""
    if not 2 < len(names) <= MOST_IN_MATRIX:
        return []
    return [
        *markdown.table(
            ("class", "group", "missed", "wrongly predicted"),
            [
                (
                    name,
                    _shown(each),
                    _share(each.missed[number]),
                    _share(each.raised[number]),
                )
                for number, name in enumerate(names)
                for each in figures
            ],
        ),
        "",
    ]


def _shown(group: GroupFigures) -> str:
    name = markdown.plain(group.name, most=40) or _NO_NAME
    return f"{name} †" if group.is_small else name


def _share(share: Share) -> str:
    return _value(share.value, share.interval)


def _value(value: float, interval: Interval) -> str:
    if math.isnan(value):
        return "-"
    if math.isnan(interval[0]):
        return f"{value:.3f}"
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _rows(
    figures: GroupFigures, label_names: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Class, figure, value, bounds and number of examples."""
    count = figures.accuracy.of
    yield _row("", "accuracy", figures.accuracy)
    yield (
        *("", "calibration_error", _number(figures.calibration_error)),
        *map(_number, figures.calibration_interval),
        str(count),
    )
    for name, missed, raised in zip(
        label_names, figures.missed, figures.raised, strict=True
    ):
        yield _row(name, "false_negative_rate", missed)
        yield _row(name, "false_positive_rate", raised)


def _row(name: str, figure: str, share: Share) -> tuple[str, ...]:
    values = map(_number, (share.value, *share.interval))
    return (name, figure, *values, str(share.of))


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6f}"
