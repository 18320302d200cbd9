// Random numbers against NumPy's Philox, and against what their documentation says of the words they are made of.
import test from 'ava'
import { type DType, kernels } from 'tsdsm'
import { LAYOUTS, place, refused, room, sameBits, untouched, values } from '../helpers/arrange.mjs'
import { same, withNumpy } from '../helpers/numpy.mjs'

const numpyTest = withNumpy(test)

const KEYS = [0, 7, 2 ** 53 - 1, 2n ** 64n - 1n, 2n ** 64n + 5n, 2n ** 128n - 1n]
const INTEGERS: DType[] = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64']
const LENGTHS = [0, 1, 2, 3, 4, 5, 511, 512, 513, 1023, 1025, 20_000]

/** NumPy's bit generator. */
const PHILOX = 'p = np.random.Philox(key=key).jumped(stream)\n'

numpyTest('words and uniform numbers are those of NumPy, of every key and stream', async (t, numpy) => {
  for (const key of KEYS) {
    for (const stream of [0, 1, 2 ** 40, 2n ** 64n - 1n]) {
      const inputs = { key, stream, n: 1500 }
      const options = { key, stream }
      const message = `key ${key}, stream ${stream}`
      const words = kernels.randomWords(new BigUint64Array(1500), options)
      same(t, words, await numpy.eval(`${PHILOX}result = p.random_raw(n)`, inputs), { message })
      const wide = kernels.uniform(new Float64Array(1500), options)
      same(t, wide, await numpy.eval(`${PHILOX}result = np.random.Generator(p).random(n)`, inputs), { message })
      const narrow = kernels.uniform(new Float32Array(1500), options)
      same(t, narrow, await numpy.eval(`${PHILOX}result = np.random.Generator(p).random(n, 'f4')`, inputs), { message })
    }
  }
})

numpyTest('uniform numbers between other limits', async (t, numpy) => {
  for (const [low, high] of [
    [-1, 1],
    [3, 3],
    [5, 2],
    [0.1, 1e9],
    [-1e-30, 1e-30],
  ]) {
    for (const dtype of ['float64', 'float32'] as const) {
      const out = kernels.uniform(room(dtype, 1000) as Float64Array, { key: 5, low, high })
      const code = `u = np.random.Generator(np.random.Philox(key=5)).random(1000, d)
result = np.array(low, d) + np.array(high - low, d) * u`
      same(t, out, await numpy.eval(code, { low, high, d: dtype }), { message: `${dtype} from ${low} to ${high}` })
    }
  }
})

numpyTest('integers of every type are what the words say, and fair', async (t, numpy) => {
  const limits = (dtype: DType): [bigint, bigint] => {
    const bits = BigInt(dtype.replace(/\D+/, ''))
    return dtype.startsWith('u') ? [0n, 1n << bits] : [-(1n << (bits - 1n)), 1n << (bits - 1n)]
  }
  for (const dtype of INTEGERS) {
    const [least, end] = limits(dtype)
    // Of three quarters of all words, a quarter of them is refused: the next ones decide.
    const cases = [
      [least, end],
      [least, end - (end - least) / 4n],
      [0n, 1n],
      [1n, 7n],
      [end - 1n, end],
      [0n, 100n],
    ]
    for (const [low, high] of cases) {
      for (const offset of [0, 1001]) {
        const out = kernels.integers(room(dtype, 3000) as BigInt64Array, low, high, { key: 11, stream: 3, offset })
        const expected = await numpy.eval(
          `key, stream, n = 11, 3, high - low
words = np.random.Philox(key=key).jumped(stream).random_raw(offset + 3000)[offset:]
unfair = 2**64 % n
def number(i, w):
    block = 0
    rest = [int(w)]
    while True:
        for w in rest:
            if (w * n) % 2**64 >= unfair: return low + (w * n >> 64)
        # NumPy counts before it makes a block.
        counter = i + (block << 64) + (stream << 128) + (1 << 192)
        rest = [int(w) for w in np.random.Philox(key=key, counter=(counter - 1) % 2**256).random_raw(4)]
        block += 1
result = np.array([number(offset + i, w) for i, w in enumerate(words)], dtype)`,
          { low, high, offset, dtype },
        )
        same(t, out, expected, { message: `${dtype} from ${low} to ${high}` })
      }
    }
  }
  const dice = kernels.integers(new Int8Array(600_000), 1, 7, { key: 1 })
  const counts = kernels.bincount(new Int32Array(7), dice)
  t.is(counts[0], 0)
  // Chi squared with 5 degrees of freedom: above 20.5 once in 1000 keys.
  t.true([...counts.subarray(1)].reduce((sum, count) => sum + (count - 100_000) ** 2 / 100_000, 0) < 20.5)
})

