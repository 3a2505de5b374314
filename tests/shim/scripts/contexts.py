"""What code in a run can ask about it."""

from prefect import flow, runtime, tags, task
from prefect.context import FlowRunContext, TaskRunContext, get_run_context
from prefect.exceptions import MissingContextError
from prefect.runtime import flow_run, task_run


def name_of_run():
    return f"run-of-{flow_run.flow_name}-{flow_run.parameters['y']}"


@task(tags=["own"], task_run_name="ask-{x}")
def ask(x):
    context = get_run_context()
    print(isinstance(context, TaskRunContext), context.task_run.name, context.parameters)
    print(task_run.name, task_run.task_name, sorted(task_run.tags), task_run.parameters, task_run.run_count)
    print(task_run.id == str(context.task_run.id), flow_run.name)


@flow
def inner(a):
    print(flow_run.flow_name, flow_run.parameters, flow_run.parent_flow_run_id is not None)
    return flow_run.root_flow_run_id


@flow(flow_run_name=name_of_run)
def outer(y=3):
    context = get_run_context()
    print(isinstance(context, FlowRunContext), context.flow_run.name, sorted(context.flow_run.tags))
    print(runtime.flow_run.name, runtime.flow_run.parameters, sorted(runtime.flow_run.tags))
    print(runtime.flow_run.run_count, runtime.task_run.id, runtime.deployment.id)
    ask(y)
    ask.submit(y + 1).wait()
    with tags("more"):
        ask.with_options(name="other", task_run_name="other-{x}")(9)
    print(inner(1) == flow_run.id)


@task
def alone(x):
    print(task_run.name == "alone", flow_run.id, task_run.parameters)


if __name__ == "__main__":
    with tags("a", "b"):
        outer()
    alone(1)
    print(flow_run.id, flow_run.tags, task_run.name)
    try:
        get_run_context()
    except MissingContextError as error:
        print(type(error).__name__)
