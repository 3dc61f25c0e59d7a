"""Who takes part in a training, from the environment."""

import json

import pytest

from trainers.distribution import cluster

HOSTS = ["host0:2222", "host1:2222", "[::1]:2223"]


def tf_config(jobs, kind="worker", index=0):
    value = {"cluster": jobs, "task": {"type": kind, "index": index}}
    return {"TF_CONFIG": json.dumps(value)}


def test_tf_config_names_the_workers_and_this_one():
    members = cluster.Cluster.from_environment(
        tf_config({"worker": HOSTS}, index=2)
    )
    assert members.addresses == tuple(HOSTS)
    assert (members.index, members.count) == (2, 3)
    assert members.name(0) == "the chief, worker 0 (host0:2222)"
    # What it gives to TensorFlow says the same.
    environment = {"TF_CONFIG": members.tf_config()}
    assert cluster.Cluster.from_environment(environment) == members


def test_a_chief_of_its_own_job_is_the_first():
    jobs = {"worker": HOSTS[1:], "chief": HOSTS[:1]}
    for kind, index, number in (("chief", 0, 0), ("worker", 1, 2)):
        members = cluster.Cluster.from_environment(tf_config(jobs, kind, index))
        assert members.addresses == tuple(HOSTS)
        assert members.index == number


@pytest.mark.parametrize(
    "environment",
    [
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{"},
        {"TF_CONFIG": "[]"},
        {"TF_CONFIG": "{}"},
        tf_config({"worker": []}),
        tf_config({"worker": HOSTS}, index=3),
        tf_config({"worker": HOSTS}, index=-1),
        tf_config({"worker": HOSTS}, index="0"),
        tf_config({"worker": HOSTS}, kind="evaluator"),
        tf_config({"worker": HOSTS, "ps": ["host9:1"]}),
        tf_config({"chief": HOSTS}, kind="chief"),
        tf_config({"worker": ["host0:2222", "host0:2222"]}),
        tf_config({"worker": ["host0"]}),
        tf_config({"worker": ["host0:0"]}),
        tf_config({"worker": ["host0:65536"]}),
        tf_config({"worker": "host0:2222"}),
        tf_config({"worker": {"0": "host0:2222"}}),
        tf_config({"worker": [None]}),
    ],
)
def test_a_malformed_tf_config_is_refused_with_an_example(environment):
    with pytest.raises(ValueError, match="TF_CONFIG must list") as error:
        cluster.Cluster.from_environment(environment)
    received = str(error.value).split("Received: ")[1]
    assert received == environment["TF_CONFIG"]


SLURM = {
    "SLURM_PROCID": "2",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_NODELIST": "node[1-2]",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
}


def test_slurm_names_the_workers(monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    members = cluster.from_environment()
    assert members.addresses == ("node1:8888", "node1:8889", "node2:8888")
    assert members.index == 2


def test_tf_config_overrules_slurm(monkeypatch):
    for name, value in {**SLURM, **tf_config({"worker": HOSTS})}.items():
        monkeypatch.setenv(name, value)
    assert cluster.from_environment().addresses == tuple(HOSTS)


def test_half_of_slurm_is_refused_by_name():
    environment = {"SLURM_PROCID": "0"}
    with pytest.raises(ValueError, match="Missing: SLURM_STEP_NUM_TASKS"):
        cluster.Cluster.from_environment(environment)


def test_a_slurm_list_that_cannot_be_read_is_refused(monkeypatch):
    for name, value in {**SLURM, "SLURM_STEP_TASKS_PER_NODE": "two"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="Slurm job step cannot be read"):
        cluster.from_environment()


def test_no_workers_are_refused_with_both_cures():
    with pytest.raises(ValueError, match=r"srun, or set TF_CONFIG='\{"):
        cluster.Cluster.from_environment({})
