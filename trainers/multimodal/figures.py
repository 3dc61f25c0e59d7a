"""What a fused run knows, as pictures: its vectors, and whom it beats."""

import pathlib
import textwrap
from typing import Any

import matplotlib.figure
import numpy as np
import tensorflow as tf

from tfrecords import reader
from trainers.multimodal import baselines, loading, split_inputs, train
from trainers.runs import workdir as run_files

_MOST_POINTS = 1000  # t-SNE's time, and what a picture can show
_MOST_CLASSES = 10  # colours that can be told apart; the paper shows 10
_NUM_EXAMPLES = 6
_SEED = 0


def draw(
    out: pathlib.Path, fused: pathlib.Path, singles: list[pathlib.Path]
) -> dict[str, str]:
    """Draws `vectors.png` and `examples.png`.

    Args:
        out: Directory for them.
        fused: A finished run of several modalities; its records must be there
            still.
        singles: Finished runs of each of its modalities alone.

    Returns:
        Picture name to its caption.
    """
    run = loading.load_run(fused)
    captions = {}
    groups, labels = _vectors(run)
    figure, scores = draw_vectors(groups, labels, run.metrics["label_names"])
    _save(figure, out / "vectors.png")
    found = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
    captions["vectors.png"] = (
        "t-SNE of held-out vectors, coloured by class (the ten most frequent),"
        " as the paper's Figs. 7, 10 and 11: the encoder's own vectors, and "
        "what each tower makes of them. Silhouette by class, in the vectors' "
        f"own space: {found}."
    )
    right, wrong = split_examples(fused, singles)
    figure = _draw_examples(run, fused, singles, right, wrong)
    _save(figure, out / "examples.png")
    captions["examples.png"] = (
        "Above, samples that the fusion gets right and every single modality "
        f"gets wrong ({len(right)} of them); below, the other way round "
        f"({len(wrong)})."
    )
    return captions


def split_examples(
    fused: pathlib.Path, singles: list[pathlib.Path]
) -> tuple[list[str], list[str]]:
    """Ids that the fusion alone gets right, and that it alone gets wrong."""
    mine = baselines.correct(fused)
    others = [baselines.correct(workdir) for workdir in singles]
    right = [
        key for key in mine if mine[key] and not any(o[key] for o in others)
    ]
    wrong = [
        key for key in mine if not mine[key] and all(o[key] for o in others)
    ]
    return right, wrong


