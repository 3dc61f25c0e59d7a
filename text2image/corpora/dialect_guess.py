"""A guess at the dialect of a delimited file.

It is a dialect in which every row of the file's beginning has the same number
of fields. The dialect of the file's suffix is tried first, and stays unless
another one fits better. Where every line of a table with tabs is such a row,
quotes that join lines are stray ones.
"""

import csv
import dataclasses
from collections.abc import Callable, Iterator, Sequence

from text2image.corpora.dialects import (
    AUTO,
    BACKSLASH,
    DELIMITERS,
    DOUBLE,
    NONE,
    Dialect,
)

# A quote that is open for longer at the end of the sample is a stray one.
_LONGEST_OPEN_FIELD = 1 << 16
_FAULTY = -1  # number of fields of a row that cannot be parsed
_CLEAR_SHARE = 0.8  # of the rows that have as many fields as the header


@dataclasses.dataclass(frozen=True)
class _Trial:
    """How the beginning of a file reads in a dialect."""

    dialect: Dialect
    rows: list[list[str]]
    counts: list[int]  # of fields, per row, the header first
    is_open: bool  # whether a quote is open for too long at the end

    @property
    def is_consistent(self) -> bool:
        return (
            not self.is_open
            and len(set(self.counts)) == 1
            and self.counts[0] > 1
        )

    @property
    def share(self) -> float:
        """Rows with as many fields as the header, which has several."""
        if not self.counts or self.counts[0] < 2:
            return 0.0
        return self.counts.count(self.counts[0]) / len(self.counts)

    @property
    def may_have_blanks_before_quotes(self) -> bool:
        return any(
            field.startswith((" ", "\t")) and field.lstrip().startswith('"')
            for row in self.rows
            for field in row
        )

    def has_blanks_before_quotes(self, skipping: "_Trial") -> bool:
        """Whether a field is quoted only where blanks are skipped."""
        return any(
            field.lstrip()[:1] == '"' and field.strip()[1:-1] == other
            for row, others in zip(self.rows, skipping.rows, strict=False)
            for field, other in zip(row, others, strict=False)
            if field != other
        )


def guess(
    name: str,
    sample: Sequence[str],
    own: str,
    *,
    is_cut: bool,
    delimiter: str,
    quoting: str,
    is_header: Callable[[Sequence[str]], bool],
) -> Dialect:
    """Finds the dialect of a file.

    Args:
        name: Name of the file, for messages.
        sample: Its first lines.
        own: Delimiter that its suffix stands for; `""` if none.
        is_cut: Whether the file goes on after the sample.
        delimiter: Delimiter that was asked for, or `""`.
        quoting: Quoting that was asked for, or `auto`.
        is_header: Whether a row has a name that only a header has.

    Raises:
        ValueError: If dialects fit equally well and give different rows.
    """
    trial = _most_likely(
        name,
        sample,
        delimiter or own or ",",
        is_cut=is_cut,
        is_asked=bool(delimiter),
        quoting=quoting,
        is_header=is_header,
    )
    if quoting == AUTO and trial.dialect.delimiter == "\t":
        plain = _try(Dialect("\t", NONE), sample, is_cut)
        if (
            plain.is_consistent
            and plain.rows[:1] == trial.rows[:1]
            and len(plain.rows) > len(trial.rows)
        ):
            return plain.dialect
    return trial.dialect


def _most_likely(
    name: str,
    sample: Sequence[str],
    own: str,
    *,
    is_cut: bool,
    is_asked: bool,
    quoting: str,
    is_header: Callable[[Sequence[str]], bool],
) -> _Trial:
    delimiters = [own]
    if not is_asked:
        delimiters += [d for d in DELIMITERS.values() if d != own]
    trials: list[_Trial] = []
    for dialect in _candidates(delimiters, quoting):
        trial = _try(dialect, sample, is_cut)
        if dialect.skips_blanks and not any(
            other.may_have_blanks_before_quotes
            for other in trials
            if other.dialect.delimiter == dialect.delimiter
        ):
            continue
        trials.append(trial)
        if (
            len(trials) == 1
            and trial.is_consistent
            and not trial.may_have_blanks_before_quotes
        ):
            return trial
    first = trials[0]
    headed = [t for t in trials if t.rows and is_header(t.rows[0])]
    for choice in (headed, trials if not headed else []):
        fitting = [t for t in choice if t.is_consistent]
        if fitting:
            return _best(name, fitting)
    # No dialect fits every row: the one that fits most.
    most = max(headed or trials, key=lambda trial: trial.share)
    is_clear = most.share > max(_CLEAR_SHARE, first.share)
    return most if is_clear or headed else first


def _candidates(delimiters: list[str], quoting: str) -> Iterator[Dialect]:
    """Dialects to try, the strongest evidence first."""
    for skips_blanks, kind in (
        (False, DOUBLE),
        (True, DOUBLE),
        (False, BACKSLASH),
        (True, BACKSLASH),
        (False, NONE),
    ):
        for delimiter in delimiters:
            if quoting == AUTO:
                # In a table with commas, stray quotes are a row's fault.
                if kind == NONE and delimiter != "\t":
                    continue
            elif kind != quoting:
                continue
            yield Dialect(delimiter, kind, skips_blanks)


def _best(name: str, fitting: list[_Trial]) -> _Trial:
    """The first quoting that fits, if one delimiter fits with it."""
    first = fitting[0]
    blank = [
        t
        for t in fitting
        if t.dialect.skips_blanks
        and t.dialect.delimiter == first.dialect.delimiter
    ]
    if blank and first.has_blanks_before_quotes(blank[0]):
        first = blank[0]
    rivals = {
        trial.dialect.delimiter: trial
        for trial in fitting
        if trial.dialect.quoting == first.dialect.quoting
        and not trial.dialect.skips_blanks
    }
    if len(rivals) > 1:
        raise ValueError(
            f"{name}: the delimiter could be "
            f"{' or '.join(map(repr, rivals))}. Say which with --delimiter."
        )
    return first


def _try(dialect: Dialect, sample: Sequence[str], is_cut: bool) -> _Trial:
    reader = dialect.reader(sample)
    rows: list[list[str]] = []
    counts = []
    start = 0
    is_open = False
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            is_at_end = reader.line_num == len(sample)
            size = sum(map(len, sample[start : reader.line_num]))
            if not (is_cut and is_at_end):
                counts.append(_FAULTY)
            elif size > _LONGEST_OPEN_FIELD:
                is_open = True
        else:
            if row:
                rows.append(row)
                counts.append(len(row))
        start = reader.line_num
    return _Trial(dialect, rows, counts, is_open)
