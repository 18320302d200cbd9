// Views and strides against plain nested lists, in this process and in another, and against NumPy.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import {
  type AxisSlice,
  ClosedError,
  IndexRange,
  InvalidArgumentError,
  SharedArray,
  type SharedArrayOf,
  StridedView,
} from 'tsdsm'
import { Child } from './helpers/child.mjs'
import { counted, npyFile } from './helpers/npy.mjs'

const PYTHON = '.cache/venv/bin/python'

// The oracle: arrays as nested lists. A list of no axes is a number.
type List = number | List[]

/** Python's slice over a list, written from its definition and not from ours. */
function pythonSlice<T>(list: T[], { start, stop, step }: { start?: number; stop?: number; step?: number }): T[] {
  const by = step ?? 1
  const end = list.length
  const bound = (at: number) => (at < 0 ? at + end : at)
  const out: T[] = []
  if (by > 0) {
    const to = Math.min(stop === undefined ? end : bound(stop), end)
    for (let i = Math.max(start === undefined ? 0 : bound(start), 0); i < to; i += by) out.push(list[i])
  } else {
    const to = Math.max(stop === undefined ? -1 : bound(stop), -1)
    for (let i = Math.min(start === undefined ? end - 1 : bound(start), end - 1); i > to; i += by) out.push(list[i])
  }
  return out
}

function sliceList(list: List, slices: readonly AxisSlice[]): List {
  if (slices.length === 0) return list
  const [first, ...rest] = slices
  const axis = list as List[]
  if (typeof first === 'number') return sliceList(axis.at(first) as List, rest)
  return pythonSlice(axis, (first ?? {}) as { start?: number }).map(part => sliceList(part, rest))
}

/** The list with its axes in another order, by asking for every element. */
function transposeList(list: List, shape: readonly number[], axes: readonly number[]): List {
  const level = (done: number[]): List => {
    if (done.length === axes.length) {
      let at: List = list
      for (let axis = 0; axis < shape.length; axis++) at = (at as List[])[done[axes.indexOf(axis)]]
      return at
    }
    return Array.from({ length: shape[axes[done.length]] }, (_, i) => level([...done, i]))
  }
  return level([])
}

/** An operation that both the array and the list know. */
type Step = { slices: AxisSlice[] } | { axes: number[] }

const bound = fc.option(fc.integer({ min: -7, max: 7 }), { nil: undefined })
const step = fc.option(
  fc.integer({ min: -3, max: 3 }).filter(by => by !== 0),
  { nil: undefined },
)
const axisSlice: fc.Arbitrary<AxisSlice> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ start: bound, stop: bound, step }) },
  { weight: 1, arbitrary: fc.constantFrom(null, undefined) },
)
const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })

/** A shape and some steps that fit it. */
const programs = shapes.chain(shape =>
  fc
    .array(
      fc.oneof(
        fc.array(fc.oneof(axisSlice, fc.nat()), { maxLength: 4 }).map(slices => ({ slices })),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })).map(keys => ({ keys })),
      ),
      { maxLength: 3 },
    )
    .map(raw => ({ shape, raw })),
)

/** Fits raw steps to a shape: indices into range, as many slices as axes, keys into an order. */
function fitted(raw: { slices: AxisSlice[] } | { keys: Iterable<number> }, shape: readonly number[]): Step {
  if ('keys' in raw) {
    const keys = [...zip(shape, raw.keys)]
    return { axes: keys.map((_, axis) => axis).sort((a, b) => keys[a] - keys[b]) }
  }
  const slices = raw.slices.slice(0, shape.length).map((slice, axis) => {
    if (typeof slice !== 'number') return slice
    return shape[axis] === 0 ? null : (slice % (2 * shape[axis])) - shape[axis]
  })
  return { slices }
}

function* zip(shape: readonly unknown[], keys: Iterable<number>): Generator<number> {
  const iterator = keys[Symbol.iterator]()
  for (const _ of shape) yield iterator.next().value
}

