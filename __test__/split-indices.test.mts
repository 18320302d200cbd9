// splitIndices: what the workers get, that they agree, and that the random shares look random.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { inspect } from 'node:util'
import test from 'ava'
import fc from 'fast-check'
import { IndexRange, InvalidArgumentError, type SplitIndicesOptions, splitIndices } from 'tsdsm'

const PYTHON = '.cache/venv/bin/python'

/** The shares of all workers. */
function shares(n: number, size: number, options?: SplitIndicesOptions) {
  return Array.from({ length: size }, (_, id) => splitIndices(n, id, size, options))
}

/** Whether the shares together have each of 0 … n-1 once. */
function covers(n: number, parts: Iterable<Iterable<number>>): boolean {
  const seen = new Uint8Array(n)
  let count = 0
  for (const part of parts) {
    for (const i of part) {
      seen[i]++
      count++
    }
  }
  return count === n && seen.every(times => times === 1)
}

const smallN = fc.integer({ min: 0, max: 300 })
// On both sides of the length up to which the whole is shuffled, and around powers of two and of four.
const someN = fc.oneof(
  smallN,
  fc.integer({ min: 4090, max: 4100 }),
  fc.integer({ min: 4097, max: 20_000 }),
  fc.constantFrom(4096, 8191, 8192, 8193, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537),
)

test('the shares are a disjoint cover of 0..n-1 whose lengths differ by at most one', t => {
  fc.assert(
    fc.property(someN, fc.integer({ min: 1, max: 40 }), fc.boolean(), fc.maxSafeInteger(), (n, size, random, seed) => {
      const parts = shares(n, size, { random, seed })
      const lengths = parts.map(part => part.length)
      return covers(n, parts) && Math.max(...lengths) - Math.min(...lengths) <= 1
    }),
    { numRuns: 200 },
  )
  t.pass()
})

test('the shares are those of NumPy array_split', t => {
  const cases = [0, 1, 2, 3, 7, 10, 11, 64, 100, 1000].flatMap(n => [1, 2, 3, 4, 7, 11].map(size => [n, size]))
  const bounds = cases.map(([n, size]) => shares(n, size, { random: false }).map(part => [...part]))
  // Known by heart, for machines without NumPy.
  t.deepEqual(bounds[cases.findIndex(([n, size]) => n === 10 && size === 4)], [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7],
    [8, 9],
  ])
  if (!existsSync(PYTHON)) {
    t.log(`SKIPPED: no NumPy at ${PYTHON}, so array_split itself was not asked`)
    return
  }
  const program = `
import json, sys, numpy as np
print(json.dumps([[p.tolist() for p in np.array_split(np.arange(n), k)] for n, k in json.load(sys.stdin)]))`
  const numpy = JSON.parse(execFileSync(PYTHON, ['-c', program], { input: JSON.stringify(cases), encoding: 'utf8' }))
  t.deepEqual(bounds, numpy)
})

test("remainder: 'last' gives py-dsm's shares, the last one complete", t => {
  const parts = shares(10, 4, { random: false, remainder: 'last' }).map(part => [...part])
  t.deepEqual(parts, [
    [0, 1],
    [2, 3],
    [4, 5],
    [6, 7, 8, 9],
  ])
  t.deepEqual(
    shares(3, 5, { random: false, remainder: 'last' }).map(part => [...part]),
    [[], [], [], [], [0, 1, 2]],
  )
  fc.assert(
    fc.property(someN, fc.integer({ min: 1, max: 40 }), fc.boolean(), (n, size, random) => {
      const parts = shares(n, size, { random, remainder: 'last' })
      return covers(n, parts) && parts.slice(0, -1).every(part => part.length === Math.floor(n / size))
    }),
    { numRuns: 100 },
  )
})

test('the shares, put together, are one permutation, however many workers there are', t => {
  for (const n of [0, 1, 2, 10, 4096, 4097, 100_003]) {
    const whole = [...splitIndices(n, 0, 1, { seed: 5, call: 3 })]
    // With 997 workers a share is too short for tables: the two ways to compute it must agree.
    for (const size of [2, 3, 8, 997]) {
      t.deepEqual(
        shares(n, size, { seed: 5, call: 3 }).flatMap(part => [...part]),
        whole,
        `${n} / ${size}`,
      )
    }
  }
})

