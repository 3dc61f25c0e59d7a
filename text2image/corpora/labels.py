"""Classes from labels: which look alike, which say that there is none."""

import re

# Characters that leave no mark: controls, and what Unicode calls "default
# ignorable" (DerivedCoreProperties.txt, 16.0), without the tags that tell
# flags apart.
_INVISIBLE = (
    "\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0100-\U000e01ef"
)
_VISIBLE = re.compile(f"[^\\s{_INVISIBLE}]")


def visible(text: str) -> bool:
    """Whether any character of a text leaves a mark."""
    return _VISIBLE.search(text) is not None
