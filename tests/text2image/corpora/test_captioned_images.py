"""Images with texts: every source gives the same; faulty rows are named."""

import gzip
import json

import pyarrow.parquet
import pytest

from tests.support import multimodal_corpora
from text2image.corpora import examples, image_fields
from text2image.corpora.captioned_images import Keys, open_captioned_images
from text2image.corpora.rows import Reading

EXPECTED = [
    (title, description, label)
    for _, title, description, label in multimodal_corpora.rows(60)
]


def read(source):
    return [
        examples.usable(item)
        for part in source.parts.values()
        for item in part()
    ]


@pytest.mark.parametrize(
    "write", [multimodal_corpora.write_jsonl, multimodal_corpora.write_csv]
)
def test_files_give_every_row_with_missing_texts_empty(tmp_path, write):
    images = read(open_captioned_images(str(write(tmp_path))))
    assert [
        (image.title, image.description, image.label) for image in images
    ] == EXPECTED
    assert [image.read_image() for image in images[:4]] == [
        multimodal_corpora.jpeg(number) for number in range(4)
    ]
    assert len({image.id for image in images}) == 60


def described(source):
    return [
        (item.title, item.description, item.label, item.read_image())
        for item in read(source)
    ]


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding", "reading"),
    [
        ("made.csv.gz", ",", "utf-8", {}),
        ("MADE.CSV", ";", "utf-8", {}),
        ("made.tsv", "\t", "cp1252", {"encoding": "cp1252"}),
        ("made.csv", "~", "utf-8", {"delimiter": "~"}),
    ],
)
def test_a_file_is_read_as_its_flags_or_its_lines_say(
    tmp_path, name, delimiter, encoding, reading
):
    expected = described(
        open_captioned_images(str(multimodal_corpora.write_csv(tmp_path)))
    )
    lines = [("image", "title", "description", "label")]
    lines += multimodal_corpora.rows(60)
    content = "\n".join(map(delimiter.join, lines)).encode(encoding)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if ".gz" in name else content)
    keys = Keys(reading=Reading(**reading))
    assert described(open_captioned_images(str(path), keys=keys)) == expected


def test_a_file_without_a_header_has_the_columns_that_are_named(tmp_path):
    path = multimodal_corpora.write_csv(tmp_path)
    expected = described(open_captioned_images(str(path)))
    _, rest = path.read_text("utf-8").split("\n", 1)
    path.write_text(rest, "utf-8")
    keys = Keys(reading=Reading(columns="image,title,description,label"))
    assert described(open_captioned_images(str(path), keys=keys)) == expected


def test_parquet_holds_images_as_hugging_face_writes_them(tmp_path):
    """An Image column is bytes and path; a ClassLabel, a number."""
    names = list(multimodal_corpora.LABELS)
    samples = [
        {
            "image": {"bytes": multimodal_corpora.jpeg(number), "path": None},
            "title": title or None,
            "description": description,
            "label": names.index(label),
        }
        for number, (_, title, description, label) in enumerate(
            multimodal_corpora.rows(60)
        )
    ]
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    table = pyarrow.Table.from_pylist(samples).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    path = tmp_path / "made.parquet"
    pyarrow.parquet.write_table(table, path)
    source = open_captioned_images(str(path))
    assert source.label_names == tuple(names)
    assert described(source) == [
        (*row, multimodal_corpora.jpeg(number))
        for number, row in enumerate(EXPECTED)
    ]


@pytest.mark.parametrize(
    "flag", [{"encoding": "cp1252"}, {"delimiter": ";"}, {"columns": "a,b"}]
)
def test_flags_of_files_are_refused_for_directories(tmp_path, flag):
    root = multimodal_corpora.write_webvision(tmp_path / "wv")
    (name,) = flag
    with pytest.raises(ValueError, match=f"--{name} has no use for"):
        open_captioned_images(str(root), keys=Keys(reading=Reading(**flag)))


def test_webvision_pairs_images_with_their_metadata(tmp_path):
    source = open_captioned_images(
        str(multimodal_corpora.write_webvision(tmp_path / "wv"))
    )
    images = list(source.parts["train"]())
    assert {image.source for image in images} == {"google", "flickr"}
    by_number = {int(image.id.split("/")[-1][:-4]): image for image in images}
    for number, (title, description, label) in enumerate(EXPECTED):
        item = by_number[number]
        assert (item.title, item.description) == (title, description)
        assert item.label.split()[1] == f"{label},"
        assert item.read_image() == multimodal_corpora.jpeg(number)
    validation = list(source.parts["validation"]())
    assert [image.read_image() for image in validation] == [
        multimodal_corpora.jpeg(n) for n in range(6)
    ]
    assert source.label_names == tuple(
        f"n0000000{i} {name}, x"
        for i, name in enumerate(multimodal_corpora.LABELS)
    )


