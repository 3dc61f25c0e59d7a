"""The processes of one training: who they are, from the environment."""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from typing import Any, Self

TF_CONFIG = "TF_CONFIG"
# Set by srun for every task of a job step.
_SLURM = (
    "SLURM_PROCID",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_STEP_NODELIST",
    "SLURM_STEP_TASKS_PER_NODE",
)
# Of Slurm's first task on a host; the next one there takes the next port.
_SLURM_PORT = 8888
_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
# Jobs whose processes train; the chief, if it has a job of its own, is first.
_JOBS = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of one training, and which of them this process is.

    Attributes:
        addresses: HOST:PORT of every worker; the first is the chief.
        index: Number of this worker, from 0.
    """

    addresses: tuple[str, ...]
    index: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads `TF_CONFIG`, or what Slurm sets if there is none.

        Raises:
            ValueError: If neither is there, or either is malformed.
        """
        if TF_CONFIG in environment:
            return cls._from_json(environment[TF_CONFIG])
        if is_slurm(environment):
            return cls._from_slurm(environment)
        missing = [name for name in _SLURM if name not in environment]
        if len(missing) < len(_SLURM):
            raise ValueError(
                "--distribution=multi_worker needs, of Slurm, "
                f"{', '.join(_SLURM)}. Missing: {', '.join(missing)}. Start "
                "the command by srun, or set TF_CONFIG."
            )
        raise ValueError(
            "--distribution=multi_worker needs the workers' addresses. "
            "Received: neither TF_CONFIG nor a Slurm job step. Start the "
            f"command by srun, or set TF_CONFIG='{_EXAMPLE}' with another "
            "index for each worker."
        )

    @classmethod
    def _from_json(cls, text: str) -> Self:
        try:
            value = json.loads(text)
            jobs: dict[str, list[str]] = value["cluster"]
            task = (value["task"]["type"], value["task"]["index"])
            tasks = [(j, i) for j in _JOBS for i in range(len(jobs.get(j, [])))]
            addresses = [address for j in _JOBS for address in jobs.get(j, [])]
            is_right = (
                set(jobs) <= set(_JOBS)
                and len(jobs.get("chief", [])) <= 1
                and task in tasks
                and len(set(addresses)) == len(addresses)
                and all(_is_address(address) for address in addresses)
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            is_right = False
        if not is_right:
            raise ValueError(
                "TF_CONFIG must list every worker once as HOST:PORT, and name "
                f"one of them as this process's task: {_EXAMPLE}. Received: "
                f"{text}"
            )
        return cls(tuple(addresses), tasks.index(task))

    @classmethod
    def _from_slurm(cls, environment: Mapping[str, str]) -> Self:
        # TensorFlow's resolver knows Slurm's notation; it reads `os.environ`.
        import tensorflow as tf

        tasks = environment["SLURM_STEP_NUM_TASKS"]
        try:
            resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
                port_base=_SLURM_PORT,
                # Any numbers that let it pass: Slurm itself gives out GPUs.
                gpus_per_node=int(tasks),
                gpus_per_task=1,
                auto_set_gpu=False,
            )
            addresses = resolver.cluster_spec().job_tasks("worker")
            _, index = resolver.get_task_info()
        except (ValueError, RuntimeError, AssertionError) as error:
            raise ValueError(
                f"The Slurm job step cannot be read: {error}. Set TF_CONFIG="
                f"'{_EXAMPLE}' instead, with another index for each worker."
            ) from error
        return cls(tuple(addresses), index)

    @property
    def count(self) -> int:
        """Number of workers."""
        return len(self.addresses)

    def name(self, index: int) -> str:
        """Names a worker, for messages."""
        role = "the chief, worker 0" if index == 0 else f"worker {index}"
        return f"{role} ({self.addresses[index]})"

    def tf_config(self) -> str:
        """Returns the `TF_CONFIG` of this process."""
        value: dict[str, Any] = {
            "cluster": {"worker": list(self.addresses)},
            "task": {"type": "worker", "index": self.index},
        }
        return json.dumps(value)


def is_slurm(environment: Mapping[str, str]) -> bool:
    """Whether Slurm has started this process, and nothing overrules it."""
    return TF_CONFIG not in environment and all(
        name in environment for name in _SLURM
    )


def _is_address(text: str) -> bool:
    match = re.fullmatch(r"(?:[^\s:/\[\]]+|\[[^\]]+\]):(\d+)", text)
    return match is not None and 0 < int(match[1]) < 2**16


def from_environment() -> Cluster:
    """Reads the environment of this process."""
    return Cluster.from_environment(os.environ)
