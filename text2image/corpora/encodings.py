"""Character encodings: from bytes to lines, and the likely one of a file."""

import codecs
import dataclasses
from collections.abc import Iterable, Iterator

from text2image.corpora import likely_encodings
from text2image.corpora.rows import NOT_DECODABLE, Fault

UTF8 = "utf-8"
# Byte-order mark to the encoding that skips it; UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# A file of which this share of lines is not UTF-8 is in another encoding.
_MOST_FAULTY_LINES = 0.05
_FEW_LINES = 3


@dataclasses.dataclass(frozen=True)
class Undecodable:
    """A byte that is not in the encoding: where, which, and its line."""

    line: int
    column: int
    byte: int
    content: bytes


def encoding_of(name: str, head: bytes, asked: str) -> tuple[str, str]:
    """Decides the encoding of a file.

    Args:
        name: Name of the file, for messages.
        head: First bytes of the file.
        asked: `--encoding`, or empty.

    Returns:
        The encoding, and how it was guessed; `""` for UTF-8 or as asked.

    Raises:
        ValueError: If there is no such encoding, the byte-order mark
            contradicts it, or the file is in another encoding than UTF-8.
    """
    if asked:
        encoding, marked = _known(asked), _marked(head)
        if marked and not encoding.startswith(marked):
            raise ValueError(
                f"{name}: --encoding={asked} contradicts the file's byte-order "
                f"mark, which says {marked}. Leave --encoding out."
            )
        return marked or encoding, ""
    found = unicode_of(head)
    if not found[0]:
        _check_utf8(name, head)
    return found[0] or UTF8, found[1]


def unicode_of(head: bytes) -> tuple[str, str]:
    """The form of Unicode that a byte-order mark or NUL bytes say.

    Args:
        head: First bytes of a file.

    Returns:
        The encoding, and which of the two says it; `""` where it goes without
        saying.
    """
    if marked := _marked(head):
        return marked, "" if marked == UTF8 else "by its byte-order mark"
    pairs = len(head) // 2
    zeros = [head[parity : 2 * pairs : 2].count(0) for parity in (0, 1)]
    # The other half of an ASCII character in UTF-16; but a text may have NULs.
    for encoding, most, least in (
        ("utf-16-le", zeros[1], zeros[0]),
        ("utf-16-be", zeros[0], zeros[1]),
    ):
        if most > 0.2 * pairs and least < most / 4:
            return encoding, "by its NUL bytes"
    return "", ""


class Lines:
    """Decoded lines of a file, line ends included.

    A line that cannot be decoded comes with escapes in place of its faulty
    bytes, and is noted for `fault`.
    """

    def __init__(
        self,
        name: str,
        lines: Iterable[bytes],
        encoding: str,
        end: str = "\n",
        *,
        first: int = 1,
        is_surely_utf8: bool = False,
    ) -> None:
        """Wraps a stream.

        Args:
            name: Name of the file, for messages.
            lines: Binary lines, or chunks where `is_by_line` is false.
            encoding: Character encoding.
            end: Character at which lines end.
            first: Number of the first line; only line 1 may have a mark.
            is_surely_utf8: Whether the file has characters that show that it
                is UTF-8; another encoding is no cure then.
        """
        self.undecodable: list[Undecodable] = []
        self._name = name
        self._lines = lines
        self._encoding = encoding
        self._end = end
        self._first = first
        self._is_surely_utf8 = is_surely_utf8

    def __iter__(self) -> Iterator[str]:
        """Yields the lines."""
        if is_by_line(self._encoding, self._end):
            return self._decoded_by_line()
        return self._decoded_by_chunk()

    def fault(self, content: str) -> Fault:
        """Fault of the row that was read last; forgets its faulty bytes.

        Args:
            content: The row, for `dropped.csv`.
        """
        first = self.undecodable[0]
        self.undecodable.clear()
        return Fault(
            f"{self._name}, line {first.line}",
            NOT_DECODABLE,
            self._message(first),
            content,
        )

    def chunks(self) -> Iterator[str]:
        """Yields the text in pieces, for `lines` that are chunks.

        Raises:
            ValueError: If it cannot be decoded; names line and cure.
        """
        decoder = codecs.getincrementaldecoder(_skipping_mark(self._encoding))()
        line = 1
        for chunk, is_last in _with_last(self._lines):
            try:
                text = decoder.decode(chunk, is_last)
            except UnicodeDecodeError as error:
                before = error.object[: error.start]
                start = before.rfind(b"\n") + 1
                end = error.object.find(b"\n", error.start)
                fault = Undecodable(
                    line + before.count(b"\n"),
                    error.start - start + 1,
                    error.object[error.start],
                    error.object[start : end if end >= 0 else None],
                )
                raise ValueError(self._message(fault)) from error
            line += text.count("\n")
            yield text

    def _decoded_by_line(self) -> Iterator[str]:
        encoding = self._encoding
        if self._first == 1:
            encoding = _skipping_mark(encoding)
        for number, line in enumerate(self._lines, start=self._first):
            try:
                yield line.decode(encoding)
            except UnicodeDecodeError as error:
                self.undecodable.append(_undecodable(number, line, error))
                yield line.decode(encoding, errors="backslashreplace")
            encoding = self._encoding

    def _decoded_by_chunk(self) -> Iterator[str]:
        rest = ""
        for text in self.chunks():
            *whole, rest = (rest + text).split(self._end)
            for line in whole:
                yield line + self._end
        if rest:
            yield rest

    def _message(self, fault: Undecodable) -> str:
        cure = "Repair the line, or name another --encoding."
        if self._is_surely_utf8:
            cure = (
                "The rest of the file is UTF-8: repair the line, or leave "
                "such rows out with --bad_rows=drop."
            )
        elif self._encoding == UTF8:
            cure = likely_encodings.cure_of(fault.content)
        return undecodable_message(self._name, fault, self._encoding, cure)


