"""Pictures with texts: every source gives the same, faults are named."""

import json

import pytest

from tests.support import multimodal_corpora as made
from text2image.corpora import captioned_images

EXPECTED = [
    (title, description, label)
    for _, title, description, label in made.rows(60)
]


def read(source):
    return [item for part in source.parts.values() for item in part()]


@pytest.mark.parametrize("write", [made.write_jsonl, made.write_csv])
def test_files_give_every_row_with_missing_texts_empty(tmp_path, write):
    found = read(captioned_images.open_samples(str(write(tmp_path))))
    assert [(s.title, s.description, s.label) for s in found] == EXPECTED
    assert [s.read_image() for s in found[:4]] == [
        made.jpeg(number) for number in range(4)
    ]
    assert len({s.id for s in found}) == 60


def test_webvision_pairs_pictures_with_their_metadata(tmp_path):
    source = captioned_images.open_samples(
        str(made.write_webvision(tmp_path / "wv"))
    )
    found = list(source.parts["train"]())
    assert {s.source for s in found} == {"google", "flickr"}
    by_number = {int(s.id.split("/")[-1][:-4]): s for s in found}
    for number, (title, description, label) in enumerate(EXPECTED):
        item = by_number[number]
        assert (item.title, item.description) == (title, description)
        assert item.label.split()[1] == f"{label},"
        assert item.read_image() == made.jpeg(number)
    validation = list(source.parts["validation"]())
    assert [s.read_image() for s in validation] == [
        made.jpeg(n) for n in range(6)
    ]
    assert source.label_names == tuple(
        f"n0000000{i} {name}, x" for i, name in enumerate(made.LABELS)
    )


def test_webvisions_metadata_may_stand_in_a_folder_of_their_own(tmp_path):
    root = made.write_webvision(tmp_path / "wv")
    expected = read(captioned_images.open_samples(str(root)))
    for source in ("google", "flickr"):
        aside = root / f"{source}_json"
        aside.mkdir()
        for path in (root / source).glob("*.json"):
            path.rename(aside / path.name)
    assert read(captioned_images.open_samples(str(root))) == expected


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("train_filelist_google.txt", "x.jpg\n", "path and a whole number"),
        ("train_filelist_google.txt", "x.jpg 3\n", "class 3, but"),
        ("train_meta_list_google.txt", "google/q0000.json 99\n", "15 entries"),
        ("train_meta_list_google.txt", "google/none.json 1\n", "is missing"),
        ("train_meta_list_google.txt", "", "as many lines"),
    ],
)
def test_a_faulty_line_of_webvision_is_named(tmp_path, file, change, message):
    root = made.write_webvision(tmp_path / "wv")
    path = root / "info" / file
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(change + "".join(lines[1:]), "utf-8")
    with pytest.raises((ValueError, OSError), match=message):
        read(captioned_images.open_samples(str(root)))


def test_a_list_without_its_metadata_is_refused(tmp_path):
    root = made.write_webvision(tmp_path / "wv")
    (root / "info/train_meta_list_flickr.txt").unlink()
    with pytest.raises(FileNotFoundError, match="train_meta_list_flickr"):
        captioned_images.open_samples(str(root))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image": "a.jpg"}, "--label_key"),
        ({"label": "a"}, "--image_key"),
        ({"image": 3, "label": "a"}, "`image` must be a string"),
        ({"image": "a", "label": 0.5}, "`label` must be"),
        ({"image": "a", "label": "a", "title": 3}, "title must be a string"),
        ({"image": "a", "label": "a", "title": "\ud800"}, "surrogate"),
    ],
)
def test_a_faulty_row_is_named(tmp_path, row, message):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=rf"a.jsonl, line 1.*{message}"):
        read(captioned_images.open_samples(str(path)))


def test_a_corpus_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        captioned_images.open_samples(str(tmp_path / "none.jsonl"))
