"""Where an encoder is: a directory on this machine, or a preset's name."""

import difflib
import json
import pathlib
import socket
import urllib.parse

import huggingface_hub
import keras_hub
from absl import logging

from text2image import assets
from text2image.bert import headers, weight_files

MINI = "mini"
_HUB = "hf://"
_CACHED = "models--"  # how Hugging Face's cache names a repository
_GOOGLE_PREFIX = "bert_model.ckpt"
# What `load_checkpoint` reads; safetensors before torch's format.
_SMALL_FILES = ["*.json", "vocab.txt", "1_Pooling/*", "0_Transformer/*.json"]
_WEIGHTS = (["*.safetensors"], ["pytorch_model*.bin"])
_CONNECT_SECONDS = 5
_HOSTS = {"keras-hub": "www.kaggle.com"}


def locate(source: str) -> str:
    """Finds the directory of an encoder.

    Args:
        source: `mini`; a directory; `hf://OWNER/NAME`, which is fetched
            unless Hugging Face's cache has it; or the name of a keras-hub
            preset.

    Returns:
        The directory that holds the config, or the name of the preset.

    Raises:
        FileNotFoundError: If it is neither a directory nor a preset, or a
            file of the mini encoder is missing.
        ValueError: If a file of the mini encoder was altered.
        RuntimeError: If it cannot be fetched.
    """
    if source == MINI:
        return str(assets.mini_encoder())
    if source.startswith(_HUB):
        return str(_inner(_fetch(source.removeprefix(_HUB))))
    path = pathlib.Path(source).expanduser()
    if path.name == _GOOGLE_PREFIX and path.parent.is_dir():
        path = path.parent  # the prefix, as Google's own scripts take it
    if path.is_dir():
        return str(_inner(path))
    if "://" in source:
        return source  # keras-hub's own schemes
    if path.exists():
        raise FileNotFoundError(
            f"--encoder must be a directory. Received: {source!r}, a file. "
            f"Name its directory: --encoder={path.parent}"
        )
    presets = keras_hub.models.BertBackbone.presets
    if source in presets:
        return source
    raise FileNotFoundError(_unknown(source, list(presets)))


def check_connection(name: str, library: str) -> None:
    """Refuses to fetch without a network, in seconds instead of minutes.

    Args:
        name: What is to be fetched, for the message.
        library: Who fetches: a key of `_HOSTS`.

    Raises:
        RuntimeError: If the host cannot be reached.
    """
    _connect(name, _HOSTS[library])


def _unknown(source: str, presets: list[str]) -> str:
    message = (
        "--encoder must be a directory, mini, hf://OWNER/NAME or the name of "
        f"a keras-hub preset. Received: {source!r}, which "
    )
    message += "is not a directory" if "/" in source else "is none of them"
    if source.count("/") == 1 and not source.startswith((".", "~", "/")):
        return f"{message}. From Hugging Face: --encoder={_HUB}{source}"
    near = difflib.get_close_matches(source, presets, n=1)
    if near:
        message += f"; did you mean --encoder={near[0]}?"
    if "/" in source:
        return f"{message}."
    return f"{message}. From Hugging Face: --encoder={_HUB}OWNER/{source}"


def _inner(path: pathlib.Path) -> pathlib.Path:
    """The directory with the config: inside a cache or a sentence encoder."""
    if path.name.startswith(_CACHED) and (path / "snapshots").is_dir():
        path = _snapshot(path)
    modules = path / "modules.json"
    if not modules.is_file():
        return path
    found = path
    try:
        stated = json.loads(modules.read_text("utf-8-sig"))
    except ValueError as error:
        raise ValueError(
            f"{modules} must be JSON. Received: {error}. Fetch it again."
        ) from error
    for module in stated:
        kind = str(module.get("type", "")).rsplit(".", 1)[-1]
        inside = path / str(module.get("path", ""))
        if kind == "Transformer":
            found = inside
        elif kind == "Pooling" and (inside / "config.json").is_file():
            _log_pooling(inside / "config.json")
    return found if (found / "config.json").is_file() else path


def _log_pooling(file: pathlib.Path) -> None:
    config = headers.read_config(file)
    modes = [
        key.removeprefix("pooling_mode_")
        for key, value in config.items()
        if key.startswith("pooling_mode_") and value is True
    ]
    if modes and modes != ["cls_token"]:
        logging.info(
            "encoder: its sentence vectors are pooled by %s; stacks hold the "
            "vector of [CLS] in each layer",
            ", ".join(modes),
        )


def _snapshot(path: pathlib.Path) -> pathlib.Path:
    """The snapshot that a repository in Hugging Face's cache stands for."""
    main = path / "refs/main"
    snapshots = sorted(each for each in (path / "snapshots").iterdir())
    if main.is_file():
        named = path / "snapshots" / main.read_text("utf-8").strip()
        snapshots = [named] if named.is_dir() else snapshots
    if len(snapshots) != 1:
        raise FileNotFoundError(
            f"--encoder={path} must hold one snapshot, or name it in "
            f"refs/main. Received: {[str(each) for each in snapshots]}. Name "
            "one of them."
        )
    return snapshots[0]


def _fetch(repository: str) -> pathlib.Path:
    try:
        cached = pathlib.Path(
            huggingface_hub.snapshot_download(repository, local_files_only=True)
        )
        if weight_files.has_weights(cached) or _is_preset(cached):
            return cached
    except huggingface_hub.errors.LocalEntryNotFoundError:
        pass
    except huggingface_hub.errors.HFValidationError as error:
        raise ValueError(
            f"--encoder must be like {_HUB}google-bert/bert-base-uncased. "
            f"Received: {_HUB}{repository} ({error})"
        ) from error
    endpoint = huggingface_hub.constants.ENDPOINT
    _connect(
        _HUB + repository, urllib.parse.urlsplit(endpoint).hostname or endpoint
    )
    try:
        files = huggingface_hub.list_repo_files(repository)
        weights = next(
            (
                patterns
                for patterns in _WEIGHTS
                if any(pathlib.PurePath(f).match(patterns[0]) for f in files)
            ),
            ["*.weights.h5", "assets/*"],
        )
        return pathlib.Path(
            huggingface_hub.snapshot_download(
                repository, allow_patterns=[*_SMALL_FILES, *weights]
            )
        )
    except (OSError, huggingface_hub.errors.HfHubHTTPError) as error:
        raise RuntimeError(
            f"--encoder={_HUB}{repository} could not be fetched from "
            f"{endpoint} ({str(error).splitlines()[0]})."
        ) from error


def _is_preset(directory: pathlib.Path) -> bool:
    return (directory / "model.weights.h5").is_file()


def _connect(name: str, host: str) -> None:
    try:
        socket.create_connection((host, 443), _CONNECT_SECONDS).close()
    except OSError as error:
        raise RuntimeError(
            f"{name} is not on this machine and {host} cannot be reached "
            f"({error}). Without a network name a directory with "
            "--encoder=PATH, or take --encoder=mini, which comes with the "
            "package."
        ) from error