def test_webvisions_metadata_may_be_in_separate_folders(tmp_path):
    root = multimodal_corpora.write_webvision(tmp_path / "wv")
    expected = read(open_captioned_images(str(root)))
    for source in ("google", "flickr"):
        separate = root / f"{source}_json"
        separate.mkdir()
        for path in (root / source).glob("*.json"):
            path.rename(separate / path.name)
    assert read(open_captioned_images(str(root))) == expected


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("train_filelist_google.txt", "x.jpg\n", "path and a whole number"),
        ("train_filelist_google.txt", "x.jpg 3\n", "class 3, but"),
        ("train_meta_list_google.txt", "google/q0000.json 99\n", "15 entries"),
        ("train_meta_list_google.txt", "google/none.json 1\n", "is missing"),
        ("train_meta_list_google.txt", "", "same number of lines"),
    ],
)
def test_a_faulty_line_of_webvision_is_named(tmp_path, file, change, message):
    root = multimodal_corpora.write_webvision(tmp_path / "wv")
    path = root / "info" / file
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(change + "".join(lines[1:]), "utf-8")
    with pytest.raises((ValueError, OSError), match=message):
        read(open_captioned_images(str(root)))


def test_a_list_without_its_metadata_is_refused(tmp_path):
    root = multimodal_corpora.write_webvision(tmp_path / "wv")
    (root / "info/train_meta_list_flickr.txt").unlink()
    with pytest.raises(FileNotFoundError, match="train_meta_list_flickr"):
        open_captioned_images(str(root))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image": "a.jpg"}, "--label_key"),
        ({"image": "a", "label": 0.5}, "must be a class"),
        ({"image": "a", "label": "a", "title": [3]}, "title must be a string"),
        ({"image": "a", "label": "a", "title": "\ud800"}, "surrogate"),
    ],
)
def test_a_faulty_row_is_named(tmp_path, row, message):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=rf"a.jsonl, line 1.*{message}"):
        read(open_captioned_images(str(path)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "no 'image' among .*--image_key"),
        ({"image": None}, "the sample has no image"),
        ({"image": ""}, "the sample has no image"),
        ({"image": " "}, "the sample has no image"),
        ({"image": float("nan")}, "the sample has no image"),
        ({"image": 3}, "must be a path. Received: int"),
        ({"image": ["a.jpg"]}, "must be a path. Received: list"),
        ({"image": "https://x.org/a.jpg"}, "must be a file.*Download it"),
        ({"image": "data:image/png;base64," + "A" * 999}, "must be a file"),
        ({"image": "."}, "cannot be read"),
        ({"image": "A" * 5000}, "cannot be read"),
        ({"image": "a\0b"}, "cannot be read"),
        ({"image": "none.jpg"}, "none.jpg"),
    ],
)
def test_a_row_without_an_image_is_read_until_its_image_is(
    tmp_path, row, message
):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row | {"label": "a"}) + "\n")
    (image,) = read(open_captioned_images(str(path)))
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        image.read_image()
    assert len(str(error.value)) < 300


def test_numbers_are_texts_and_nan_is_none(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"image": "a", "label": 1, "title": 501, "description": NaN}\n'
        '{"image": "a", "label": 0, "title": 2.5, "description": null}\n'
    )
    images = read(open_captioned_images(str(path)))
    assert [(i.title, i.description, i.label) for i in images] == [
        ("501", "", "1"),
        ("2.5", "", "0"),
    ]


def test_columns_may_have_blanks_and_capitals(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Image, Title ,label\nb.jpg,red,a\n")
    (tmp_path / "b.jpg").write_bytes(b"content")
    (image,) = read(open_captioned_images(str(path)))
    assert (image.title, image.read_image()) == ("red", b"content")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"title": "headline"}, "no 'headline' among .*--title_key"),
        ({"description": "text"}, "no 'text' among .*--description_key"),
    ],
)
@pytest.mark.parametrize(
    "write", [multimodal_corpora.write_csv, multimodal_corpora.write_jsonl]
)
def test_a_text_that_is_asked_for_must_exist(tmp_path, write, keys, message):
    path = write(tmp_path)
    with pytest.raises(ValueError, match=message):
        read(open_captioned_images(str(path), keys=Keys(**keys)))


def test_of_objects_one_must_have_a_text_that_is_asked_for(tmp_path):
    path = tmp_path / "a.jsonl"
    objects = ({"image": "a.jpg"}, {"image": "b.jpg", "Headline": "red"})
    path.write_text("\n".join(json.dumps({**o, "label": 1}) for o in objects))
    keys = Keys(title="headline")
    images = read(open_captioned_images(str(path), keys=keys))
    assert [image.title for image in images] == ["", "red"]


def test_hugging_faces_image_feature_is_its_bytes(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"file")
    for value, expected in (
        ({"bytes": b"inside", "path": "a.jpg"}, b"inside"),
        ({"bytes": None, "path": "a.jpg"}, b"file"),
        (b"alone", b"alone"),
    ):
        assert image_fields.image_reader(tmp_path, value)() == expected


def test_a_missing_corpus_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        open_captioned_images(str(tmp_path / "none.jsonl"))
