"""Accuracies of projections, and what votes of several maps gain over seeds.

    python -m tools.compare_maps --workdir=DIR --seeds=5 --preset=demo

Flags that are not this program's are those of `trainers.run`. Runs that are
finished are reused. A vote of three is compared with a vote of three seeds of
one map, which costs the same. p is McNemar's exact test on the validation
texts, of the first seed, and of every group in a vote.
"""

import argparse
import collections
import dataclasses
import pathlib
import statistics
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks import printing
from tfrecords import build, flags
from tfrecords.config import RecordsConfig, without_added_later
from tfrecords.settings import fingerprint
from trainers import run
from trainers.config import TrainConfig
from trainers.experiments.significance import mcnemar
from trainers.runs.predictions import read_predictions, read_probabilities
from trainers.runs.workdir import read_metrics
from trainers.training.train import train_and_evaluate
from trainers.voting.members import Member, choose

_VOTES = ("3", "tsne,pca,random")


class Runs:
    """Runs by their settings; trained when they are first asked for."""

    def __init__(self, workdir: pathlib.Path) -> None:
        """Keeps where the runs are."""
        self._workdir = workdir
        self._image_dirs: dict[RecordsConfig, object] = {}

    def probabilities(self, member: Member) -> np.ndarray:
        """`(N, K)` of the validation texts."""
        rows = read_probabilities(self.directory(member))
        return np.array(list(rows.values()), np.float64)

    def labels(self, member: Member) -> np.ndarray:
        """`(N,)` whole numbers."""
        directory = self.directory(member)
        names = read_metrics(directory)["label_names"]
        predictions = read_predictions(directory).values()
        return np.array([names.index(label) for label, _ in predictions])

    def directory(self, member: Member) -> pathlib.Path:
        """The finished run's directory."""
        if member.records not in self._image_dirs:
            _, image_dir = build.prepare_records(member.records)
            self._image_dirs[member.records] = image_dir
        settings = {
            **without_added_later(dataclasses.asdict(member.records)),
            **member.train.naming_settings,
        }
        directory = self._workdir / fingerprint(settings)
        train_and_evaluate(
            member.train.on_records(self._image_dirs[member.records]),  # type: ignore[arg-type]
            directory,
            shared_maps=self._workdir / "frozen_maps",
        )
        return directory


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table of projections and one of votes."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument(
        "--seeds", type=int, default=5, help="Of each projection."
    )
    parser.add_argument(
        "--groups", type=int, default=3, help="Of three runs, for each vote."
    )
    parser.add_argument(
        "--projections", default="tsne,pca,kernel_pca,umap,random"
    )
    given, rest = parser.parse_known_args(argv)
    typed, _ = flags.parse(run.PROGRAM, rest)
    preset = typed.pop("preset", "demo")
    records = RecordsConfig.preset(preset, **_of(RecordsConfig, typed))
    train = TrainConfig.preset(preset, **_of(TrainConfig, typed))
    runs = Runs(given.workdir)
    _print_projections(
        runs, train, records, given.projections.split(","), given.seeds
    )
    _print_votes(runs, train, records, given.groups)


def _of(kind: type, typed: dict[str, object]) -> dict[str, object]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: typed[name] for name in names & set(typed)}


def _seed(
    train: TrainConfig, records: RecordsConfig, projection: str, seed: int
) -> Member:
    """One run; the map is drawn anew for each seed where it is random."""
    member = choose("1", train, records)[0]
    random = projection in ("umap", "random")
    return dataclasses.replace(
        member,
        train=dataclasses.replace(train, seed=seed),
        records=dataclasses.replace(
            records, projection=projection, map_seed=seed if random else 0
        ),
    )


def _print_projections(
    runs: Runs,
    train: TrainConfig,
    records: RecordsConfig,
    projections: Sequence[str],
    seeds: int,
) -> None:
    rows = []
    first: np.ndarray | None = None
    for projection in projections:
        members = [
            _seed(train, records, projection, seed) for seed in range(seeds)
        ]
        right = [
            runs.probabilities(each).argmax(axis=1) == runs.labels(each)
            for each in members
        ]
        first = right[0] if first is None else first
        p = mcnemar(right[0], first).p_value
        rows.append(
            (projection, *_spread([r.mean() for r in right]), f"{p:.2f}")
        )
    count = len(right[0])
    sys.stdout.write(f"\n{count} validation texts, {seeds} seeds\n")
    printing.print_table(("projection", "accuracy", "deviation", "p"), rows)


def _print_votes(
    runs: Runs, train: TrainConfig, records: RecordsConfig, groups: int
) -> None:
    accuracies = collections.defaultdict(list)
    alone = collections.defaultdict(list)
    p_values = collections.defaultdict(list)
    for group in range(groups):
        start = 3 * group
        votes = {
            "three seeds of one map": [
                _seed(train, records, "tsne", start + number)
                for number in range(3)
            ]
        }
        for maps in _VOTES:
            votes[f"--maps={maps}"] = choose(
                maps,
                dataclasses.replace(train, seed=start),
                dataclasses.replace(records, map_seed=start),
            )
        base = None
        for name, members in votes.items():
            each = [runs.probabilities(member) for member in members]
            labels = runs.labels(members[0])
            right = np.mean(each, axis=0).argmax(axis=1) == labels
            base = right if base is None else base
            accuracies[name].append(right.mean())
            alone[name].append(
                np.mean([(one.argmax(axis=1) == labels).mean() for one in each])
            )
            p_values[name].append(mcnemar(right, base).p_value)
    rows = [
        (
            name,
            *_spread(accuracies[name]),
            f"{np.mean(alone[name]):.4f}",
            ", ".join(f"{p:.2f}" for p in p_values[name]),
        )
        for name in accuracies
    ]
    sys.stdout.write(f"\n{groups} groups of three runs\n")
    printing.print_table(
        ("vote", "accuracy", "deviation", "its runs alone", "p by group"), rows
    )


def _spread(values: Sequence[float]) -> tuple[str, str]:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.4f}", f"{deviation:.4f}"


if __name__ == "__main__":
    main()
