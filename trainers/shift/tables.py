"""The results as tables of the report."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from trainers import backbones
from trainers.reports import markdown
from trainers.shift.comparison import Row
from trainers.shift.options import FITTED, ShiftOptions
from trainers.shift.samples import GREY, NATURAL, OTHERS

_SIGNIFICANT = 0.05
# Heading of a column, kind of images, normalisation.
Column = tuple[str, str, str]
Cell = Callable[[Sequence[Row]], str]


def natural_columns(
    options: ShiftOptions, *kinds: str
) -> Callable[[str], list[Column]]:
    """Returns columns of natural images, by the backbone of a row."""

    def columns(backbone: str) -> list[Column]:
        mode = options.natural_of(backbone, options.shown)
        return [(kind, kind, mode) for kind in kinds]

    return columns


def text_columns(options: ShiftOptions, *kinds: str) -> list[Column]:
    """Returns columns of text images: `fitted` three times, others once."""
    columns = []
    for kind in kinds:
        modes = options.normalizations if kind == FITTED else (options.shown,)
        columns += [(f"{kind}, {mode}", kind, mode) for mode in modes]
    return columns


def by_stage(options: ShiftOptions, rows: Sequence[Row]) -> list[str]:
    """MMD^2 of every slice and stage."""
    others = [name for name in options.all_variants if name != FITTED]
    return _table(
        rows,
        ("slice", "stage"),
        lambda row: (_title(row), str(row["layer"])),
        natural_columns(options, OTHERS, GREY),
        text_columns(options, FITTED, *others),
        _mmd2,
    )


def _mmd2(rows: Sequence[Row]) -> str:
    (row,) = rows
    mark = "°" if float(row["p"]) > _SIGNIFICANT else ""
    return f"{row['mmd2']:.3f}{mark}"


def distances(
    options: ShiftOptions, rows: Sequence[Row], *natural: str
) -> list[str]:
    """Distance of channels' statistics, the median over layers."""

    def cell(rows: Sequence[Row]) -> str:
        shift, ratio = (
            float(np.median([float(row[name]) for row in rows]))
            for name in ("mean_shift", "deviation_ratio")
        )
        return f"{shift:.2f}, x {ratio:.2f}"

    return _table(
        rows,
        ("slice",),
        lambda row: (_title(row),),
        natural_columns(options, *natural),
        text_columns(options, *options.all_variants),
        cell,
    )


def rectifiers(options: ShiftOptions, rows: Sequence[Row]) -> list[str]:
    """Share of zeros and of dead channels, over all rectified channels."""

    def cell(rows: Sequence[Row]) -> str:
        channels = [float(row["channels"]) for row in rows]
        zeros, dead = (
            np.average([float(row[name]) for row in rows], weights=channels)
            for name in ("zeros", "dead")
        )
        return f"{zeros:.1%}, {dead:.1%}"

    return _table(
        rows,
        ("slice",),
        lambda row: (_title(row),),
        natural_columns(options, NATURAL),
        text_columns(options, *options.all_variants),
        cell,
    )


def repeated_maps(options: ShiftOptions, rows: Sequence[Row]) -> list[str]:
    """Effective rank, mean correlation and twins of the feature maps."""

    def cell(rows: Sequence[Row]) -> str:
        (row,) = rows
        return (
            f"{row['effective_rank']:.1f} of {row['num_varying']}, "
            f"{row['mean_correlation']:.2f}, {row['twins']:.0%}"
        )

    kinds = [
        name for name in (FITTED, "layers") if name in options.all_variants
    ]
    return _table(
        rows,
        ("slice", "maps"),
        lambda row: (_title(row), str(row["maps"])),
        natural_columns(options, NATURAL, GREY),
        [(f"{kind}, {options.shown}", kind, options.shown) for kind in kinds],
        cell,
    )


def similarities(names: Iterable[str], rows: Sequence[Row]) -> list[str]:
    """CKA of every pair, on text images and on natural ones."""
    pairs: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        pair = str(row["second"]), str(row["first"])
        pairs.setdefault(pair, {})[str(row["images"])] = row
    body = [
        (
            *pair,
            *(
                f"{by_domain[domain][name]:.3f}"
                for domain in names
                for name in ("cka", "debiased_cka")
            ),
        )
        for pair, by_domain in pairs.items()
    ]
    header = ["", ""]
    for domain in names:
        header += [f"{domain}: CKA", "debiased"]
    return markdown.table(header, body)


def _title(row: Row) -> str:
    return backbones.get_backbone(str(row["backbone"])).title


def _table(
    rows: Sequence[Row],
    names: Sequence[str],
    name_of: Callable[[Row], tuple[str, ...]],
    natural: Callable[[str], list[Column]],
    texts: Sequence[Column],
    cell: Cell,
) -> list[str]:
    """A line for each name, in their order; a cell for each column."""
    lines: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        lines.setdefault(name_of(row), []).append(row)
    header: list[str] = []
    body = []
    for name, of_line in lines.items():
        columns = [*natural(str(of_line[0]["backbone"])), *texts]
        header = [heading for heading, _, _ in columns]
        cells = [
            cell(_chosen(of_line, images, mode)) for _, images, mode in columns
        ]
        body.append((*name, *cells))
    return markdown.table((*names, *header), body)


def _chosen(rows: Iterable[Row], images: str, normalization: str) -> list[Row]:
    return [
        row
        for row in rows
        if (row["images"], row["normalization"]) == (images, normalization)
    ]


def tidy(rows: Sequence[Mapping[str, object]]) -> list[list[object]]:
    """Rows of a CSV file: the names of the columns, then their values."""
    header = list(rows[0]) if rows else []
    return [list(header), *([row[key] for key in header] for row in rows)]
