"""Cache policies: what is part of a key, and what is not."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from uuid import UUID

import pytest

from headrace.cache_policies import (
    DEFAULT,
    FLOW_PARAMETERS,
    INPUTS,
    NO_CACHE,
    NONE,
    RUN_ID,
    TASK_SOURCE,
    CacheKeyFnPolicy,
    CachePolicy,
    CompoundCachePolicy,
    Inputs,
    task_input_hash,
)
from headrace.exceptions import HashError
from headrace.locking.memory import MemoryLockManager
from headrace.transactions import IsolationLevel


def grind(grain):
    return grain


def sift(flour):
    return flour


def context(fn=grind, flow_run_id=UUID(int=1), task_run_id=UUID(int=2)) -> SimpleNamespace:
    """A task run's context."""
    task = SimpleNamespace(fn=fn, task_key=f"{fn.__name__}-key", name=fn.__name__)
    return SimpleNamespace(task=task, task_run=SimpleNamespace(id=task_run_id, flow_run_id=flow_run_id))


def key(policy, inputs=None, flow_parameters=None, ctx=None):
    return policy.compute_key(ctx or context(), {"x": 1} if inputs is None else inputs, flow_parameters or {})


def test_inputs_are_the_arguments_by_name():
    assert key(INPUTS, {"x": 1, "y": {1, 2}}) == key(INPUTS, {"y": {2, 1}, "x": 1})
    assert key(INPUTS, {"x": 1}) != key(INPUTS, {"x": 2})
    assert key(INPUTS, {"x": 1}) != key(INPUTS, {"y": 1})


def test_without_arguments_inputs_make_no_key():
    assert key(INPUTS, {}) is None
    assert key(INPUTS - "x", {"x": 1}) is None


def test_arguments_can_be_left_out():
    without = INPUTS - "debug"

    assert (
        key(without, {"x": 1, "debug": True})
        == key(without, {"x": 1, "debug": False})
        == key(INPUTS, {"x": 1})
    )
    assert key(without - "y", {"x": 1, "y": 2, "debug": 3}) == key(Inputs(exclude=["debug", "y"]), {"x": 1})


def test_the_source_of_a_task_is_its_functions():
    assert key(TASK_SOURCE) == key(TASK_SOURCE)
    assert key(TASK_SOURCE) != key(TASK_SOURCE, ctx=context(sift))


def test_where_there_is_no_source_byte_code_stands_for_it():
    def made_of(text):
        namespace: dict[str, object] = {}
        exec(text, namespace)
        return namespace["fn"]

    one, same, other = (
        made_of("def fn(x): return x"),
        made_of("def fn(x): return x"),
        made_of("def fn(x): return -x"),
    )

    assert key(TASK_SOURCE, ctx=context(one)) == key(TASK_SOURCE, ctx=context(same))
    assert key(TASK_SOURCE, ctx=context(one)) != key(TASK_SOURCE, ctx=context(other))


def test_a_run_is_its_flow_run_or_itself_outside_flows():
    assert key(RUN_ID) == key(RUN_ID, ctx=context(task_run_id=UUID(int=9)))
    assert key(RUN_ID) != key(RUN_ID, ctx=context(flow_run_id=UUID(int=9)))
    outside = [context(flow_run_id=None, task_run_id=UUID(int=number)) for number in (2, 3)]
    assert key(RUN_ID, ctx=outside[0]) != key(RUN_ID, ctx=outside[1])


def test_flow_parameters_are_those_of_the_flow_around_the_task():
    assert key(FLOW_PARAMETERS, {"x": 1}, {"day": 1}) == key(FLOW_PARAMETERS, {"x": 2}, {"day": 1})
    assert key(FLOW_PARAMETERS, {}, {"day": 1}) != key(FLOW_PARAMETERS, {}, {"day": 2})
    assert key(FLOW_PARAMETERS, {"x": 1}, {}) is None


def test_no_cache_makes_no_key():
    assert key(NO_CACHE) is None
    assert NONE == NO_CACHE


def test_a_function_makes_the_key():
    policy = CachePolicy.from_cache_key_fn(lambda ctx, parameters: f"{ctx.task.name}-{parameters['x']}")

    assert key(policy, {"x": 5}) == "grind-5"
    assert isinstance(policy, CacheKeyFnPolicy)
    assert key(CacheKeyFnPolicy()) is None
    with pytest.raises(TypeError, match="cache_key_fn"):
        CachePolicy.from_cache_key_fn(3)  # type: ignore[arg-type]


def test_a_policy_of_ones_own_defines_compute_key():
    class Weekday(CachePolicy):
        def compute_key(self, task_ctx, inputs, flow_parameters, **kwargs):
            return inputs["day"]

    assert key(Weekday(), {"day": "monday"}) == "monday"
    assert key(Weekday() + RUN_ID, {"day": "monday"}) is not None
    assert Weekday().configure(key_storage="/keys").key_storage == "/keys"
    with pytest.raises(NotImplementedError, match="compute_key"):
        key(CachePolicy())


def test_task_input_hash_is_the_task_its_code_and_its_arguments():
    assert task_input_hash(context(), {"x": 1}) == task_input_hash(context(flow_run_id=UUID(int=9)), {"x": 1})
    assert task_input_hash(context(), {"x": 1}) != task_input_hash(context(), {"x": 2})
    assert task_input_hash(context(), {"x": 1}) != task_input_hash(context(sift), {"x": 1})


