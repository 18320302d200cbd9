"""Locks and barriers of multiprocessing.  Usage: sync.py lock|count PROCESSES CALLS, sync.py barrier PARTIES ROUNDS

lock: pairs of acquire and release; count: additions to a shared Value under its lock. What is answered is the time of
all processes by the number of calls; for the barrier, the time of a round."""

import multiprocessing
import sys
import time

from serve import serve

context = multiprocessing.get_context("fork")


def pairs(lock, calls):
    for _ in range(calls):
        lock.acquire()
        lock.release()


def additions(value, calls):
    for _ in range(calls):
        with value.get_lock():
            value.value += 1


def rounds(barrier, calls):
    for _ in range(calls):
        barrier.wait()


def work(kind, shared, calls, times, process):
    # Each process keeps its own time: on few cores, one that measured the others would be woken late.
    times[2 * process] = time.perf_counter_ns()
    {"lock": pairs, "count": additions, "barrier": rounds}[kind](shared, calls)
    times[2 * process + 1] = time.perf_counter_ns()


def follow(together, *work_of_this):
    while True:
        together.wait()
        work(*work_of_this)
        together.wait()


def main(kind, processes, calls):
    make = {"lock": context.Lock, "count": lambda: context.Value("q"), "barrier": lambda: context.Barrier(processes)}
    shared = make[kind]()
    together = context.Barrier(processes)
    times = context.Array("q", 2 * processes, lock=False)
    for process in range(1, processes):
        arguments = (together, kind, shared, calls, times, process)
        context.Process(target=follow, args=arguments, daemon=True).start()

    def round_():
        together.wait()
        work(kind, shared, calls, times, 0)
        together.wait()
        took = max(times[1::2]) - min(times[::2])
        return took / calls if kind == "barrier" else took / calls / processes

    serve(round_)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
