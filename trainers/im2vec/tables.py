"""Tables of the report, as lines of Markdown."""

from typing import Any

import numpy as np

from trainers.experiments import similarity_tests
from trainers.im2vec import analogies, evaluation
from trainers.reports import markdown

# Accuracy of the paper's network on CIFAR-10, section 4.1.
_PAPER_CIFAR10 = 0.41


def number(value: float | None) -> str:
    """Formats with three digits; `not defined` for `None`."""
    return "not defined" if value is None else f"{value:.3f}"


def networks_table(metrics: dict[str, Any]) -> list[str]:
    """Accuracy and condition number of each network."""
    rows = [
        (
            network["name"],
            f"{network['accuracy']:.4f}",
            f"{network['condition_number']:.4g}",
            f"{network['relative_error']:.1e}",
        )
        for network in metrics["networks"]
    ]
    is_cifar10 = metrics["dataset"].partition("_")[0] == "cifar10"
    if is_cifar10 and len(metrics["class_names"]) == 10:
        rows.append(("the paper, 500 epochs", f"{_PAPER_CIFAR10}", "", ""))
    chance = 1 / len(metrics["class_names"])
    rows.append(("guessing", f"{chance:.4f}", "", ""))
    return markdown.table(
        (
            "network",
            "test accuracy",
            "condition number of W2",
            "error of the vectors in float32",
        ),
        rows,
    )


def warning(metrics: dict[str, Any]) -> list[str]:
    """Names the ill-conditioned W2; empty if there are none."""
    ill = [row["name"] for row in metrics["networks"] if row["ill_conditioned"]]
    if not ill:
        return []
    return [
        f"**W2 is ill-conditioned ({', '.join(ill)})**: rounding alone may "
        "move the inverse by more than 0.1%. Compare with --inverse=pinv or "
        "--inverse=ridge.",
        "",
    ]


def correlations_table(metrics: dict[str, Any]) -> list[str]:
    """Correlations with confusion and mean images."""
    if len(metrics["class_names"]) < 3:
        return [
            "Not defined: two classes have only one distance, which correlates "
            "with anything."
        ]
    names = [row["name"] for row in metrics["networks"]]
    return markdown.table(
        (
            "against",
            "distance of vectors",
            *(f"{name} (p)" for name in names),
            "chance: mean [5%, 95%]",
        ),
        [
            (
                row["reference"],
                row["metric"],
                *(
                    f"{number(test['rho'])} ({number(test['p'])})"
                    for test in row["tests"]
                ),
                f"{number(row['random']['mean'])} "
                f"[{number(row['random']['low'])}, "
                f"{number(row['random']['high'])}]",
            )
            for row in metrics["truth"]
        ],
    )


def stability_table(metrics: dict[str, Any]) -> list[str]:
    """Agreement of networks with different seeds; empty for two classes."""
    if len(metrics["class_names"]) < 3:
        return []
    stability = metrics["stability"]
    return markdown.table(
        (
            "vectors of",
            "Procrustes disparity, 0 (the same) to 1",
            "Spearman correlation of distances",
        ),
        [
            (
                name,
                number(stability[key]["procrustes"]),
                number(stability[key]["spearman"]),
            )
            for key, name in (
                ("trained", "networks of two seeds"),
                ("start", "a network and its own random start"),
                ("random", "two random W2"),
            )
            if stability[key]["procrustes"] is not None
        ],
    )


def nearest_table(
    network: evaluation.Network,
    vectors: np.ndarray,
    names: tuple[str, ...],
    means: np.ndarray,
) -> list[str]:
    """Nearest class of each class by vectors, confusion and mean images.

    Args:
        network: The network shown.
        vectors: Its class vectors, `(K, m)`.
        names: K class names.
        means: Mean images, `(K, P)`.
    """
    shown = [markdown.plain(name, most=40) for name in names]
    columns = [
        similarity_tests.nearest(matrix)
        for matrix in (
            similarity_tests.distances(vectors),
            similarity_tests.confusion_distances(network.confusion),
            similarity_tests.distances(means),
        )
    ]
    return markdown.table(
        ("class", "by vectors", "by confusion", "by mean images"),
        [
            (markdown.plain(name), *(shown[index] for index in nearest))
            for name, *nearest in zip(names, *columns, strict=True)
        ],
    )


def analogies_section(metrics: dict[str, Any]) -> list[str]:
    """Tests of a - b = c - d; empty for fewer than four classes."""
    found = metrics.get("analogies")
    if found is None:  # or a run of an earlier version
        return []
    number_of = f"{found['quadruples']:,}"
    which = f"all {number_of}" if found["is_complete"] else f"{number_of} drawn"
    names = [row["name"] for row in metrics["networks"]]
    least, rho = found["random"]["least"], found["random"]["rho"]
    rows = [
        (
            "defects of vectors and of mean images: Spearman (p)",
            *(
                f"{number(test['rho'])} ({number(test['p'])})"
                for test in found["tests"]
            ),
            f"{number(rho['mean'])} [{number(rho['low'])}, "
            f"{number(rho['high'])}]",
        )
    ]
    if "paper" in found:
        analogy = "{} - {} = {} - {}".format(*analogies.PAPER)
        rows += [
            (
                f"{analogy}: defect (p)",
                *(
                    f"{number(test['defect'])} ({number(test['p'])})"
                    for test in found["paper"]
                ),
                "",
            ),
            (
                "its four questions answered",
                *(test["answered"] for test in found["paper"]),
                "",
            ),
        ]
    return [
        "## Does a - b = c - d hold?",
        "",
        f"Of {which} quadruples of the classes. The defect is |a - b - c + "
        "d|^2 as a share of the squares of the four sides: 0 where the analogy "
        "holds, 0.5 if all distances are equal. Spearman: are the defects of "
        "vectors those of mean images (p: share of orders of the classes that "
        "correlate as much)? Of a named analogy, p is the share of quadruples "
        "with a defect as small. A question, such as which class is nearest to "
        "b + c - d, is answered if it is a.",
        "",
        *markdown.table(("", *names, "chance: mean [5%, 95%]"), rows),
        "",
        f"The least defects of {names[0]}; the least of a random W2 is "
        f"{number(least['mean'])} [{number(least['low'])}, "
        f"{number(least['high'])}]:",
        "",
        *markdown.table(
            ("analogy", "defect"),
            [
                (
                    "{} - {} = {} - {}".format(
                        *(markdown.plain(n, most=40) for n in row["classes"])
                    ),
                    number(row["defect"]),
                )
                for row in found["least"]
            ],
        ),
        "",
    ]
