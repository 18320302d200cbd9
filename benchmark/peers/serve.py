"""What the peers in Python share: one round is measured for every line on standard input, and answered with a line
that holds the nanoseconds one operation took. So rounds of both sides can take turns."""

import sys
import time


def clock(work):
    """Nanoseconds that work() takes."""
    began = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - began


def serve(round_):
    """Calls round_() for each line; round_ gets the line's words as arguments."""
    print("ready", flush=True)
    for line in sys.stdin:
        print(round_(*line.split()), flush=True)