/** A view and the list that it must equal. */
function run(A: SharedArrayOf<'float64'>, raw: Parameters<typeof fitted>[0][]) {
  let view = A.view()
  let list = A.toNested<List>()
  const steps: Step[] = []
  for (const one of raw) {
    const done = fitted(one, view.shape)
    steps.push(done)
    if ('axes' in done) {
      list = transposeList(list, view.shape, done.axes)
      view = done.axes.length % 2 === 0 ? view.transpose(done.axes) : view.transpose(...done.axes)
    } else {
      list = sliceList(list, done.slices)
      view = view.view(...done.slices)
    }
  }
  return { view, list, steps }
}

test('chains of slices and transposes give what nested lists give', async t => {
  const pool = await counted(t, 625)
  fc.assert(
    fc.property(programs, ({ shape, raw }) => {
      const size = shape.reduce((product, length) => product * length, 1)
      const A = pool.rows(0, size).reshape(shape)
      const { view, list } = run(A, raw)
      t.deepEqual(view.toNested<List>(), list)
      t.is(view.size, [list].flat(9).length)
      t.is(view.ndim, view.shape.length)
      t.deepEqual([...view.contiguous()], [list].flat(9) as number[])
      // The formula of the documentation, element by element.
      const flat = [...view.contiguous()]
      for (let k = 0; k < flat.length; k++) {
        const index: number[] = []
        for (let axis = view.ndim - 1, rest = k; axis >= 0; axis--) {
          index.unshift(rest % view.shape[axis])
          rest = Math.floor(rest / view.shape[axis])
        }
        const at = index.reduce((sum, i, axis) => sum + i * view.stride[axis], view.offset)
        t.is(view.data[at], flat[k])
        t.is(view.index(...index), at)
        t.is(view.item(...index), flat[k])
      }
    }),
    { numRuns: 300 },
  )
})

test('a store through a view goes where the same store goes in the list', async t => {
  const A = await counted(t, 3, 4, 5)
  fc.assert(
    fc.property(fc.array(axisSlice, { minLength: 3, maxLength: 3 }), fc.nat(), (slices, pick) => {
      const view = A.view(...slices).transpose()
      if (view.size === 0) return
      const index = view.shape.map((length, axis) => (pick >> axis) % length)
      const before = [...A]
      const at = view.index(...index)
      view.setItem(...([...index, -pick - 1] as [...number[], number]))
      before[at] = -pick - 1
      t.deepEqual([...A], before)
      t.is(view.item(...index), -pick - 1)
      t.is(view.set(...([...index.map((i, axis) => i - view.shape[axis]), 7] as [...number[], number])), 7)
      t.is(A[at], 7)
    }),
  )
})

test('strides and offsets are those of NumPy', async t => {
  if (!existsSync(PYTHON)) {
    t.log(`SKIPPED: no NumPy at ${PYTHON}`)
    t.pass()
    return
  }
  const pool = await counted(t, 625)
  const cases = fc.sample(programs, { numRuns: 300, seed: 20 }).map(({ shape, raw }) => {
    const size = shape.reduce((product, length) => product * length, 1)
    const { view, steps } = run(pool.rows(0, size).reshape(shape), raw)
    return { shape, steps, view }
  })
  const program = `
import json, sys, numpy as np
out = []
for case in json.load(sys.stdin):
    whole = v = np.arange(np.prod(case['shape'], dtype=int), dtype=float).reshape(case['shape'])
    for step in case['steps']:
        if 'axes' in step:
            v = v.transpose(step['axes'])
        else:
            key = tuple(s if isinstance(s, int) else slice(None) if s is None else slice(s.get('start'), s.get('stop'), s.get('step')) for s in step['slices'])
            v = v[key + (Ellipsis,)]
    at = (v.__array_interface__['data'][0] - whole.__array_interface__['data'][0]) // 8
    out.append([list(v.shape), [s // 8 for s in v.strides], at, v.tolist()])
print(json.dumps(out))`
  const input = JSON.stringify(
    cases.map(({ shape, steps }) => ({
      shape,
      steps: steps.map(one => ('axes' in one ? one : { slices: one.slices.map(slice => slice ?? null) })),
    })),
  )
  const numpy = JSON.parse(execFileSync(PYTHON, ['-c', program], { input, encoding: 'utf8' })) as [
    number[],
    number[],
    number,
    List,
  ][]
  for (const [k, [shape, strides, offset, values]] of numpy.entries()) {
    const { view } = cases[k]
    t.deepEqual(view.shape, shape)
    t.deepEqual(view.toNested<List>(), values)
    // Where there is no element, or one along an axis, the stride and the offset mean nothing.
    if (view.size === 0) continue
    t.is(view.offset, offset)
    for (const [axis, length] of shape.entries()) if (length > 1) t.is(view.strides[axis], strides[axis])
  }
})