test('the permutation is the same for the same seed and call, and another for any other', t => {
  for (const n of [100, 50_000]) {
    const list = (options?: SplitIndicesOptions) => splitIndices(n, 0, 1, options as { random?: true }).join()
    t.is(list({ seed: 1, call: 2 }), list({ seed: 1, call: 2 }))
    t.is(list(), list({ seed: 0, call: 0, random: true, remainder: 'balanced' }))
    t.is(list({ seed: 7 }), list({ seed: 7n }))
    t.is(list({ seed: -1 }), list({ seed: 2n ** 64n - 1n }))
    const different = [
      { seed: 0 },
      { seed: 1 },
      { seed: -1 },
      { seed: 2 ** 32 },
      { seed: 2n ** 63n },
      { call: 1 },
      { call: 2 ** 32 },
      { call: [1, 2] },
      { call: [2, 1] },
      { call: [1, 2, 0] },
    ].map(list)
    t.is(new Set(different).size, different.length)
  }
})

test('random shares are an Int32Array up to 2^31, and a Float64Array of exact integers above', t => {
  const small = splitIndices(2 ** 31, 3, 2 ** 20)
  t.true(small instanceof Int32Array)
  t.is(small.length, 2048)
  t.true(small.every(i => i >= 0))

  for (const n of [2 ** 31 + 1, 2 ** 40 + 12_345, 2 ** 52 - 1, Number.MAX_SAFE_INTEGER]) {
    const size = Math.ceil(n / 1000)
    const parts = [0, 1, Math.floor(size / 2), size - 1].map(id => splitIndices(n, id, size, { seed: 9 }))
    const all = parts.flatMap(part => [...part])
    t.true(parts.every(part => part instanceof Float64Array))
    t.true(all.every(i => Number.isSafeInteger(i) && i >= 0 && i < n))
    t.is(new Set(all).size, all.length)
    // Spread over the whole of it, low bits included.
    const halves = all.filter(i => i >= n / 2).length / all.length
    const odd = all.filter(i => i % 2 === 1).length / all.length
    for (const part of [halves, odd]) t.true(Math.abs(part - 0.5) < 4 * Math.sqrt(0.25 / all.length))
  }
  const range = splitIndices(Number.MAX_SAFE_INTEGER, 2, 3, { random: false })
  t.is(range.stop, Number.MAX_SAFE_INTEGER)
  t.is(range.length, Math.floor(Number.MAX_SAFE_INTEGER / 3))
})

test('0, 1 and fewer indices than workers are fine; what is no count is refused', t => {
  t.is(splitIndices(0, 2, 3).length, 0)
  t.deepEqual([...splitIndices(0, 0, 1, { random: false })], [])
  t.deepEqual(
    shares(2, 4).map(part => part.length),
    [1, 1, 0, 0],
  )
  const bad: [unknown, unknown, unknown, unknown?][] = [
    [-1, 0, 1],
    [1.5, 0, 1],
    [Number.NaN, 0, 1],
    [Number.POSITIVE_INFINITY, 0, 1],
    [2 ** 53, 0, 1],
    ['7', 0, 1],
    [7n, 0, 1],
    [undefined, 0, 1],
    [7, 0, 0],
    [7, 0, -2],
    [7, 0, 1.5],
    [7, -1, 2],
    [7, 2, 2],
    [7, 0.5, 2],
    [7, 0, 1, null],
    [7, 0, 1, { random: 'no' }],
    [7, 0, 1, { ramdom: false }],
    [7, 0, 1, { seed: 1.5 }],
    [7, 0, 1, { seed: 'x' }],
    [7, 0, 1, { call: -1 }],
    [7, 0, 1, { call: [1, 0.5] }],
    [7, 0, 1, { remainder: 'first' }],
  ]
  for (const [n, id, size, options] of bad) {
    t.throws(() => splitIndices(n as number, id as number, size as number, options as SplitIndicesOptions), {
      instanceOf: InvalidArgumentError,
      code: 'ERR_TSDSM_INVALID_ARGUMENT',
      message: /^splitIndices(:| has no option 'ramdom')/,
    })
  }
})

test('a share that no memory can hold is refused, and the range form of it is not', t => {
  t.throws(() => splitIndices(Number.MAX_SAFE_INTEGER, 0, 1), {
    instanceOf: InvalidArgumentError,
    message: /random: false/,
  })
  t.is(splitIndices(Number.MAX_SAFE_INTEGER, 0, 1, { random: false }).length, Number.MAX_SAFE_INTEGER)
})