def is_surely_utf8(head: bytes) -> bool:
    """Whether some lines are UTF-8 and more than ASCII."""
    for line in head.splitlines()[:-1]:
        if not line.isascii():
            try:
                line.decode(UTF8)
            except UnicodeDecodeError:
                continue
            return True
    return False


def _skipping_mark(encoding: str) -> str:
    return "utf-8-sig" if encoding == UTF8 else encoding


def _undecodable(
    number: int, line: bytes, error: UnicodeDecodeError
) -> Undecodable:
    return Undecodable(number, error.start + 1, line[error.start], line)


def is_by_line(encoding: str, end: str) -> bool:
    """Whether bytes can be split into lines before they are decoded."""
    return end == "\n" and "\n".encode(encoding) == b"\n"


def _with_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for chunk in chunks:
        yield chunk, False
    yield b"", True


def _marked(head: bytes) -> str:
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


def _known(asked: str) -> str:
    """Python's name of an encoding of text."""
    try:
        found = codecs.lookup(asked)
        if not found._is_text_encoding:
            raise LookupError(f"{asked} is no character encoding")
    except (LookupError, ValueError) as error:
        raise ValueError(
            "--encoding must be a character encoding that Python knows, such "
            f"as utf-8, utf-16, cp1252 or gb18030. Received: {asked!r}"
        ) from error
    return UTF8 if found.name == "utf-8-sig" else found.name


def _check_utf8(name: str, head: bytes) -> None:
    """Refuses a file of which more than a few lines are not UTF-8."""
    lines = head.split(b"\n") if b"\n" in head else head.split(b"\r")
    lines = lines[:-1] or lines  # the last one may be cut
    faulty = []
    for number, line in enumerate(lines, start=1):
        try:
            line.decode(UTF8)
        except UnicodeDecodeError as error:
            faulty.append(_undecodable(number, line, error))
    is_other = len(faulty) > max(_FEW_LINES, _MOST_FAULTY_LINES * len(lines))
    if is_other and not is_surely_utf8(head):
        fault = faulty[0]
        raise ValueError(
            undecodable_message(
                name,
                fault,
                UTF8,
                likely_encodings.cure_of(
                    b"\n".join(fault.content for fault in faulty)
                ),
            )
        )


def undecodable_message(
    name: str, fault: Undecodable, encoding: str, cure: str
) -> str:
    """Error of a byte that is not in the encoding."""
    expected = "UTF-8" if encoding == UTF8 else encoding
    return (
        f"{name}, line {fault.line}: expected {expected}. Received: byte "
        f"0x{fault.byte:02x} at column {fault.column}. {cure}"
    )