numpyTest('normal numbers are pairs of words by Box and Muller, and normal', async (t, numpy) => {
  for (const [mean, deviation] of [
    [0, 1],
    [5, 0.25],
    [-3, 0],
  ]) {
    for (const offset of [0, 1, 7, 1000]) {
      const out = kernels.normal(new Float64Array(4001), { key: 9, stream: 2, mean, deviation, offset })
      const inputs = { mean, deviation, offset }
      const expected = await numpy.eval(
        `f = (np.random.Philox(key=9).jumped(2).random_raw(6000) >> np.uint64(11)) / 2.0**53
r, v = np.sqrt(-2 * np.log(1 - f[::2])), 2 * np.pi * f[1::2]
z = np.stack([r * np.cos(v), r * np.sin(v)], axis=1).ravel()
result = (mean + deviation * z)[offset:offset + 4001]`,
        inputs,
      )
      same(t, out, expected, { relative: 2e-15 })
      const narrow = kernels.normal(new Float32Array(4001), { key: 9, stream: 2, mean, deviation, offset })
      same(t, narrow, await numpy.eval("x.astype('f4')", { x: out }))
    }
  }
  const [distance, ...moments] = await numpy.evalAll(
    `import math
s, n = np.sort(x), x.size
cdf = np.array([0.5 * math.erfc(-each / math.sqrt(2)) for each in s.tolist()])
steps = np.arange(n + 1) / n
distance = max(np.max(steps[1:] - cdf), np.max(cdf - steps[:-1])) * math.sqrt(n)
result = [distance, x.mean() * math.sqrt(n), (x.var() - 1) * math.sqrt(n / 2), (x**3).mean() * math.sqrt(n / 15), ((x**4).mean() - 3) * math.sqrt(n / 96), np.corrcoef(x[::2], x[1::2])[0, 1] * math.sqrt(n / 2)]`,
    { x: kernels.normal(new Float64Array(200_000), { key: 2026 }) },
  )
  // Kolmogorov and Smirnov: above 1.95 once in 1000 keys. Moments in standard deviations of theirs.
  t.true(Number(distance.data[0]) < 1.95, String(distance.data[0]))
  for (const [i, moment] of moments.entries())
    t.true(Math.abs(Number(moment.data[0])) < 3.5, `moment ${i}: ${moment.data[0]}`)
})

/** The kernels that fill an array, each with what it is called with beside options. */
const FILLS = [
  ['randomWords', 'uint64', []],
  ['uniform', 'float64', []],
  ['uniform', 'float32', []],
  ['normal', 'float64', []],
  ['normal', 'float32', []],
  ['integers', 'int16', [-3, 1000]],
  ['integers', 'uint64', [0n, 3n * 2n ** 62n]],
] as const

type Fill = (out: unknown, ...rest: unknown[]) => unknown
const fill = (name: string) => (kernels as unknown as Record<string, Fill>)[name]