test('views of another process are the same views of the same memory', async t => {
  const pool = await counted(t, 625)
  const child = new Child(t, 'view-child')
  await fc.assert(
    fc.asyncProperty(programs, async ({ shape, raw }) => {
      const size = shape.reduce((product, length) => product * length, 1)
      const { view, list } = run(pool.rows(0, size).reshape(shape), raw)
      const {
        shape: theirShape,
        values,
        written,
      } = await child.ask<{ shape: number[]; values: List; written: number }>(view.handle())
      t.deepEqual(theirShape, view.shape)
      t.deepEqual(values, list)
      // It has then added 1000 to every element of the view, and to no other.
      t.is(written, view.size)
      const flat = [list].flat(9) as number[]
      t.deepEqual(
        [...view.contiguous()],
        flat.map(value => value + 1000),
      )
      t.is(pool.filter(value => value >= 1000).length, view.size)
      for (let i = 0; i < pool.length; i++) pool[i] = i
    }),
    { numRuns: 60 },
  )
})

test('row, rows and reshape are typed arrays over the same memory', async t => {
  const A = await counted(t, 4, 3, 2)
  const row = A.row(-1)
  t.true(row instanceof Float64Array)
  t.deepEqual(row.shape, [3, 2])
  t.deepEqual(row.strides, [2, 1])
  t.deepEqual([...row], [18, 19, 20, 21, 22, 23])
  t.deepEqual(row.row(1).toNested<number[]>(), [20, 21])
  t.deepEqual(row.row(1).row(0).shape, [])
  t.is(row.row(1).row(0).item(), 20)
  row.row(1).row(0)[0] = -1
  t.is(A.item(3, 1, 0), -1)
  A[20] = 20

  for (const part of [A.rows(1, 3), A.rows({ start: 1, stop: 3 }), A.rows(new IndexRange(1, 3)), A.rows(-3, -1)]) {
    t.deepEqual(part.shape, [2, 3, 2])
    t.deepEqual([...part], [...A.subarray(6, 18)])
    t.is(part.buffer, A.buffer)
  }
  t.deepEqual(A.rows(2).shape, [2, 3, 2])
  t.deepEqual(A.rows(3, 1).shape, [0, 3, 2])
  t.deepEqual(A.rows(0, 99).shape, [4, 3, 2])

  t.deepEqual(A.reshape(2, 12).shape, [2, 12])
  t.deepEqual(A.reshape([6, -1]).shape, [6, 4])
  t.deepEqual(A.reshape(-1).shape, [24])
  t.deepEqual(A.row(1).reshape(3, -1).toNested<number[][]>(), [
    [6, 7],
    [8, 9],
    [10, 11],
  ])
  t.deepEqual(A.rows(0, 0).reshape(0, 7).shape, [0, 7])
})

