"""Tasks and flows that take too long, also inside `time.sleep`."""

import asyncio
import time

from prefect import flow, task


@task(timeout_seconds=0.3)
def sleepy():
    time.sleep(30)


@task(timeout_seconds=0.3)
async def asleep():
    await asyncio.sleep(30)


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
    time.sleep(30)


if __name__ == "__main__":
    began = time.monotonic()
    print(patient())
    asyncio.run(patient_async())
    print(late(return_state=True).name)
    print(time.monotonic() - began < 20)