for (const [name, dtype, limits] of FILLS) {
  numpyTest(`${name} of ${dtype} in parts is that of the whole`, async (t, numpy) => {
    const options = { key: 3n ** 70n, stream: 5 }
    const whole = room(dtype, 20_000) as Float64Array
    fill(name)(whole, ...limits, { ...options, threads: 1 })
    for (const length of LENGTHS) {
      for (const threads of [1, 2, 3]) {
        const out = room(dtype, length)
        t.is(fill(name)(out, ...limits, { ...options, threads }), out)
        sameBits(t, out, whole.subarray(0, length), `${length} on ${threads}`)
      }
    }
    // Parts that join anywhere: each from an offset, or as a range of the whole.
    const cuts = [0, 1, 2, 5, 6, 517, 1030, 1031, 9999, 20_000]
    const [parts, ranges] = [room(dtype, 20_000) as Float64Array, room(dtype, 20_000) as Float64Array]
    for (const [i, stop] of cuts.slice(1).entries()) {
      const start = cuts[i]
      fill(name)(parts.subarray(start, stop), ...limits, { ...options, offset: BigInt(start), threads: 2 })
      fill(name)(ranges, ...limits, { ...options, range: [start, stop] })
      sameBits(t, ranges.subarray(stop), (room(dtype, 20_000) as Float64Array).subarray(stop))
    }
    sameBits(t, parts, whole)
    sameBits(t, ranges, whole)
    const later = room(dtype, 20_000)
    t.is(await fill(`${name}Async`)(later, ...limits, options), later)
    sameBits(t, later, whole)
    // Far behind, too, and beyond what a number holds.
    const far = 2n ** 62n + 3n
    const behind = room(dtype, 50) as Float64Array
    fill(name)(behind, ...limits, { ...options, offset: far })
    const next = room(dtype, 43) as Float64Array
    fill(name)(next, ...limits, { ...options, offset: far + 7n })
    t.deepEqual(next, behind.subarray(7))
    t.notDeepEqual(behind, whole.subarray(0, 50))
    // The order is C's, whatever the layout; a mask leaves the rest as it is.
    for (const layout of LAYOUTS) {
      const out = place(dtype, [3, 5, 7], layout)
      fill(name)(out, ...limits, options)
      t.deepEqual(values(out).data, whole.subarray(0, 105) as never, layout)
      untouched(t, out)
      const masked = place(dtype, [3, 5, 7], layout)
      const before = values(masked)
      fill(name)(masked, ...limits, { ...options, where: Uint8Array.of(1, 0, 1, 1, 0, 0, 1), range: [1, 3] })
      const code = 'o = b.copy()\nm = np.array([1, 0, 1, 1, 0, 0, 1], bool)\no[1:, :, m] = w[1:, :, m]\nresult = o'
      same(t, values(masked), await numpy.eval(code, { b: before, w: values(out) }), { message: layout })
      untouched(t, masked)
    }
  })
}

test('a permutation has every index once, the same on any number of threads and of any type', t => {
  for (const length of [0, 1, 2, 3, 100, 32_768, 32_769, 100_000, 300_000]) {
    const first = kernels.permutation(new Int32Array(length), { key: 8, threads: 1 })
    t.deepEqual(
      kernels.sort(new Int32Array(length), first),
      Int32Array.from({ length }, (_, i) => i),
    )
    for (const threads of [1, 2, 3]) {
      sameBits(t, kernels.permutation(new Int32Array(length), { key: 8, threads }), first, `${length}`)
    }
    sameBits(t, kernels.permutation(new Uint32Array(length), { key: 8 }), first)
    const wide = BigInt64Array.from(first, BigInt)
    sameBits(t, kernels.permutation(new BigInt64Array(length), { key: 8 }), wide)
    sameBits(t, kernels.permutation(new BigUint64Array(length), { key: 8 }), wide)
    if (length < 100) continue
    t.notDeepEqual(kernels.permutation(new Int32Array(length), { key: 9 }).subarray(0, 50), first.subarray(0, 50))
    t.notDeepEqual(
      kernels.permutation(new Int32Array(length), { key: 8, stream: 1 }).subarray(0, 50),
      first.subarray(0, 50),
    )
    // Of a random one, about one index stays where it is; and neighbours are no neighbours.
    t.true(first.filter((value, i) => value === i).length < 10)
    t.true(first.filter((value, i) => value === first[i - 1] + 1).length < 10)
  }
  const strided = place('int32', [100], 'gaps')
  kernels.permutation(strided, { key: 8 })
  t.deepEqual(values(strided).data, kernels.permutation(new Int32Array(100), { key: 8 }))
  untouched(t, strided)
})

