"""py-dsm 1.0.1 as it comes from PyPI, doing the work of its own examples vecAdd.py and findPrime.py.
Usage: py_dsm.py empty|vec-add|vec-add-random|find-prime|split-indices PROCESSES N

The functions `add`, `crossout` and `work` are those of the examples (MIT, Daniel Guo and Norm Matloff), less what they
print; `work` takes the default lock, which this release has under the name 'lock'. Vectors are filled before the
clock starts; the primes' array is filled, sieved and counted under the clock, as the example does all three."""

import math
import os
import sys
import tempfile
import time

import numpy
import pydsm
from serve import clock, serve


def nothing(resource):
    pass


def add(resource, n, shuffled):
    A = pydsm.Cluster.getShared("A")
    B = pydsm.Cluster.getShared("B")
    C = pydsm.Cluster.getShared("C")
    myidxs = pydsm.Cluster.splitIndices(n, resource["id"], random=shuffled)
    C[myidxs] = A[myidxs] + B[myidxs]


def crossout(k, n, prime):
    i = 3
    while i * k <= n:
        prime[i * k] = 0
        i += 2


def work(resource):
    N = pydsm.Cluster.getShared("N")
    prime = pydsm.Cluster.getShared("prime")
    nextBase = pydsm.Cluster.getShared("nextBase")
    numWork = pydsm.Cluster.getShared("numWork")
    myid = resource["id"]
    lock = resource["lock"]
    numWork[myid] = 0
    lim = int(math.sqrt(N[0]))
    while 1:
        lock.acquire()
        base = nextBase[0]
        nextBase[0] += 2
        lock.release()
        if base <= lim:
            if prime[base]:
                crossout(base, N[0], prime)
                numWork[myid] += 1
        else:
            return


def split(resource, n):
    took = pydsm.Cluster.getShared("took")
    began = time.perf_counter_ns()
    pydsm.Cluster.splitIndices(n, resource["id"], random=True)
    took[resource["id"]] = time.perf_counter_ns() - began


def empty(cluster, processes, n):
    def run():
        for _ in range(n):
            cluster.runProcesses(nothing)

    return lambda: clock(run) / n


def vec_add(cluster, processes, n, shuffled=False):
    A = cluster.createShared("A", n, int)
    B = cluster.createShared("B", n, int)
    C = cluster.createShared("C", n, int)
    A[:] = numpy.arange(n)
    B[:] = A + 1

    def round_():
        took = clock(lambda: cluster.runProcesses(add, paras=(n, shuffled)))
        assert C[0] == 1 and C[n - 1] == 2 * n - 1
        C[:] = 0
        return took

    return round_


def vec_add_random(cluster, processes, n):
    return vec_add(cluster, processes, n, shuffled=True)


def find_prime(cluster, processes, n):
    N = cluster.createShared("N", 1, int)
    N[0] = n
    prime = cluster.createShared("prime", n + 1, int)
    nextBase = cluster.createShared("nextBase", 1, int)
    cluster.createShared("numWork", processes, int)

    def run():
        for i in range(3, N[0] + 1):
            if i % 2 == 0:
                prime[i] = 0
            else:
                prime[i] = 1
        nextBase[0] = 3
        cluster.runProcesses(work)
        nprimes = 1
        for i in range(3, N[0] + 1):
            if prime[i]:
                nprimes += 1
        return nprimes

    return lambda: clock(run)


def split_indices(cluster, processes, n):
    took = cluster.createShared("took", processes, int)

    def round_():
        cluster.runProcesses(split, paras=(n,))
        return int(took.max())

    return round_


WORKS = {
    "empty": empty,
    "vec-add": vec_add,
    "vec-add-random": vec_add_random,
    "find-prime": find_prime,
    "split-indices": split_indices,
}


def main(work_name, processes, n):
    # The barrier's lock is a file FILE_LOCK in the working directory.
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with pydsm.Cluster(processes) as cluster:
            serve(WORKS[work_name](cluster, processes, n))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