test('an IndexRange is what its integers are', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: -50, max: 50 }),
      fc.integer({ min: -50, max: 50 }),
      fc.integer({ min: -7, max: 7 }).filter(step => step !== 0),
      (start, stop, step) => {
        const list: number[] = []
        for (let i = start; step > 0 ? i < stop : i > stop; i += step) list.push(i)
        const range = new IndexRange(start, stop, step)
        t.is(range.length, list.length)
        t.deepEqual([...range], list)
        t.deepEqual([...range.toArray()], list)
        t.deepEqual(
          range.map((i, k) => [i, k]),
          list.map((i, k) => [i, k]),
        )
        const called: number[] = []
        range.forEach((i, k) => {
          called[k] = i
        })
        t.deepEqual(called, list)
        for (let k = -list.length - 2; k < list.length + 2; k++) t.is(range.at(k), list.at(k))
        for (let i = -60; i < 60; i++) t.is(range.includes(i), list.includes(i))
      },
    ),
    { numRuns: 100 },
  )
  t.true(new IndexRange(0, 3).toArray() instanceof Int32Array)
  t.true(new IndexRange(2 ** 31 - 2, 2 ** 31 + 1).toArray() instanceof Float64Array)
  t.deepEqual([...new IndexRange(2 ** 40, 2 ** 40 + 2)], [2 ** 40, 2 ** 40 + 1])
  t.is(inspect(new IndexRange(2, 9)), 'IndexRange { start: 2, stop: 9 }')
  t.is(inspect(new IndexRange(9, 2, -3)), 'IndexRange { start: 9, stop: 2, step: -3 }')
})

test('an IndexRange can be gone through twice at once, and its iterator ends for good', t => {
  const range = new IndexRange(0, 3)
  const pairs: number[][] = []
  for (const i of range) for (const j of range) pairs.push([i, j])
  t.is(pairs.length, 9)
  const iterator = range[Symbol.iterator]()
  const results = [iterator.next(), iterator.next(), iterator.next()]
  t.deepEqual(
    results.map(result => result.value),
    [0, 1, 2],
  )
  t.true(iterator.next().done)
  t.true(iterator.next().done)
})

test('an IndexRange of anything but integers is refused', t => {
  for (const [start, stop, step] of [
    [0.5, 2, 1],
    [0, Number.POSITIVE_INFINITY, 1],
    [0, 2, 0],
    [0, 2 ** 53, 1],
    [0, '2', 1],
  ]) {
    t.throws(() => new IndexRange(start as number, stop as number, step as number), {
      instanceOf: InvalidArgumentError,
    })
  }
})

// Randomness. All seeds are fixed, so each of these gives the same figures on every run and every machine. The limits
// are those of a statistic with mean 0 and deviation 1 that is asked some hundred times: a true shuffle stays below 5.
const LIMIT = 5

/** How far a chi-square over equally likely cells is from what chance gives, in deviations. */
function chiSquare(cells: Float64Array, degrees = cells.length - 1): number {
  const mean = cells.reduce((sum, count) => sum + count, 0) / cells.length
  const sum = cells.reduce((total, count) => total + (count - mean) ** 2 / mean, 0)
  return (sum - degrees) / Math.sqrt(2 * degrees)
}

/** The deviations of a count from a mean that is Poisson's. */
const deviations = (count: number, mean: number) => Math.abs(count - mean) / Math.sqrt(mean)

const permutation = (n: number, seed: number, call = 0) => splitIndices(n, 0, 1, { seed, call })

// Shuffled as a whole; just above that; a power of four; a power of two; neither.
const LENGTHS = [1000, 4099, 65_536, 131_072, 100_003]

test('every index comes to every position alike often', t => {
  const cells = 10
  // All ten of ten, where rows and columns of the table have fixed sums, and ten of many, where rows have.
  for (const [n, rounds, degrees] of [
    [10, 20_000, 81],
    [4500, 2000, 90],
  ]) {
    const counts = new Float64Array(cells * cells)
    for (let call = 0; call < rounds; call++) {
      const p = permutation(n, 11, call)
      for (let k = 0; k < cells; k++) {
        const position = Math.floor((k * n) / cells)
        counts[k * cells + Math.floor((p[position] * cells) / n)]++
      }
    }
    t.true(Math.abs(chiSquare(counts, degrees)) < LIMIT, `n = ${n}`)
  }
})