@pytest.mark.parametrize("policy", [INPUTS, DEFAULT, CachePolicy.from_cache_key_fn(task_input_hash)])
def test_an_argument_that_cannot_be_hashed_is_named(policy):
    with pytest.raises(HashError, match=r"argument 'lock'.*_thread.lock") as caught:
        key(policy, {"x": 1, "lock": threading.Lock()})
    assert "'x'" not in str(caught.value)


def test_a_flow_parameter_that_cannot_be_hashed_is_named():
    with pytest.raises(HashError, match="parameter of the flow 'lock'"):
        key(FLOW_PARAMETERS, {}, {"lock": threading.Lock()})


# --- Sums ------------------------------------------------------------------------------------------------------


def test_the_default_is_inputs_source_and_run():
    assert DEFAULT == RUN_ID + INPUTS + TASK_SOURCE
    assert key(DEFAULT) != key(DEFAULT, {"x": 2})
    assert key(DEFAULT) != key(DEFAULT, ctx=context(sift))
    assert key(DEFAULT) != key(DEFAULT, ctx=context(flow_run_id=UUID(int=9)))


def test_the_order_of_a_sum_does_not_matter():
    assert INPUTS + TASK_SOURCE == TASK_SOURCE + INPUTS
    assert key(INPUTS + TASK_SOURCE) == key(TASK_SOURCE + INPUTS)
    assert key(INPUTS + (TASK_SOURCE + RUN_ID)) == key((INPUTS + TASK_SOURCE) + RUN_ID)


def test_a_part_counts_once():
    assert INPUTS + INPUTS + RUN_ID == INPUTS + RUN_ID


def test_adding_nothing_changes_nothing():
    assert INPUTS + NONE == INPUTS
    assert NO_CACHE + INPUTS == INPUTS
    assert DEFAULT + NONE == DEFAULT


def test_a_sum_has_a_key_if_a_part_has():
    assert key(INPUTS + RUN_ID, {}) is not None
    assert key(INPUTS + FLOW_PARAMETERS, {}) is None


def test_arguments_can_be_left_out_of_a_sum():
    policy = (DEFAULT - "debug") - "y"

    assert key(policy, {"x": 1, "debug": 1, "y": 1}) == key(policy, {"x": 1, "debug": 2, "y": 2})
    assert key(DEFAULT, {"x": 1, "debug": 1}) != key(DEFAULT, {"x": 1, "debug": 2})


def test_where_arguments_are_no_part_none_is_left_out():
    assert RUN_ID - "x" == RUN_ID
    assert NONE - "x" == NONE


@pytest.mark.parametrize("other", [3, "x", None, task_input_hash])
def test_only_policies_can_be_added(other):
    with pytest.raises(TypeError, match="cache policy"):
        INPUTS + other
    with pytest.raises(TypeError, match="cache policy"):
        NONE + other


@pytest.mark.parametrize("policy", [INPUTS, DEFAULT, RUN_ID, NONE])
def test_only_names_can_be_subtracted(policy):
    with pytest.raises(TypeError, match="name of an argument"):
        policy - 3


# --- Options ---------------------------------------------------------------------------------------------------


def test_configuring_makes_a_copy_and_keeps_other_options(tmp_path):
    stored = INPUTS.configure(key_storage=tmp_path)
    isolated = stored.configure(isolation_level="SERIALIZABLE", lock_manager=MemoryLockManager())

    assert (INPUTS.key_storage, INPUTS.isolation_level, INPUTS.lock_manager) == (None, None, None)
    assert isolated.key_storage == tmp_path
    assert isolated.isolation_level is IsolationLevel.SERIALIZABLE
    assert key(isolated) == key(INPUTS)


def test_a_sum_has_the_options_of_its_parts(tmp_path):
    locks = MemoryLockManager()
    policy = INPUTS.configure(key_storage=tmp_path, isolation_level="SERIALIZABLE") + TASK_SOURCE.configure(
        lock_manager=locks
    )

    assert (policy.key_storage, policy.isolation_level, policy.lock_manager) == (
        tmp_path,
        IsolationLevel.SERIALIZABLE,
        locks,
    )
    assert (policy - "x").key_storage == tmp_path


@pytest.mark.parametrize(
    ("one", "other", "named"),
    [
        ({"key_storage": "/a"}, {"key_storage": "/b"}, "key storage"),
        ({"isolation_level": "SERIALIZABLE"}, {"isolation_level": "READ_COMMITTED"}, "isolation level"),
    ],
)
def test_parts_of_different_options_cannot_be_added(one, other, named):
    with pytest.raises(ValueError, match=named):
        INPUTS.configure(**one) + TASK_SOURCE.configure(**other)


def test_one_lock_manager_per_process_means_that_parts_agree():
    policy = INPUTS.configure(lock_manager=MemoryLockManager()) + RUN_ID.configure(
        lock_manager=MemoryLockManager()
    )

    assert policy.lock_manager is MemoryLockManager()


def test_an_isolation_level_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'SERIALIZABLE'; got 'nonsense'"):
        INPUTS.configure(isolation_level="nonsense")
    with pytest.raises(ValueError, match="nonsense"):
        CompoundCachePolicy(isolation_level="nonsense")


def test_policies_show_their_options():
    assert (
        repr(INPUTS - "x")
        == "Inputs(key_storage=None, isolation_level=None, lock_manager=None, exclude=['x'])"
    )


def test_policies_survive_pickling():
    import cloudpickle

    for policy in (DEFAULT, INPUTS - "x", NONE, RUN_ID.configure(lock_manager=MemoryLockManager())):
        assert cloudpickle.loads(cloudpickle.dumps(policy)) == policy
