"""A file of text: its beginning, its encoding, and its lines."""

import contextlib
import dataclasses
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from text2image.corpora import compression, encodings

SAMPLE_SIZE = 1 << 20  # bytes by which a file's format is guessed
_CHUNK_SIZE = 1 << 16
# The first line end outside quotes, if it is a carriage return alone.
_CR = re.compile(r'(?:[^"\r\n]|"[^"]*")*\r(?!\n)')
# What is saved in place of a file that was not fetched.
_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclasses.dataclass(frozen=True)
class TextFile:
    """An examined file of text.

    Attributes:
        path: The file.
        name: Its name in messages.
        encoding: Its encoding, as Python knows it.
        encoding_guess: How the encoding was guessed; `""` for UTF-8 or as
            asked.
        sample: Its first lines, line ends included; the last one is whole.
        is_cut: Whether the file goes on after the sample.
        end: Character at which lines end.
        is_surely_utf8: Whether the sample has characters that show it.
    """

    path: pathlib.Path
    name: str
    encoding: str
    encoding_guess: str
    sample: tuple[str, ...]
    is_cut: bool
    end: str
    is_surely_utf8: bool

    @contextlib.contextmanager
    def lines(
        self, start: int = 0, first: int = 1
    ) -> Iterator[encodings.Lines]:
        """Opens the file's lines.

        Args:
            start: Byte at which to begin, of a file that `may_be_cut`.
            first: Number of the line that begins there.
        """
        with compression.open_bytes(self.path) as stream:
            stream.seek(start)
            is_by_line = encodings.is_by_line(self.encoding, self.end)
            yield self._decoded(
                stream if is_by_line else _chunks(stream), first
            )

    @property
    def may_be_cut(self) -> bool:
        """Whether bytes can be read from the beginning of any line."""
        return (
            self.path.suffix.lower() not in compression.SUFFIXES
            and encodings.is_by_line(self.encoding, self.end)
        )

    @contextlib.contextmanager
    def chunks(self) -> Iterator[Iterator[str]]:
        """Opens the file's text, in pieces that need not end with a line."""
        with compression.open_bytes(self.path) as stream:
            yield self._decoded(_chunks(stream)).chunks()

    def _decoded(
        self, lines: Iterable[bytes], first: int = 1
    ) -> encodings.Lines:
        return encodings.Lines(
            self.name,
            lines,
            self.encoding,
            self.end,
            first=first,
            is_surely_utf8=self.is_surely_utf8,
        )


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.read(_CHUNK_SIZE), b"")


def examine(path: pathlib.Path, encoding: str) -> TextFile:
    """Reads the beginning of a file.

    Args:
        path: The file; it may be compressed.
        encoding: `--encoding`, or empty.

    Raises:
        ValueError: If it is a Git LFS pointer, a damaged archive, or in
            another encoding.
    """
    name = str(path)
    with compression.open_bytes(path) as stream:
        head = stream.read(SAMPLE_SIZE)
        is_cut = bool(stream.read(1))
    if head.startswith(_POINTER):
        raise ValueError(
            f"{name}: expected data. Received: a Git LFS pointer to it. Fetch "
            "the data with `git lfs pull`."
        )
    encoding, how = encodings.encoding_of(name, head, encoding)
    text = _decoded(head, encoding)
    end = "\n"
    if "\r" in text and ("\n" not in text or _CR.match(text)):
        end = "\r"
    sample = [line + end for line in text.split(end)]
    if (is_cut and len(sample) > 1) or sample[-1] == end:
        sample.pop()
    elif sample:
        sample[-1] = sample[-1].removesuffix(end)
    return TextFile(
        path,
        name,
        encoding,
        how,
        tuple(sample),
        is_cut,
        end,
        encoding == encodings.UTF8 and encodings.is_surely_utf8(head),
    )


def _decoded(head: bytes, encoding: str) -> str:
    if encoding == encodings.UTF8:
        return head.decode("utf-8-sig", errors="backslashreplace")
    return head.decode(encoding, errors="replace")
