"""Measures every slice; each slice's results are a file, and not repeated."""

import dataclasses
import hashlib
import io
import json
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tqdm

from tfrecords import files
from tfrecords.settings import fingerprint
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.shift import cka, comparison, probes
from trainers.shift.comparison import Row
from trainers.shift.options import FITTED, ShiftOptions
from trainers.shift.samples import GREY, NATURAL, OTHERS, Samples, plan_of
from trainers.weights import load

# Domains of `Results.grams`.
TEXT = "text"
PIXELS = "pixels"
# Images whose maps are kept for CKA: half a gigabyte of the largest maps.
_MOST_KEPT = 512


@dataclasses.dataclass(frozen=True)
class Results:
    """What was measured of all slices.

    Attributes:
        tables: `shifts`, `batch_norms`, `rectifiers` and `maps` to their
            rows; see `comparison`.
        grams: `natural` or `text` to backbone, or `pixels`, to the Gram
            matrix of the feature maps, `(n, n)`, of the same n images.
    """

    tables: Mapping[str, list[Row]]
    grams: Mapping[str, Mapping[str, np.ndarray]]


def measure(
    options: ShiftOptions, samples: Samples, workdir: pathlib.Path
) -> Results:
    """Measures the slices that were not measured before.

    Args:
        options: Settings.
        samples: Images.
        workdir: Gets `slices/BACKBONE-FINGERPRINT.npz` for each slice.

    Raises:
        ValueError: If weights or images cannot be used.
    """
    folder = workdir / "slices"
    files.make_directory(folder, "workdir")
    tables: dict[str, list[Row]] = {}
    grams: dict[str, dict[str, np.ndarray]] = _pixel_grams(samples)
    for name, weights in options.weights_of.items():
        keras.backend.clear_session()
        backbone = backbones.get_backbone(name)
        slice_ = build_slice(backbone)
        load.load_weights(slice_, backbone, weights, seed=options.seed)
        key = _key(options, samples, slice_, name)
        path = folder / f"{name}-{key}.npz"
        if not path.is_file():
            _write(path, *_measure_slice(options, samples, slice_, backbone))
        own_tables, own_grams = _read(path)
        for table, rows in own_tables.items():
            tables.setdefault(table, []).extend(rows)
        for domain, gram in own_grams.items():
            grams[domain][name] = gram
    return Results(tables, grams)


def _key(
    options: ShiftOptions,
    samples: Samples,
    slice_: keras.Model,
    backbone: str,
) -> str:
    """Names what the results of a slice depend on."""
    digest = hashlib.sha256()
    for weight in slice_.weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    settings = dataclasses.asdict(options)
    for name in ("images", "workdir", "backbones", "weights", "weights_for"):
        del settings[name]
    return fingerprint(
        {
            **settings,
            "variants": options.all_variants,
            "natural": samples.natural.sha256,
            "natural_normalizations": [
                options.natural_of(backbone, each)
                for each in options.normalizations
            ],
            "texts": dict(samples.texts.fingerprints),
            "weights": digest.hexdigest(),
        }
    )


def _measure_slice(
    options: ShiftOptions,
    samples: Samples,
    slice_: keras.Model,
    backbone: backbones.Backbone,
) -> tuple[dict[str, list[Row]], dict[str, np.ndarray]]:
    """Runs all images through a slice; returns its tables and Gram matrices."""
    placed = probes.place(slice_, backbone)
    plan = list(plan_of(options, samples, backbone))
    tables: dict[str, list[Row]] = {
        name: [] for name in ("shifts", "batch_norms", "rectifiers", "maps")
    }
    grams: dict[str, np.ndarray] = {}
    natural: dict[str, probes.Reading] = {}
    natural_of = {
        each: options.natural_of(backbone.name, each)
        for each in options.normalizations
    }
    with tqdm.tqdm(
        total=len(plan) * options.sample, unit="image", desc=backbone.name
    ) as progress:
        for seen, front, batches in plan:
            is_text = seen.images not in (NATURAL, OTHERS, GREY)
            domain = {NATURAL: NATURAL, FITTED: TEXT}.get(seen.images)
            wanted = options.shown if is_text else natural_of[options.shown]
            keeps = domain is not None and seen.normalization == wanted
            reading = probes.read(
                placed,
                front,
                batches(),
                num_kept=_MOST_KEPT if keeps else 0,
                report=progress.update,
            )
            if keeps and domain:
                grams[domain] = cka.gram(reading.maps)
                reading = dataclasses.replace(reading, maps=np.zeros((0, 0)))
            if seen.images == NATURAL:
                natural[seen.normalization] = reading
            else:
                mode = seen.normalization
                reference = natural[natural_of[mode] if is_text else mode]
                tables["shifts"] += comparison.shifts(
                    seen,
                    placed,
                    reading,
                    reference,
                    options.permutations,
                    options.seed,
                )
            tables["batch_norms"] += comparison.norm_shifts(
                seen, placed, reading
            )
            tables["rectifiers"] += comparison.dead_rectifiers(
                seen, placed, reading
            )
            tables["maps"].append(comparison.repeated_maps(seen, reading))
    return tables, grams


def _pixel_grams(samples: Samples) -> dict[str, dict[str, np.ndarray]]:
    """Gram matrices of the images themselves, as large as the texts'."""
    texts = samples.texts.images[FITTED]
    count = len(texts)
    natural = samples.natural[:count].batches(
        texts.shape[1], texts.shape[2], count
    )
    domains = {NATURAL: next(natural), TEXT: texts}
    return {
        domain: {
            PIXELS: cka.gram(
                images[:_MOST_KEPT].reshape(min(count, _MOST_KEPT), -1)
            )
        }
        for domain, images in domains.items()
    }


def _write(
    path: pathlib.Path,
    tables: Mapping[str, list[Row]],
    grams: Mapping[str, np.ndarray],
) -> None:
    content = io.BytesIO()
    text = np.array(json.dumps(tables))
    np.savez(content, tables=text, **grams)  # type: ignore[arg-type]
    files.write_bytes(path, content.getvalue())


def _read(
    path: pathlib.Path,
) -> tuple[dict[str, list[Row]], dict[str, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = dict(file)
        return json.loads(str(arrays.pop("tables"))), arrays
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is damaged ({error}). Delete it and run the same command "
            "again."
        ) from error
