"""How the processor's cores are shared out among XLA's programs."""

import os

_FLAG = "--xla_cpu_multi_thread_eigen=false"


def count() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_thread_a_program() -> None:
    """Lets XLA run every program on one thread, several of them at once.

    Threads that share a program wait for each other between its products.
    To be called before XLA compiles anything: it reads its flags once. An
    `XLA_FLAGS` that says otherwise is left as it is.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if _FLAG.split("=")[0] not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_FLAG}".strip()