test('all orders of a few indices are alike likely', t => {
  const counts = new Map<string, number>()
  const rounds = 24_000
  for (let call = 0; call < rounds; call++) {
    const order = permutation(4, 3, call).join()
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  t.is(counts.size, 24)
  t.true(Math.abs(chiSquare(Float64Array.from(counts.values()))) < LIMIT)
})

test('neighbours, near and far, have nothing to do with each other', t => {
  for (const n of LENGTHS) {
    // The distance between indices that share one half of the network's input, and around it.
    const half = 2 ** Math.floor(Math.log2(n) / 2)
    for (let seed = 1; seed <= 5; seed++) {
      const p = permutation(n, seed)
      for (const lag of [1, 2, half / 2, half, half + 1, 2 * half]) {
        const high = new Float64Array(256)
        const low = new Float64Array(256)
        const differences = new Float64Array(64)
        for (let i = 0; i + lag < n; i++) {
          const [a, b] = [p[i], p[i + lag]]
          high[Math.floor((a * 16) / n) * 16 + Math.floor((b * 16) / n)]++
          low[(a & 15) * 16 + (b & 15)]++
          differences[Math.floor((((b - a + n) % n) * 64) / n)]++
        }
        const where = `n = ${n}, seed ${seed}, distance ${lag}`
        // The margins are nearly fixed: (16 - 1)^2 degrees of freedom.
        t.true(Math.abs(chiSquare(high, 225)) < LIMIT, `high digits, ${where}`)
        t.true(Math.abs(chiSquare(low, 225)) < LIMIT, `low digits, ${where}`)
        t.true(Math.abs(chiSquare(differences)) < LIMIT, `differences, ${where}`)
      }
    }
  }
})

test('no four indices repeat a difference more often than chance has it', t => {
  for (const n of LENGTHS) {
    const half = 2 ** Math.floor(Math.log2(n) / 2)
    for (let seed = 1; seed <= 3; seed++) {
      const p = permutation(n, seed)
      for (const near of [1, half]) {
        for (const far of [3, half / 2, 2 * half]) {
          let equal = 0
          const last = n - near - far
          for (let i = 0; i < last; i++) {
            if (((p[i] ^ p[i + near]) & (half - 1)) === ((p[i + far] ^ p[i + near + far]) & (half - 1))) equal++
          }
          t.true(deviations(equal, last / half) < LIMIT, `n = ${n}, seed ${seed}, distances ${near} and ${far}`)
        }
      }
    }
  }
})

test('ascents, fixed points and cycles are as many as in a shuffle', t => {
  for (const n of LENGTHS) {
    const rounds = 20
    let ascents = 0
    let fixed = 0
    let cycles = 0
    for (let call = 0; call < rounds; call++) {
      const p = permutation(n, 21, call)
      const seen = new Uint8Array(n)
      for (let i = 0; i < n; i++) {
        if (i > 0 && p[i - 1] < p[i]) ascents++
        if (p[i] === i) fixed++
        if (!seen[i]) cycles++
        for (let j = i; !seen[j]; j = p[j]) seen[j] = 1
      }
    }
    const harmonic = Math.log(n) + 0.5772
    t.true(Math.abs(ascents - (rounds * (n - 1)) / 2) < LIMIT * Math.sqrt((rounds * (n + 1)) / 12), `ascents, ${n}`)
    t.true(deviations(fixed, rounds) < LIMIT, `fixed points, ${n}`)
    t.true(Math.abs(cycles - rounds * harmonic) < LIMIT * Math.sqrt(rounds * (harmonic - 1.645)), `cycles, ${n}`)
  }
})

test('one bit of the seed, or the next call, changes everything (avalanche)', t => {
  const n = 65_536
  const before = permutation(n, 0)
  const changed = [
    ...Array.from({ length: 8 }, (_, k) => splitIndices(n, 0, 1, { seed: 2n ** BigInt(k * 9) })),
    permutation(n, 0, 1),
    permutation(n, 0, 2),
  ]
  for (const after of changed) {
    let same = 0
    const flips = new Float64Array(16)
    const pairs = new Float64Array(256)
    for (let i = 0; i < n; i++) {
      if (before[i] === after[i]) same++
      pairs[(before[i] >> 12) * 16 + (after[i] >> 12)]++
      for (let bit = 0; bit < 16; bit++) flips[bit] += ((before[i] ^ after[i]) >> bit) & 1
    }
    t.true(deviations(same, 1) < LIMIT)
    t.true(Math.abs(chiSquare(pairs, 225)) < LIMIT)
    for (const count of flips) t.true(Math.abs(count - n / 2) < LIMIT * Math.sqrt(n / 4))
  }
})
