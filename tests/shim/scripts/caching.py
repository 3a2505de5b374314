"""Results kept between processes: run it twice with one home."""

import sys
from datetime import timedelta

from prefect import flow, task
from prefect.cache_policies import INPUTS, NO_CACHE
from prefect.tasks import task_input_hash


@task(cache_policy=INPUTS, cache_expiration=timedelta(days=1))
def slow(x, y=1):
    print(f"computing slow {x}")
    return {"x": x, "y": y}


@task(cache_key_fn=task_input_hash, cache_expiration=timedelta(hours=1))
def hashed(x):
    print(f"computing hashed {x}")
    return x * 2


@task(cache_policy=NO_CACHE)
def fresh(x):
    print(f"computing fresh {x}")
    return x


@task(cache_key_fn=lambda context, parameters: f"mine-{parameters['x']}", persist_result=True)
def keyed(x):
    print(f"computing keyed {x}")
    return x + 100


@flow
def cached(x):
    print(slow(x), slow(x), hashed(x), hashed(x), fresh(x), keyed(x))
    print(slow(x, return_state=True).name)
    print(slow.with_options(refresh_cache=True)(x, return_state=True).name)


if __name__ == "__main__":
    cached(int(sys.argv[1]))