test('all permutations are as likely', t => {
  const counts = new Map<string, number>()
  for (let key = 0; key < 24_000; key++) {
    const order = kernels.permutation(new Int32Array(4), { key, threads: 1 }).join()
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  t.is(counts.size, 24)
  // Chi squared with 23 degrees of freedom: above 49.7 once in 1000.
  t.true([...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0) < 49.7)
})

test('what does not fit is refused before anything is written', async t => {
  const out = new Float64Array(4)
  const narrow = new Float32Array(4)
  const bytes = new Int8Array(4)
  const words = new BigUint64Array(4)
  const key = 1
  await refused(
    t,
    [out, narrow, bytes, words],
    [
      ['uniform', out, {}],
      ['uniform', out],
      ['uniform', out, { key: -1 }],
      ['uniform', out, { key: 2n ** 128n }],
      ['uniform', out, { key: 0.5 }],
      ['uniform', out, { key: '1' }],
      ['uniform', out, { key, stream: -1 }],
      ['uniform', out, { key, stream: 2n ** 64n }],
      ['uniform', out, { key, offset: -1 }],
      ['uniform', out, { key, offset: 2n ** 63n - 3n }],
      ['uniform', out, { key, low: Number.NaN }],
      ['uniform', out, { key, high: Number.POSITIVE_INFINITY }],
      ['uniform', out, { key, low: -1e308, high: 1e308 }],
      ['uniform', narrow, { key, low: -3e38, high: 3e38 }],
      ['uniform', narrow, { key, low: 1e300, high: 1e300 }],
      ['uniform', out, { key, low: 1n }],
      ['uniform', out, { key, mean: 1 }],
      ['uniform', out, { key, range: [0, 5] }],
      ['uniform', out, { key, where: new Uint8Array(3) }],
      ['uniform', out, { key, where: out }],
      ['uniform', bytes, { key }],
      ['uniform', { data: out, shape: [4], stride: [0], offset: 0 }, { key }],
      ['normal', bytes, { key }],
      ['normal', out, { key, deviation: -1 }],
      ['normal', out, { key, deviation: Number.POSITIVE_INFINITY }],
      ['normal', out, { key, mean: Number.NaN }],
      ['normal', out, { key, offset: 2n ** 64n - 1n }],
      ['randomWords', out, { key }],
      ['randomWords', new BigInt64Array(4), { key }],
      ['randomWords', words, {}],
      ['integers', out, 0, 5, { key }],
      ['integers', bytes, 0, 129, { key }],
      ['integers', bytes, -129, 5, { key }],
      ['integers', bytes, 5, 5, { key }],
      ['integers', bytes, 5, 4, { key }],
      ['integers', bytes, 0.5, 4, { key }],
      ['integers', words, -1, 4, { key }],
      ['integers', words, 0, 2n ** 64n + 1n, { key }],
      ['integers', words, 0, 2n ** 200n, { key }],
      ['integers', bytes, 0, 5],
      ['permutation', bytes, { key }],
      ['permutation', out, { key }],
      ['permutation', words, {}],
      ['permutation', words, { key, offset: 1 }],
      ['permutation', { data: words, shape: [2, 2], stride: [2, 1], offset: 0 }, { key }],
      ['permutation', { data: words, shape: [4], stride: [0], offset: 0 }, { key }],
    ],
  )
})
