"""The likely encoding of bytes that are not UTF-8, for an error's cure."""

# What files are in that are not in Unicode, by how their bytes above 127 lie:
# one by one among ASCII letters, or in runs.
_WESTERN = ("cp1252", "cp1250", "cp1254", "cp1257", "cp850", "mac_roman")
_OTHERS = (
    *("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp874"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1252", "cp1250"),
)
# Differences of charset-normalizer's measures that short texts have by chance.
_LITTLE_CHAOS = 0.02
_LITTLE_COHERENCE = 0.05


def _likely(content: bytes) -> list[str]:
    """Encodings that bytes which are not UTF-8 may be in, likely ones first.

    Args:
        content: Some of the file's text; only lines that are not ASCII count.
    """
    import charset_normalizer  # slow to import, and only errors need it

    lines = [line for line in content.splitlines() if not line.isascii()]
    content = b"\n".join(lines)[: 1 << 16]
    high = [byte > 127 for byte in b" " + content + b" "]
    alone = sum(
        here and not before and not after
        for before, here, after in zip(high, high[1:], high[2:], strict=False)
    )
    candidates = _WESTERN if 2 * alone > sum(high) else _OTHERS
    found = charset_normalizer.from_bytes(
        content, cp_isolation=list(candidates), enable_fallback=False
    )
    best = found.best()
    if best is None:
        return []
    alike = [
        encoding
        for match in found
        if match.chaos <= best.chaos + _LITTLE_CHAOS
        and match.coherence >= best.coherence - _LITTLE_COHERENCE
        for encoding in match.could_be_from_charset
        if encoding in candidates
    ]
    # Short texts do not tell the Western ones apart: the frequent one first.
    return (
        sorted(alike, key=candidates.index) if candidates is _WESTERN else alike
    )


def cure_of(content: bytes) -> str:
    """Sentence that says which `--encoding` reads `content`.

    Args:
        content: Lines that are not UTF-8.
    """
    encodings = _likely(content)
    if not encodings:
        return "Name its encoding with --encoding."
    line = next(line for line in content.splitlines() if not line.isascii())
    first = next(i for i, byte in enumerate(line) if byte > 127)
    text = line.decode(encodings[0], errors="replace")
    near = text[max(first - 20, 0) : first + 20].strip() or text[:40]
    others = "".join(f", --encoding={name}" for name in encodings[1:3])
    return (
        f"It looks like {encodings[0]}, which reads {near!r}: add "
        f"--encoding={encodings[0]}, or if that reads wrong, another"
        f"{others and ' such as' + others[1:]}."
    )
