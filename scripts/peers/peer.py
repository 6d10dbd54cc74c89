"""The same work on Python's pools: `peer.py POOL WORK` prints microseconds for one task, or - where it cannot do that.

Imports a pool's package only when asked for it; one that is not installed is an exit code of 3.
"""
import multiprocessing, sys, time

WORKERS = 2
MEBIBYTE = bytes(1 << 20)


def square(n):
    return n * n


def millisecond(n):
    until = time.perf_counter() + 0.001
    while time.perf_counter() < until:
        pass
    return n


def timed(count, body):
    began = time.perf_counter()
    body(count)
    return (time.perf_counter() - began) / count * 1e6


class Pool:
    def __init__(self, workers, method="fork"):
        self.pool = multiprocessing.get_context(method).Pool(workers)
        self.call = lambda f, x: self.pool.apply(f, (x,))
        self.submit = lambda f, x: self.pool.apply_async(f, (x,))
        self.take = lambda handle: handle.get()
        self.map = self.pool.map

    def end(self):
        self.pool.terminate()
        self.pool.join()


class Executor:
    def __init__(self, workers):
        self.pool = self.make(workers)
        self.call = lambda f, x: self.pool.submit(f, x).result()
        self.submit = lambda f, x: self.pool.submit(f, x)
        self.take = lambda handle: handle.result()
        # By default each item is a message of its own; this is what Pool.map would choose.
        self.map = lambda f, items: list(self.pool.map(f, items, chunksize=max(1, len(items) // (4 * workers))))

    def make(self, workers):
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork"))

    def end(self):
        self.pool.shutdown()


class Loky(Executor):
    def make(self, workers):
        from loky import get_reusable_executor

        return get_reusable_executor(max_workers=workers)


class Joblib:
    call = submit = take = None

    def __init__(self, workers):
        from joblib import Parallel, delayed

        self.parallel = Parallel(n_jobs=workers)
        self.map = lambda f, items: self.parallel(delayed(f)(x) for x in items)

    def end(self):
        pass


class Mpire:
    def __init__(self, workers):
        from mpire import WorkerPool

        self.pool = WorkerPool(n_jobs=workers)
        self.call = lambda f, x: self.pool.apply(f, (x,))
        self.submit = lambda f, x: self.pool.apply_async(f, (x,))
        self.take = lambda handle: handle.get()
        self.map = self.pool.map

    def end(self):
        self.pool.terminate()


class Ray:
    def __init__(self, workers):
        import ray

        ray.init(num_cpus=workers, log_to_driver=False, include_dashboard=False)
        self.ray, self.remote = ray, {f: ray.remote(f) for f in (square, millisecond, len_of)}
        self.submit = lambda f, x: self.remote[f].remote(x)
        self.take = ray.get
        self.call = lambda f, x: ray.get(self.submit(f, x))
        self.map = lambda f, items: ray.get([self.submit(f, x) for x in items])

    def end(self):
        self.ray.shutdown()


def len_of(data):
    return len(data)


POOLS = {
    "Pool": Pool,
    "Pool (spawn)": lambda workers: Pool(workers, "spawn"),
    "ProcessPoolExecutor": Executor,
    "loky": Loky,
    "joblib": Joblib,
    "mpire": Mpire,
    "ray": Ray,
}

# Slow ones have fewer: the figure is for one.
COUNTS = {"apply": 1000, "async": 20_000, "map": 1_000_000, "map of 1 ms": 1000, "1 MiB": 100}
FEWER = {"joblib": {"map": 20_000}, "ray": {"map": 5_000, "async": 5_000}, "mpire": {"async": 5_000}}


def run(name, work):
    if work == "ready 8":
        began = time.perf_counter()
        pool = POOLS[name](8)
        first = pool.call(square, 3) if pool.call else pool.map(square, [3])[0]
        taken = (time.perf_counter() - began) * 1e6
        assert first == 9
        pool.end()
        return taken
    pool = POOLS[name](WORKERS)
    pool.map(square, range(100))
    count = FEWER.get(name, {}).get(work, COUNTS[work])
    try:
        return measure(pool, work, count)
    finally:
        pool.end()


def measure(pool, work, count):
    if work == "map":
        return timed(count, lambda n: pool.map(square, range(n)))
    if work == "map of 1 ms":
        return timed(count, lambda n: pool.map(millisecond, range(n)))
    if pool.call is None:
        return None
    if work == "apply":
        return timed(count, lambda n: [pool.call(square, i) for i in range(n)])
    if work == "async":
        return timed(count, lambda n: [pool.take(h) for h in [pool.submit(square, i) for i in range(n)]])
    return timed(count, lambda n: [pool.call(len_of, MEBIBYTE) for _ in range(n)])


if __name__ == "__main__":
    try:
        taken = run(sys.argv[1], sys.argv[2])
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    print("-" if taken is None else f"{taken:.4f}")
