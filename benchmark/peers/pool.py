"""Running an empty task in the warm processes of a multiprocessing.Pool.  Usage: pool.py PROCESSES CALLS"""

import multiprocessing
import sys

from serve import clock, serve


def nothing(_):
    pass


def main(processes, calls):
    with multiprocessing.get_context("fork").Pool(processes) as pool:

        def run():
            for _ in range(calls):
                pool.map(nothing, range(processes), chunksize=1)

        serve(lambda: clock(run) / calls)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
