"""Small corpora of images with texts, made by the tests themselves."""

import csv
import json
import pathlib

import numpy as np
import tensorflow as tf

from tfrecords import command_line, config, multimodal_config

TINY_BERT = pathlib.Path(__file__).parents[1] / "golden" / "tiny_bert"
WORDS = (("red", "warm"), ("green", "leaf"), ("blue", "sea"))
LABELS = ("rot", "grün", "blau")


def jpeg(number, size=(12, 10), fmt="jpeg"):
    """An image of class `number % 3`: the channel of that number is bright."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 90, (*size, 3), np.uint8)
    pixels[..., number % 3] += 150
    encode = {"jpeg": tf.io.encode_jpeg, "png": tf.io.encode_png}[fmt]
    return encode(pixels).numpy()


def rows(count, classes=3):
    """`(image name, title, description, label)`; one in eight lacks a title."""
    for number in range(count):
        kind = number % classes
        title, description = (f"{word} thing {number}" for word in WORDS[kind])
        yield (
            f"images/{number}.jpg",
            "" if number % 8 == 1 else title,
            "" if number % 8 in (1, 2) else description,
            LABELS[kind],
        )


def write_jsonl(root, count=60):
    """A .jsonl with images beside it; empty texts as "", null or absent."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    path = root / "made.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows(count)):
            name, title, description, label = row
            (root / name).write_bytes(jpeg(number))
            value = {"image": name, "label": label, "title": title or None}
            if description or number % 16 == 1:
                value["description"] = description
            file.write(json.dumps(value) + "\n")
    return path


def write_csv(root, count=60):
    """The same as .csv."""
    write_jsonl(root, count)
    path = root / "made.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "title", "description", "label"))
        writer.writerows(rows(count))
    return path


def write_webvision(root, count=60, validation=6):
    """WebVision's directories: two sources with two queries each."""
    info = root / "info"
    info.mkdir(parents=True)
    info.joinpath("synsets.txt").write_text(
        "".join(f"n0000000{i} {name}, x\n" for i, name in enumerate(LABELS)),
        "utf-8",
    )
    listed = {"google": [], "flickr": []}
    described = {"google": [], "flickr": []}
    entries = {}
    for number, (_, title, description, label) in enumerate(rows(count)):
        source = ("google", "flickr")[number % 2]
        query = f"q{number % 4:04d}"
        image = root / source / query / f"{number}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(jpeg(number))
        described_images = entries.setdefault((source, query), [])
        described_images.append({"title": title, "description": description})
        relative = image.relative_to(root).as_posix()
        listed[source].append(f"{relative} {LABELS.index(label)}\n")
        described[source].append(
            f"{source}/{query}.json {len(described_images)}\n"
        )
    for (source, query), value in entries.items():
        (root / source / f"{query}.json").write_text(json.dumps(value), "utf-8")
    for source in listed:
        for kind, lines in (("file", listed), ("meta_", described)):
            path = info / f"train_{kind}list_{source}.txt"
            path.write_text("".join(lines[source]), "utf-8")
    folder = root / "val_images_256"
    folder.mkdir()
    for number in range(validation):
        (folder / f"val{number:06d}.jpg").write_bytes(jpeg(number))
    info.joinpath("val_filelist.txt").write_text(
        "".join(f"val{n:06d}.jpg {n % 3}\n" for n in range(validation))
    )
    return root


def settings(dataset, records_dir, **changes):
    """Settings of records and of their images, for a build of a second."""
    values = {
        "dataset": str(dataset),
        "records_dir": str(records_dir),
        "encoder": str(TINY_BERT),
        "max_tokens": 32,
        "tokens_per_batch": 256,
        "examples_per_shard": 16,
        "held_out": 0.4,
    }
    values |= changes
    arguments = command_line.Arguments(values)
    return (
        arguments.settings(config.RecordsConfig),
        arguments.settings(multimodal_config.MultimodalConfig),
    )