test('bad indices, slices, axes and shapes are refused, and nothing is stored', async t => {
  const A = await counted(t, 2, 3)
  const V = A.transpose()
  const scalar = A.row(0).row(0)
  const any = <T,>(x: T) => x as never
  const bad: [string, () => unknown][] = [
    ['too large', () => A.item(2, 0)],
    ['too small', () => A.item(-3, 0)],
    ['fraction', () => A.item(0.5, 0)],
    ['NaN', () => A.item(Number.NaN, 0)],
    ['text', () => A.item(any('1'), 0)],
    ['too few', () => A.item(1)],
    ['too many', () => A.item(1, 1, 1)],
    ['view too large', () => V.item(0, 2)],
    ['view too many', () => V.get(0, 0, 0)],
    ['view text', () => V.index(0, any('0'))],
    ['store outside', () => A.setItem(2, 0, 1)],
    ['store of nothing', () => (A.setItem as () => void)()],
    ['store of text', () => A.setItem(0, 0, any('1'))],
    ['store of a bigint', () => A.setItem(0, 0, any(1n))],
    ['view store outside', () => V.set(3, 0, 1)],
    ['view store of text', () => V.setItem(0, 0, any('1'))],
    ['row outside', () => A.row(2)],
    ['row of a fraction', () => A.row(0.5)],
    ['row of a single element', () => scalar.row(0)],
    ['rows of a single element', () => scalar.rows(0, 1)],
    ['rows with a step', () => A.rows({ step: -1 })],
    ['rows of a fraction', () => A.rows(0.5, 1)],
    ['rows of text', () => A.rows(any('0'))],
    ['step 0', () => A.view({ step: 0 })],
    ['step of a fraction', () => A.view({ step: 0.5 })],
    ['start NaN', () => A.view({ start: Number.NaN })],
    ['stop infinite', () => A.view({ stop: Number.POSITIVE_INFINITY })],
    ['slice text', () => A.view(any(':'))],
    ['slice of a missing axis', () => A.view(null, null, null)],
    ['index outside', () => A.view(2)],
    ['axis missing', () => A.transpose(0)],
    ['axis twice', () => A.transpose(0, 0)],
    ['axis outside', () => A.transpose(0, 2)],
    ['axis text', () => A.transpose(0, any('1'))],
    ['axes too many', () => A.transpose([0, 1, 1])],
    ['view row of a single element', () => scalar.view().row(0)],
    ['reshape to more', () => A.reshape(7)],
    ['reshape that does not divide', () => A.reshape(4, -1)],
    ['reshape with two unknowns', () => A.reshape(-1, -1)],
    ['reshape to a fraction', () => A.reshape(1.5, 4)],
    ['reshape to text', () => A.reshape(any('6'))],
    ['reshape of 0 and unknown', () => A.reshape(0, -1)],
  ]
  for (const [what, call] of bad) {
    t.throws(call, { instanceOf: InvalidArgumentError, code: 'ERR_TSDSM_INVALID_ARGUMENT' }, what)
  }
  t.deepEqual([...A], [0, 1, 2, 3, 4, 5])
})

test('views of a closed array throw ClosedError and read nothing', async t => {
  const A = await counted(t, 2, 3)
  const V = A.transpose()
  A.row(1).close()
  t.true(V.closed)
  t.is(V.data.length, 0)
  t.is(V.data[V.offset] as unknown, undefined)
  for (const call of [
    () => V.item(0, 0),
    () => V.get(0, 0),
    () => V.setItem(0, 0, 1),
    () => V.toNested(),
    () => V.contiguous(),
    () => V.view(),
    () => V.transpose(),
    () => V.row(0),
    () => V.handle(),
    () => JSON.stringify(V),
  ]) {
    t.throws(call, { instanceOf: ClosedError, code: 'ERR_TSDSM_CLOSED' })
  }
})

test('views know their array: name, dtype, read-only', async t => {
  const path = await npyFile(t, '<i4', [2, 2], Int32Array.of(1, 2, 3, 4))
  const A = SharedArray.attach(path, { readOnly: true })
  t.teardown(() => A.close())
  const V = A.transpose()
  t.true(V instanceof StridedView)
  t.is(V.name, A.name)
  t.is(V.dtype, 'int32')
  t.is(V.data, A)
  t.true(V.readOnly)
  t.throws(() => V.setItem(0, 0, 9), { instanceOf: InvalidArgumentError, message: /read-only/ })
  t.true(Object.isFrozen(V.shape) && Object.isFrozen(V.strides))
  t.is(A[0], 1)
})
