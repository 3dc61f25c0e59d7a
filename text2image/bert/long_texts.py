"""What an encoder sees of a text that is longer than it takes.

`cut`: the start. `head_tail`: the start and the end, in the shares that Sun et
al. 2019, arXiv 1905.05583, section 5.3.1, found best: 128 and 382 of the 510
tokens between `[CLS]` and `[SEP]`.
"""

import dataclasses

HEAD, ROOM = 128, 510


@dataclasses.dataclass(frozen=True)
class LongTexts:
    """How long texts are read.

    Attributes:
        kind: One of `options.LONG_TEXTS`.
        max_tokens: Most tokens that the encoder sees at once, `[CLS]` and
            `[SEP]` included.
    """

    kind: str = "cut"
    max_tokens: int = 512

    def gap(self, num_ids: int) -> int | None:
        """Returns where tokens may be missing inside a text.

        Args:
            num_ids: Ids of the text, `[CLS]` and `[SEP]` included.

        Returns:
            The number of tokens after `[CLS]` before the gap; `None` if the
            ids have none.
        """
        if self.kind != "head_tail" or num_ids < self.max_tokens:
            return None
        return (self.max_tokens - 2) * HEAD // ROOM
