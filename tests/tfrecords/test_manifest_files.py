"""No manifest leads elsewhere, and none ends in a traceback."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import record_sets
from tfrecords import faults, manifest_files, reader, schema, shard_lists

COUNTS = {"train": (2, 2), "validation": (2,)}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    directory = tmp_path_factory.mktemp("large") / "cls/made-0/1.0.0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard_lists, "LIMIT", 2)
        record_sets.write_set(directory, record_sets.shards_of(COUNTS))
    return directory


def edit(directory, change):
    """Changes a manifest; without a checksum, as sets of 0.1.0 have none."""
    (directory / manifest_files.CHECKSUM).unlink(missing_ok=True)
    path = directory / schema.MANIFEST
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), "utf-8")


NAMES = [
    "",
    ".",
    "..",
    "../spam",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:\\spam",
    "a\0b",
    "x" * 256,
    "\ud800",
    7,
    None,
    ["a"],
]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        *(("shard", name) for name in NAMES),
        *(("file", name) for name in NAMES if isinstance(name, str)),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(directory, place, name):
    def change(manifest):
        if place == "shard":
            manifest["splits"]["train"][1]["file"] = name
        else:
            manifest["files"][name] = "0" * 64

    edit(directory, change)
    with pytest.raises(ValueError, match=r"manifest\.json is not") as caught:
        reader.open_records(directory)
    assert "Delete the directory" in str(caught.value)
    assert faults.find_faults(directory) == [str(caught.value)]


def at(*place, value):
    """Returns what puts a value at a place of a manifest."""

    def change(manifest):
        for name in place[:-1]:
            manifest = manifest[name]
        manifest[place[-1]] = value

    return change


REFUSED = {
    "unknown kind": (at("schema", "kind", value="spam"), "kind must be one of"),
    "kind of a wrong type": (at("schema", "kind", value=[]), "kind must"),
    "empty shape": (at("schema", "shape", value=[]), "shape must"),
    "zero": (at("schema", "shape", value=[2, 0]), "shape must be positive"),
    "negative": (at("schema", "shape", value=[-2, 3]), "shape must be"),
    "a fraction": (at("schema", "shape", value=[2.0, 3]), "shape must be"),
    "huge": (at("schema", "shape", value=[1 << 40, 3]), "less than 2 GB"),
    "array is the id": (at("schema", "array", value="id"), "array must be"),
    "no classes": (at("schema", "label_names", value=[]), "at least one"),
    "classes": (at("schema", "label_names", value=[1, 2]), "label_names must"),
    "schema": (at("schema", "spam", value=1), "without other keys"),
    "true": (at("format_version", value=True), "format_version must"),
    "digest": (at("files", "features.json", value="00"), "sha256 must"),
    "count": (
        at("splits", "train", 0, "num_examples", value=True),
        "num_examples must",
    ),
    "size": (
        at("splits", "train", 0, "num_bytes", value=1 << 80),
        "num_bytes must",
    ),
    "name of a split": (at("splits", "../x", value=[]), "splits must be"),
    "provenance": (at("provenance", value=[]), "provenance must be dict"),
    "empty split": (at("splits", "test", value=[]), "split test is empty"),
    "no splits": (at("splits", value={}), "there are no splits"),
    "fingerprint": (at("fingerprint", value="0" * 12), "does not match the"),
    "what it depends on": (at("provenance", "seed", value=9), "does not match"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_set_has_is_refused_with_path_and_cure(directory, name):
    change, cause = REFUSED[name]
    edit(directory, change)
    with pytest.raises(ValueError, match=cause) as caught:
        reader.open_records(directory)
    assert str(directory) in str(caught.value)
    assert "Delete the directory" in str(caught.value)
    assert any(cause in fault for fault in faults.find_faults(directory))


def test_a_flipped_bit_anywhere_in_the_manifest_is_named(directory):
    path = directory / schema.MANIFEST
    content = path.read_bytes()
    reader.open_records(directory)
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"manifest\.json"):
            reader.open_records(directory)
    path.write_bytes(content)
    reader.open_records(directory)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"spam",
        lambda content: b"\xff" * 64,
        lambda content: content * 2,
        lambda content: content.replace(b"json", b"jsoo"),
    ],
)
def test_a_damaged_checksum_is_named(directory, damage):
    path = directory / manifest_files.CHECKSUM
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"manifest\.sha256"):
        reader.open_records(directory)


def test_a_set_without_a_checksum_is_read(directory):
    (directory / manifest_files.CHECKSUM).unlink()
    reader.open_records(directory)
    assert faults.find_faults(directory) == []


@pytest.mark.parametrize("text", ["[" * 10**5, "1" * 10**5, '{"a": NaN}'])
def test_json_that_python_cannot_read_is_refused(directory, text):
    (directory / schema.MANIFEST).write_text(text)
    with pytest.raises(ValueError, match="Delete the directory"):
        reader.open_records(directory)


def refusal_of(directory):
    """What a set is refused with; any other error is a failure."""
    try:
        reader.open_records(directory)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["train", "../x", "cls", "image", "0" * 64]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("kind", ["pristine", "large"])
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_change_is_read_or_refused_with_path_and_cure(request, kind, data):
    directory = request.getfixturevalue(kind)
    (directory / manifest_files.CHECKSUM).unlink(missing_ok=True)
    path = directory / schema.MANIFEST
    text = path.read_text("utf-8")
    value = json.loads(text)
    node, keys = value, []
    while isinstance(node, (dict, list)) and node:
        names = list(node) if isinstance(node, dict) else range(len(node))
        keys.append((node, data.draw(st.sampled_from(names))))
        node = node[keys[-1][1]]
        if data.draw(st.integers(0, 3)) == 0:
            break
    parent, key = keys[-1]
    if data.draw(st.booleans()):
        parent[key] = data.draw(JSON)
    else:
        del parent[key]
    try:
        path.write_text(json.dumps(value), "utf-8")
        refusal = refusal_of(directory)
    finally:
        path.write_text(text, "utf-8")
    # None: a change of the details.
    if refusal is not None:
        assert str(directory) in refusal
        assert "elete the directory" in refusal
