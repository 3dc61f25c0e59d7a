"""The runs of a vote: settings that `--maps` makes of those of one run.

This module imports nothing heavy, so that commands refuse at once.
"""

import dataclasses

from text2image import options
from tfrecords.config import RecordsConfig
from tfrecords.stages import map_checks
from trainers.config import TrainConfig

# Factors of the perplexity in a vote of t-SNE's maps: the first map has the
# one that is set, the others look at fewer and at more neighbours.
_PERPLEXITIES = (1.0, 0.5, 2.0)
_MOST = 99
_CURE = (
    "Use a number, as in --maps=3, or at least two projections, as in "
    "--maps=tsne,tsne:50,pca: t-SNE may have its perplexity."
)


@dataclasses.dataclass(frozen=True)
class Member:
    """One run of a vote.

    Attributes:
        name: Name of its directory below that of the vote.
        train: Settings of its training.
        records: Settings of its records.
    """

    name: str
    train: TrainConfig
    records: RecordsConfig

    @property
    def different_settings(self) -> dict[str, object]:
        """The settings in which the runs of a vote may differ."""
        names = ("projection", "perplexity", "tsne_init", "map_seed")
        records = {name: getattr(self.records, name) for name in names}
        return {**records, "seed": self.train.seed}


def choose(
    maps: str, train: TrainConfig, records: RecordsConfig
) -> list[Member]:
    """Chooses the runs of `--maps`.

    The first has the settings as they are, with the first projection. Run i,
    counted from 0, has `seed` + i and `map_seed` + i; its t-SNE starts at
    random, as the start by PCA would be the same for every seed. A number
    means this many maps by `--projection`; with t-SNE, of perplexities
    `--perplexity` times 1, 1/2, 2, and again.

    Args:
        maps: A number, or projections separated by commas: `tsne:50,pca`.
        train: Settings of one training.
        records: Settings of its records.

    Returns:
        At least one run; more than one have different maps.

    Raises:
        ValueError: If `maps` names none, or two maps would be the same.
    """
    members: list[Member] = []
    for number, (projection, perplexity) in enumerate(_parse(maps, records)):
        changes: dict[str, object] = {"projection": projection}
        if projection == "tsne":
            changes["perplexity"] = perplexity
            if number:
                changes["tsne_init"] = "random"
        changed = dataclasses.replace(records, **changes)  # type: ignore[arg-type]
        if map_checks.is_seeded(changed):
            changed = dataclasses.replace(
                changed, map_seed=records.map_seed + number
            )
        if any(changed == member.records for member in members):
            raise ValueError(
                f"The maps of --maps={maps} must differ. Received: two by "
                f"{projection}, which draws nothing at random. Name other "
                "projections, as in --maps=tsne,pca,random."
            )
        members.append(
            Member(
                f"{number + 1}-{projection}",
                dataclasses.replace(train, seed=train.seed + number),
                changed,
            )
        )
    return members


def _parse(maps: str, records: RecordsConfig) -> list[tuple[str, float]]:
    """Returns projection and perplexity of every map."""
    if maps.isdecimal() and 1 <= int(maps) <= _MOST:
        factors = [
            _PERPLEXITIES[number % len(_PERPLEXITIES)]
            for number in range(int(maps))
        ]
        return [
            (records.projection, factor * records.perplexity)
            for factor in factors
        ]
    chosen = []
    for word in maps.split(","):
        projection, colon, perplexity = word.strip().partition(":")
        try:
            value = float(perplexity) if colon else records.perplexity
        except ValueError:
            projection = ""
        is_known = projection in options.PROJECTIONS
        if not is_known or (colon and projection != "tsne"):
            raise ValueError(
                f"--maps must be a number from 1 to {_MOST} or projections "
                f"among {options.PROJECTIONS}. Received: {maps!r}. {_CURE}"
            )
        chosen.append((projection, value))
    if len(chosen) < 2:
        raise ValueError(
            f"--maps must name at least two projections. Received: {maps!r}. "
            f"{_CURE} One map is --projection={chosen[0][0]}."
        )
    return chosen
