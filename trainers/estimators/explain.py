"""Why texts get their labels, in one call."""

import pathlib
from collections.abc import Iterable

from text2image.python_errors import in_python_terms
from text2image.text_lists import check_texts
from trainers.explanations.explainer import load_explainer
from trainers.explanations.explanation import Explanation


@in_python_terms()
def explain(
    workdir: pathlib.Path | str,
    texts: Iterable[str],
    *,
    label: str | None = None,
    method: str = "gradients",
    encoder: str | None = None,
) -> list[Explanation]:
    """Explains the answers of a run.

    Args:
        workdir: Directory of a finished run.
        texts: The texts.
        label: Class that is explained; by default the predicted one.
        method: `gradients` or `occlusion`, as of `Explainer.explain`.
        encoder: Where the encoder is now, if not where it was.

    Raises:
        As `load_explainer` and `Explainer.explain`.
    """
    explainer = load_explainer(workdir=str(workdir), encoder=encoder)
    return list(
        explainer.explain(check_texts(texts), label=label, method=method)
    )
