"""Opens prepared TFDS datasets by name or directory.

TFDS is imported where it is used: a corpus read from a file does not need it.
"""

import difflib
import os
import pathlib
import socket
import threading
import time
import urllib.parse
from collections.abc import Collection
from typing import Any

from text2image.corpora.columns import shown

_INFO = "dataset_info.json"
_FEATURES = "features.json"
_HUGGING_FACE = "huggingface:"
_MOST_NAMES = 10
_SECONDS_TO_CONNECT = 8.0


def is_tfds_directory(directory: pathlib.Path) -> bool:
    """Whether a directory is or holds a dataset that TFDS prepared.

    Hugging Face's `save_to_disk` writes a `dataset_info.json`, too, beside
    its `state.json` and Arrow files.
    """
    return bool(_prepared_in(directory))


def open_builder(dataset: str, data_dir: str | None, download: bool) -> Any:
    """Opens a prepared TFDS dataset.

    Args:
        dataset: A directory that is or holds one prepared dataset, or a TFDS
            name.
        data_dir: Directory of TFDS's datasets.
        download: Whether TFDS may fetch a dataset that is not prepared.

    Raises:
        FileNotFoundError: If it is not prepared and may not be fetched.
        ConnectionError: If none of the hosts to fetch it from can be reached.
        ValueError: If no such dataset exists, or the directory holds none or
            several, or a damaged one.
    """
    directory = pathlib.Path(dataset)
    if directory.is_dir():
        return _builder_of_directory(dataset, directory)
    builder = _builder_of_name(dataset, data_dir)
    if builder.data_path.exists():
        _check_features(builder.data_path)
    elif download:
        _require_network(dataset, builder)
        builder.download_and_prepare()
    else:
        raise FileNotFoundError(
            f"The TFDS dataset {dataset!r} is not prepared in "
            f"{builder.data_path}. Name its directory with --data_dir, or "
            "let TFDS fetch it with --download."
        )
    return builder


def _builder_of_directory(dataset: str, directory: pathlib.Path) -> Any:
    import tensorflow_datasets as tfds

    places = _prepared_in(directory)
    if len(places) != 1:
        names = [str(place) for place in places[:_MOST_NAMES]]
        more = len(places) - len(names)
        raise ValueError(
            f"--dataset={dataset} must be or hold one prepared TFDS "
            f"dataset. Found {_INFO} in: {', '.join(names) or 'no folder'}"
            + (f" and {more} more" if more else "")
            + ("; name one of them" if names else "")
        )
    (place,) = places
    _check_features(place)
    try:
        return tfds.builder_from_directory(place)
    except Exception as error:  # whatever a damaged file makes TFDS raise
        raise ValueError(
            f"{place / _INFO} or {_FEATURES} beside it is damaged "
            f"({_first_line(error)}). Prepare the dataset again, or copy both "
            "files again."
        ) from error


def _prepared_in(directory: pathlib.Path) -> list[pathlib.Path]:
    return sorted(
        info.parent
        for info in directory.rglob(_INFO)
        if not (info.parent / "state.json").exists()
        and not any(info.parent.glob("*.arrow"))
    )


def _check_features(place: Any) -> None:
    if not (place / _FEATURES).exists():
        raise ValueError(
            f"{place}: expected {_FEATURES} beside {_INFO}. Received: none. "
            "Prepare the dataset again with TFDS, or copy the file, too."
        )


def _builder_of_name(dataset: str, data_dir: str | None) -> Any:
    """Returns the builder of a TFDS name, prepared or not."""
    import tensorflow_datasets as tfds

    if dataset.startswith(_HUGGING_FACE):
        _refuse_hugging_face(dataset.removeprefix(_HUGGING_FACE))
    known = tfds.list_builders(with_community_datasets=False)
    name = dataset.split("/")[0].split(":")[0]
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)
    if name not in known and dataset.startswith((".", "~", os.sep)):
        raise FileNotFoundError(
            f"--dataset={dataset}: no such file or directory."
        )
    if name not in known and dataset.count("/") == 1 and not near:
        _refuse_hugging_face(dataset)
    try:
        return tfds.builder(dataset, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            "--dataset must be a file or directory that exists, or a TFDS "
            f"name. Received: {dataset!r}.{hint}"
        ) from error
    except Exception as error:  # also what a damaged data_dir raises
        raise ValueError(_why_not(dataset, name, error)) from error


def _why_not(dataset: str, name: str, error: Exception) -> str:
    """The error of a known dataset that cannot be opened."""
    import tensorflow_datasets as tfds

    config = dataset.partition("/")[2].split(":")[0].split("/")[0]
    configs = list(tfds.builder_cls(name).builder_configs)
    if config and config not in configs:
        near = difflib.get_close_matches(config, configs, n=1)
        hint = f" Did you mean {name}/{near[0]}?" if near else ""
        return (
            f"--dataset={dataset}: {name} has no config {config!r}.{hint} "
            f"Configs: {shown(configs) or 'none'}"
        )
    return f"--dataset={dataset} cannot be opened ({_first_line(error)})."


def _refuse_hugging_face(name: str) -> None:
    folder = name.rpartition("/")[2]
    raise ValueError(
        f"--dataset={name} is no file, directory or TFDS name. If it is a "
        "dataset of the Hugging Face Hub, fetch its files with `hf download "
        f"{name} --repo-type dataset --local-dir {folder}`, then use "
        f"--dataset={folder}."
    )


def _require_network(dataset: str, builder: Any) -> None:
    """Refuses to fetch without a network: TFDS would retry for minutes."""
    if any(key.lower().endswith("s_proxy") for key in os.environ):
        return  # the proxy resolves the hosts
    try:
        urls = list(builder.url_infos)
    except Exception:  # a dataset without recorded checksums
        urls = []
    hosts = {urllib.parse.urlsplit(url).hostname for url in urls}
    hosts.add("storage.googleapis.com")  # prepared copies
    tried = sorted(host for host in hosts if host)[:_MOST_NAMES]
    if not _can_reach_any(tried):
        raise ConnectionError(
            f"--dataset={dataset} is not prepared in {builder.data_path}, and "
            f"--download cannot reach {' or '.join(tried[:3])}. Name the "
            "directory of a prepared dataset with --data_dir or --dataset, or "
            "connect to the network."
        )


def _can_reach_any(hosts: Collection[str]) -> bool:
    """Whether one of the hosts takes a connection, within seconds."""
    is_reached = threading.Event()
    threads = [
        # Daemons: resolving a name has no timeout of its own.
        threading.Thread(target=_connect, args=(host, is_reached), daemon=True)
        for host in hosts
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _SECONDS_TO_CONNECT
    while time.monotonic() < deadline and not is_reached.is_set():
        if not any(thread.is_alive() for thread in threads):
            break
        is_reached.wait(0.1)
    return is_reached.is_set()


def _connect(host: str, is_reached: threading.Event) -> None:
    try:
        with socket.create_connection((host, 443), _SECONDS_TO_CONNECT):
            is_reached.set()
    except OSError:
        return


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
