"""A reader of JSON that holds one value in memory at a time."""

import json
import re
from collections.abc import Iterator
from typing import Any

_CHUNK_SIZE = 1 << 16
_BLANK = re.compile(r"[ \t\r\n]*")


class JsonStream:
    """A position in a JSON text that is decoded piece by piece.

    Attributes:
        line: Line of the position, from 1.
    """

    def __init__(self, name: str, chunks: Iterator[str]) -> None:
        """Begins at the start of the text.

        Args:
            name: Name of the file, for messages.
            chunks: Its text in pieces.
        """
        self.line = 1
        self._name = name
        self._chunks = chunks
        self._buffer = ""
        self._at = 0
        self._decode = json.JSONDecoder().raw_decode

    def peek(self) -> str:
        """The next character that is not blank; `""` at the end."""
        while True:
            blank = _BLANK.match(self._buffer, self._at)
            assert blank  # it matches nothing, too
            self._advance(blank.end())
            if self._at < len(self._buffer) or not self._fill():
                return self._buffer[self._at : self._at + 1]

    def take(self, expected: str) -> str:
        """Steps over the next character, one of `expected`.

        Raises:
            ValueError: If it is another one.
        """
        character = self.peek()
        if not character or character not in expected:
            raise self.error(f"expected one of {expected}", character)
        self._advance(self._at + 1)
        return character

    def value(self) -> Any:
        """Decodes the next value.

        Raises:
            ValueError: If it is faulty; names file and line.
        """
        self.peek()
        size = _CHUNK_SIZE
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
                # A number at the end may go on.
                if end < len(self._buffer) or not self._fill():
                    self._advance(end)
                    return value
            except (json.JSONDecodeError, RecursionError) as error:
                if not self._fill(size):
                    raise self._faulty(error) from error
            size *= 2  # so that a long value is not decoded too often

    def items(self) -> Iterator[tuple[int, Any]]:
        """Yields the values of the array that begins here, with their lines.

        Raises:
            ValueError: If the array is faulty, also by a comma at its end.
        """
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            if self.peek() == "]":
                raise self.error("expected a value after the comma", "]")
            line = self.line
            yield line, self.value()
            if self.take(",]") == "]":
                return

    def error(self, message: str, received: str) -> ValueError:
        """The error of the present position."""
        return ValueError(
            f"{self._name}, line {self.line}: {message}. Received: "
            f"{received or 'the end of the file'!r}. Repair the JSON."
        )

    def _faulty(self, error: Exception) -> ValueError:
        line = self.line
        if isinstance(error, json.JSONDecodeError):
            line += self._buffer.count("\n", self._at, error.pos)
            error = ValueError(error.msg)
        return ValueError(
            f"{self._name}, line {line}: not valid JSON ({error})."
        )

    def _advance(self, to: int) -> None:
        self.line += self._buffer.count("\n", self._at, to)
        self._at = to

    def _fill(self, size: int = _CHUNK_SIZE) -> bool:
        """Appends `size` characters or more; whether there were any."""
        pieces = [self._buffer[self._at :]]
        added = 0
        while added < size and (piece := next(self._chunks, None)) is not None:
            pieces.append(piece)
            added += len(piece)
        self._buffer, self._at = "".join(pieces), 0
        return added > 0