def _vectors(run: loading.Run) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Vectors of held-out samples by name, and their labels."""
    splits = split_inputs.prepare_inputs(
        run.config,
        run.manifest,
        run.models.extractor,
        set(run.models.classifier.input),
        only=train.held_out_split(run.manifest),
    )
    (split,) = splits.values()
    if isinstance(split, split_inputs.Streamed):
        raise ValueError(
            "The held-out samples do not fit --cache_gb, which drawing their "
            "vectors needs. Raise it."
        )
    found: dict[str, list[np.ndarray]] = {}
    labels = []
    for values, batch_labels, _ in split.in_order():
        towers = run.models.vectors.predict_on_batch(values)
        if "text_vectors" in values:
            for place, name in enumerate(("title", "description")):
                if name in run.config.towers:
                    raw = values["text_vectors"][:, place]
                    found.setdefault(f"{name}, encoder", []).append(raw)
        for name, value in towers.items():
            found.setdefault(name, []).append(np.asarray(value))
        labels.append(batch_labels)
    order = [name for name in found if "encoder" in name]
    order += [name for name in found if name not in order]
    return (
        {name: np.concatenate(found[name]) for name in order},
        np.concatenate(labels),
    )


def draw_vectors(
    groups: dict[str, np.ndarray],
    labels: np.ndarray,
    label_names: list[str],
) -> tuple[matplotlib.figure.Figure, dict[str, float]]:
    """t-SNE of several vectors of the same samples.

    Args:
        groups: Name to `(N, D)`.
        labels: `(N,)` int.
        label_names: By label.

    Returns:
        The figure, and each group's mean silhouette by class (Rousseeuw 1987,
        doi:10.1016/0377-0427(87)90125-7; 1 is apart, 0 mixed), euclidean, of
        the samples drawn.
    """
    import sklearn.manifold
    import sklearn.metrics

    classes = np.argsort(-np.bincount(labels), kind="stable")[:_MOST_CLASSES]
    rows = np.flatnonzero(np.isin(labels, classes))
    if len(rows) > _MOST_POINTS:
        rng = np.random.default_rng(_SEED)
        rows = np.sort(rng.choice(rows, _MOST_POINTS, replace=False))
    colours = matplotlib.colormaps["tab10"]
    columns = 2 if len(groups) in (2, 4) else 3
    lines = -(-len(groups) // columns)
    figure = matplotlib.figure.Figure(
        figsize=(4 * columns, 4 * lines + 0.6), layout="constrained"
    )
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    scores = {}
    for axes, (name, vectors) in zip(grid, groups.items(), strict=False):
        drawn = vectors[rows]
        scores[name] = float(
            sklearn.metrics.silhouette_score(drawn, labels[rows])
        )
        plane = sklearn.manifold.TSNE(
            init="pca",
            perplexity=min(30, (len(rows) - 1) / 3),
            random_state=_SEED,
        ).fit_transform(drawn)
        for place, value in enumerate(classes):
            mine = labels[rows] == value
            axes.scatter(
                *plane[mine].T,
                s=6,
                color=colours(place),
                label=label_names[value],
            )
        axes.set_title(f"{name} ({drawn.shape[1]}): {scores[name]:.3f}")
        axes.set_xticks([])
        axes.set_yticks([])
    for axes in grid[len(groups) :]:
        axes.set_axis_off()
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=2 * columns - 1,  # names of classes may be long
        markerscale=2.5,
    )
    return figure, scores


def _draw_examples(
    run: loading.Run,
    fused: pathlib.Path,
    singles: list[pathlib.Path],
    right: list[str],
    wrong: list[str],
) -> matplotlib.figure.Figure:
    chosen = right[:_NUM_EXAMPLES], wrong[:_NUM_EXAMPLES]
    rows = _read_rows(run, {*chosen[0], *chosen[1]})
    said = {"fused": run_files.read_predictions(fused)} | {
        loading.read_run(workdir)[0].modalities: run_files.read_predictions(
            workdir
        )
        for workdir in singles
    }
    figure = matplotlib.figure.Figure(
        figsize=(2.6 * _NUM_EXAMPLES, 9.6), layout="constrained"
    )
    # The empty line is room for long captions.
    heads = (
        f"Only the fusion is right: {len(right)} samples\n",
        f"Only the fusion is wrong: {len(wrong)} samples\n",
    )
    parts = figure.subfigures(2, 1, squeeze=False)[:, 0]
    for part, head, ids in zip(parts, heads, chosen, strict=True):
        part.suptitle(head, fontweight="bold")
        line = part.subplots(1, _NUM_EXAMPLES)
        for axes in line:
            axes.set_axis_off()
        for axes, key in zip(line, ids, strict=False):
            row = rows[key]
            pixels = tf.io.decode_image(row["image"], expand_animations=False)
            axes.imshow(pixels.numpy())
            text = " / ".join(
                value
                for name in ("title", "description")
                if (value := _short(row[name].decode()))
            )
            lines = [f"true: {said['fused'][key][0]}"]
            lines += [
                f"{name}: {found[key][1]}" for name, found in said.items()
            ]
            axes.set_title(
                "\n".join([_wrap(text), *lines]), fontsize=7, loc="left"
            )
    return figure


def _read_rows(run: loading.Run, ids: set[str]) -> dict[str, dict[str, Any]]:
    rows = {}
    for batch in reader.read_records(
        run.config.records,
        train.held_out_split(run.manifest),
        manifest=run.manifest,
    ).as_numpy_iterator():
        for place, key in enumerate(batch["id"]):
            if key.decode() in ids:
                rows[key.decode()] = {n: v[place] for n, v in batch.items()}
    return rows


def _short(text: str, most: int = 60) -> str:
    # A dollar would start mathematics in matplotlib.
    text = " ".join(text.split()).replace("$", r"\$")
    return text if len(text) <= most else text[: most - 1] + "…"


def _wrap(text: str, width: int = 34) -> str:
    return "\n".join(textwrap.wrap(text, width))


def _save(figure: matplotlib.figure.Figure, path: pathlib.Path) -> None:
    aside = path.with_name(path.name + ".writing")
    figure.savefig(aside, format="png", dpi=110)
    aside.replace(path)
