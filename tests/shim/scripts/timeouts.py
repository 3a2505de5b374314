"""Tasks and flows that take too long, also inside `time.sleep`: this ends only because they are interrupted."""

import asyncio
import time

from prefect import flow, task

HOUR = 3600


@task(timeout_seconds=0.3)
def sleepy():
    time.sleep(HOUR)


@task(timeout_seconds=0.3)
async def asleep():
    await asyncio.sleep(HOUR)


@task(timeout_seconds=30)
def quick():
    return "in time"


@flow
def patient():
    state = sleepy(return_state=True)
    print(state.type.value, state.name)
    future = sleepy.submit()
    future.wait()
    print(future.state.name)
    try:
        sleepy()
    except TimeoutError as error:
        print(type(error).__mro__[-4:-1] and isinstance(error, TimeoutError))
    return quick()


@flow
async def patient_async():
    state = await asleep(return_state=True)
    print(state.type.value, state.name)


@flow(timeout_seconds=0.3)
def late():
    time.sleep(HOUR)


if __name__ == "__main__":
    print(patient())
    asyncio.run(patient_async())
    print(late(return_state=True).name)
