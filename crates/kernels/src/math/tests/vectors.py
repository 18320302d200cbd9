"""Makes vectors.txt: arguments, and the exact values of functions at them, by MPFR.

    pip install gmpy2 && python vectors.py > vectors.txt

A line is: the function, its arguments, its value rounded to the nearest float64 (all as bits, hexadecimal), and by how much the
exact value is above that, in ulp of it.
"""

import math
import random
import struct

import gmpy2

gmpy2.set_context(gmpy2.context(precision=200, emin=gmpy2.get_emin_min(), emax=gmpy2.get_emax_max()))
random.seed(20)

COUNT = 12  # of each kind of argument


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def of_bits(n):
    return struct.unpack("<d", struct.pack("<Q", n))[0]


def anything():
    while True:
        x = of_bits(random.getrandbits(64))
        if math.isfinite(x):
            return x


def magnitude(low, high):
    return random.choice([-1, 1]) * 10.0 ** random.uniform(low, high)


def between(low, high):
    return lambda: random.uniform(low, high)


ANY = [anything, lambda: magnitude(-30, 1), between(-1, 1), between(-12, 12), lambda: magnitude(-320, -300)]
NEAR_1 = [lambda: 1 + magnitude(-16, -0.4), between(0.6, 1.5)]
EXP = [between(-745.2, -700), between(700, 709.8), lambda: random.randint(-2000, 2000) * math.log(2) / 2]
LOG = [*NEAR_1, lambda: abs(anything()), lambda: abs(magnitude(-320, -300)), lambda: 10.0 ** random.randint(-300, 300)]
# Among them the worst case of the reduction modulo pi / 2 (Kahan), and others that are hard.
ANGLES = [6381956970095103.0 * 2.0**797, 2.0**1023, 1.6e6, 1600000.0000000002, math.pi, math.pi / 2, 1e22, 5e5 * math.pi]
TURNS = [
    lambda: random.randint(1, 10**6) * math.pi / 2,
    lambda: magnitude(5, 22),
    lambda: magnitude(22, 308),
    lambda: random.randint(1, 10**15) * math.pi / 2,
    *[lambda x=x: x for x in ANGLES],
]
UNIT = [between(-1, 1), lambda: magnitude(-20, 0), lambda: 1 - abs(magnitude(-16, -1)), between(-0.55, -0.45)]

FUNCTIONS = {
    "exp": (gmpy2.exp, ANY + EXP),
    "exp2": (gmpy2.exp2, [*ANY, between(-1075, -1020), between(1020, 1024), lambda: float(random.randint(-1074, 1023))]),
    "expm1": (gmpy2.expm1, ANY + EXP),
    "sinh": (gmpy2.sinh, [*ANY, *EXP, between(709, 710.4)]),
    "cosh": (gmpy2.cosh, [*ANY, *EXP, between(709, 710.4)]),
    "tanh": (gmpy2.tanh, [*ANY, between(15, 25)]),
    "log": (gmpy2.log, LOG),
    "log1p": (gmpy2.log1p, [*LOG, lambda: -abs(magnitude(-16, 0)), lambda: magnitude(-30, -10)]),
    "log2": (gmpy2.log2, [*LOG, lambda: 2.0 ** random.randint(-1074, 1023)]),
    "log10": (gmpy2.log10, LOG),
    "sin": (gmpy2.sin, ANY + TURNS),
    "cos": (gmpy2.cos, ANY + TURNS),
    "tan": (gmpy2.tan, ANY + TURNS),
    "asin": (gmpy2.asin, UNIT),
    "acos": (gmpy2.acos, UNIT),
    "atan": (gmpy2.atan, [*ANY, lambda: magnitude(-1, 20)]),
    "cbrt": (gmpy2.cbrt, [*ANY, lambda: float(random.randint(-99, 99) ** 3)]),
}


def powers():
    for _ in range(6 * COUNT):
        base = random.choice([abs(anything()), random.uniform(0, 2), 1 + magnitude(-14, -1), abs(magnitude(-308, 308))])
        yield base, random.uniform(-745, 709.7) / math.log(base) if base not in (0, 1) else 3.0
        yield base, random.uniform(-20, 20)
        yield random.choice([-1, 1]) * base, float(random.randint(-40, 40))


def points():
    for _ in range(3 * COUNT):
        yield anything(), anything()
        yield random.uniform(-1, 1), random.uniform(-1, 1)
        yield magnitude(-20, 20), magnitude(-20, 20)
        yield magnitude(-320, -280), magnitude(-320, -280)


def line(name, arguments, exact):
    rounded = float(exact)
    if not math.isfinite(rounded) or exact == 0:
        return
    above = float((exact - gmpy2.mpfr(rounded)) / gmpy2.mpfr(math.ulp(rounded)))
    print(name, *[f"{bits(x):016x}" for x in (*arguments, rounded)], f"{above:.3f}")


for name, (function, kinds) in FUNCTIONS.items():
    for kind in kinds:
        for _ in range(1 if kind in TURNS[4:] else COUNT):
            x = kind()
            exact = function(gmpy2.mpfr(x))
            if not gmpy2.is_nan(exact):
                line(name, [x], exact)
for x, y in powers():
    line("pow", [x, y], gmpy2.mpfr(x) ** gmpy2.mpfr(y))
for y, x in points():
    line("atan2", [y, x], gmpy2.atan2(gmpy2.mpfr(y), gmpy2.mpfr(x)))
