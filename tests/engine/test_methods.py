"""Flows and tasks that are methods, class methods and static methods."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import flow, task


class Shop:
    name = "shop"

    def __init__(self, stock: int = 3) -> None:
        self.stock = stock

    @flow
    def flow_method(self, n: int) -> Any:
        return self.stock, n

    @task
    def task_method(self, n: int) -> Any:
        return self.stock, n

    @flow
    async def async_flow_method(self, n: int) -> Any:
        return await self.async_task_method(n)

    @task
    async def async_task_method(self, n: int) -> Any:
        return self.stock, n

    @flow
    @classmethod
    def flow_over_class(cls, n: int) -> Any:
        return cls.name, n

    @classmethod
    @flow
    def class_over_flow(cls, n: int) -> Any:
        return cls.name, n

    @task
    @classmethod
    def task_over_class(cls, n: int) -> Any:
        return cls.name, n

    @classmethod
    @task
    def class_over_task(cls, n: int) -> Any:
        return cls.name, n

    @flow
    @staticmethod
    def flow_over_static(n: int) -> Any:
        return n

    @staticmethod
    @flow
    def static_over_flow(n: int) -> Any:
        return n

    @task
    @staticmethod
    def task_over_static(n: int) -> Any:
        return n

    @staticmethod
    @task
    def static_over_task(n: int) -> Any:
        return n

    @flow
    def using_all(self) -> Any:
        return [
            self.task_method(1),
            self.task_method.submit(2).result(),
            self.task_method.map([3, 4]).result(),
            self.task_over_class.submit(5).result(),
            self.task_over_static.submit(6).result(),
            self.flow_method(7),
        ]


class Branch(Shop):
    name = "branch"


CLASS_METHODS = ["flow_over_class", "class_over_flow", "task_over_class", "class_over_task"]
STATIC_METHODS = ["flow_over_static", "static_over_flow", "task_over_static", "static_over_task"]


@pytest.mark.parametrize("method", ["flow_method", "task_method"])
def test_methods_get_their_instance(method: str) -> None:
    assert getattr(Shop(3), method)(1) == (3, 1)
    assert getattr(Shop(4), method)(n=2) == (4, 2)
    assert getattr(Branch(5), method)(1) == (5, 1)


async def test_async_methods_get_their_instance() -> None:
    assert await Shop(3).async_flow_method(1) == (3, 1)
    assert await Shop(4).async_task_method(1) == (4, 1)


def test_instances_do_not_share_their_methods() -> None:
    one, two = Shop(1), Shop(2)
    first, second = one.flow_method, two.flow_method
    assert (first(0), second(0), first(0)) == ((1, 0), (2, 0), (1, 0))


@pytest.mark.parametrize("method", ["flow_method", "task_method"])
def test_methods_can_be_called_on_the_class_with_an_instance(method: str) -> None:
    assert getattr(Shop, method)(Shop(3), 1) == (3, 1)


@pytest.mark.parametrize("method", CLASS_METHODS)
def test_class_methods_get_the_class_that_they_are_called_on(method: str) -> None:
    assert getattr(Shop, method)(1) == ("shop", 1)
    assert getattr(Shop(), method)(1) == ("shop", 1)
    assert getattr(Branch, method)(1) == ("branch", 1)
    assert getattr(Branch(), method)(n=1) == ("branch", 1)


@pytest.mark.parametrize("method", STATIC_METHODS)
def test_static_methods_get_nothing_more(method: str) -> None:
    assert getattr(Shop, method)(1) == getattr(Shop(), method)(1) == getattr(Branch(), method)(n=1) == 1


def test_methods_can_be_submitted_and_mapped_and_call_each_other(recorded) -> None:
    assert Shop(3).using_all() == [(3, 1), (3, 2), [(3, 3), (3, 4)], ("shop", 5), 6, (3, 7)]
    assert len(recorded.task_runs("task_method")) == 4


def test_the_instance_is_no_parameter_of_the_run(recorded) -> None:
    Shop().flow_method(1)
    Shop.flow_over_class(1)
    assert [run.parameters for run in recorded.flow_runs()] == [{"n": 1}, {"n": 1}]


def test_methods_are_named_after_their_functions(recorded) -> None:
    Shop().flow_method(1)
    Shop().task_method(1)
    assert len(recorded.flow_runs("flow_method")) == 1
    assert recorded.task_run().name == "task_method"


def test_methods_know_what_they_are() -> None:
    assert Shop().flow_method.ismethod
    assert Shop().task_method.ismethod
    assert Shop.flow_over_class.isclassmethod
    assert Shop.task_over_class.isclassmethod
    assert Shop.flow_over_static.isstaticmethod
    assert Shop.task_over_static.isstaticmethod


def test_with_options_of_a_method_keeps_its_instance(recorded) -> None:
    assert Shop(3).flow_method.with_options(name="renamed")(1) == (3, 1)
    assert Shop(3).task_method.with_options(name="renamed")(1) == (3, 1)
    assert len(recorded.flow_runs("renamed")) == len(recorded.task_runs("renamed")) == 1


def test_with_options_of_class_and_static_methods_keeps_their_binding() -> None:
    assert Branch.flow_over_class.with_options(name="renamed")(1) == ("branch", 1)
    assert Branch.task_over_static.with_options(name="renamed")(1) == 1


def test_return_state_and_validation_work_on_methods() -> None:
    assert Shop(3).flow_method("5", return_state=True).result() == (3, 5)
    assert Shop(3).flow_method("many", return_state=True).is_failed()


def test_a_hook_added_to_a_method_runs_for_every_instance() -> None:
    seen: list[str] = []

    class Hooked:
        @flow
        def method(self) -> int:
            return 1

        @method.on_completion
        def remember(a_flow: Any, run: Any, state: Any) -> None:
            seen.append(state.name)

    Hooked().method()
    Hooked().method()
    assert seen == ["Completed", "Completed"]


def test_methods_may_use_super() -> None:
    class Extended(Shop):
        @flow
        def flow_method(self, n: int) -> Any:
            return ("extended", *super().flow_method(n))

    assert Extended(3).flow_method(1) == ("extended", 3, 1)


def test_a_callable_object_can_be_a_task() -> None:
    class Adder:
        def __call__(self, n: int) -> int:
            return n + 1

    assert task(Adder(), name="adder")(1) == 2


def test_instances_with_slots_work() -> None:
    class Slotted:
        __slots__ = ("n",)

        def __init__(self) -> None:
            self.n = 4

        @task
        def method(self) -> int:
            return self.n

    assert Slotted().method() == 4
