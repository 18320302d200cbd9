"""Locks and barriers of multiprocessing.  Usage: sync.py lock|count PROCESSES CALLS, sync.py barrier PARTIES ROUNDS

lock: pairs of acquire and release; count: additions to a shared Value under its lock. What is answered is the time of
all processes by the number of calls; for the barrier, the time of a round."""

import multiprocessing
import sys

from serve import clock, serve

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


def work(kind, shared, calls):
    {"lock": pairs, "count": additions, "barrier": rounds}[kind](shared, calls)


def follow(together, kind, shared, calls):
    while True:
        together.wait()
        work(kind, shared, calls)
        together.wait()


def main(kind, processes, calls):
    make = {"lock": context.Lock, "count": lambda: context.Value("q"), "barrier": lambda: context.Barrier(processes)}
    shared = make[kind]()
    together = context.Barrier(processes)
    for _ in range(processes - 1):
        context.Process(target=follow, args=(together, kind, shared, calls), daemon=True).start()

    def run():
        work(kind, shared, calls)
        together.wait()

    def round_():
        together.wait()
        took = clock(run)
        return took / calls if kind == "barrier" else took / calls / processes

    serve(round_)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
