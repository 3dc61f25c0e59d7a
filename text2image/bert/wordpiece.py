"""What a WordPiece tokeniser does to a text, as its checkpoint states it."""

import dataclasses

# Steps of a normaliser, each named after the part of the tokenizers library
# that it follows; see `characters`.
CLEAN = "clean_text"
CHINESE = "handle_chinese_chars"
NFD = "NFD"
STRIP_NONSPACING = "strip_accents"
STRIP_MARKS = "StripAccents"
LOWERCASE = "Lowercase"


def bert_steps(
    *,
    lowercase: bool,
    strip_accents: bool | None = None,
    splits_chinese: bool = True,
    cleans: bool = True,
) -> tuple[str, ...]:
    """Returns the steps of BERT's own normaliser, in its order.

    Args:
        lowercase: Whether texts are lower-cased.
        strip_accents: Whether accents are stripped; None: as `lowercase`.
        splits_chinese: Whether each Chinese character is a word.
        cleans: Whether controls are deleted and blanks become spaces.
    """
    strips = lowercase if strip_accents is None else strip_accents
    chosen = (
        (cleans, (CLEAN,)),
        (splits_chinese, (CHINESE,)),
        (strips, (NFD, STRIP_NONSPACING)),
        (lowercase, (LOWERCASE,)),
    )
    return tuple(step for wanted, steps in chosen if wanted for step in steps)


@dataclasses.dataclass(frozen=True)
class AddedToken:
    """A token that is found in the text before it is split into words.

    Attributes:
        content: Its characters.
        id: Its id.
        single_word: Whether it is not found inside a word.
        lstrip: Whether it takes the blanks on its left with it.
        rstrip: The same on its right.
        normalized: Whether it is sought in the normalised text.
        special: Whether it is no part of a text, such as `[MASK]`.
    """

    content: str
    id: int
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False
    special: bool = False


@dataclasses.dataclass(frozen=True)
class SpecialTokens:
    """Names of the tokens that frame and fill a text.

    Attributes:
        pad: Token that fills up.
        unk: Token of an unknown word.
        cls: First token.
        sep: Last token.
        mask: Token of a masked word; the vocabulary may lack it.
    """

    pad: str = "[PAD]"
    unk: str = "[UNK]"
    cls: str = "[CLS]"
    sep: str = "[SEP]"
    mask: str = "[MASK]"


@dataclasses.dataclass(frozen=True)
class WordPiece:
    """A WordPiece tokeniser.

    Attributes:
        vocabulary: The model's tokens by id; an empty string where an id has
            no token.
        normalizer: Steps of the normaliser, in their order.
        prefix: What a token that continues a word begins with.
        max_characters: A longer word is unknown.
        added_tokens: Tokens that are found before a text is split into words;
            their ids may lie beyond `vocabulary`.
        special: Names of the special tokens.
        splits_digits: Whether each digit is a word.
        notes: What its files leave open and how it is read, a line each.
    """

    vocabulary: list[str]
    normalizer: tuple[str, ...]
    prefix: str = "##"
    max_characters: int = 100
    added_tokens: tuple[AddedToken, ...] = ()
    special: SpecialTokens = SpecialTokens()
    splits_digits: bool = False
    notes: tuple[str, ...] = dataclasses.field(default=(), compare=False)

    @property
    def lowercase(self) -> bool:
        """Whether texts are lower-cased."""
        return LOWERCASE in self.normalizer

    @property
    def num_ids(self) -> int:
        """One more than the largest id: rows that the embeddings must have."""
        ids = [token.id + 1 for token in self.added_tokens]
        return max([len(self.vocabulary), *ids])

    @property
    def mask_id(self) -> int:
        """Id of the mask token; of the unknown one where there is none."""
        try:
            return self.id_of(self.special.mask)
        except ValueError:
            return self.id_of(self.special.unk)

    def id_of(self, token: str) -> int:
        """Returns the id of a token.

        Raises:
            ValueError: If neither vocabulary nor added tokens have it.
        """
        for added in self.added_tokens:
            if added.content == token:
                return added.id
        if token and token in self.vocabulary:
            # The last one counts if a token is listed twice.
            backwards = self.vocabulary[::-1]
            return len(backwards) - 1 - backwards.index(token)
        raise ValueError(
            f"The vocabulary must have {token!r}. Received: "
            f"{len(self.vocabulary)} tokens without it, the first of them "
            f"{self.vocabulary[:5]}. Is it the vocabulary of this encoder?"
        )
