// What is measured of each kernel: a call of ours, and the loop in JavaScript that a program would have without it.
import { randomFillSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, type DType, kernels, type SharedArrayOf } from 'tsdsm'
import { filling, type Side } from '../harness.mts'

interface Work {
  ours(): unknown
  /** For float64 alone. */
  loop?(): unknown
}

// Loops are for float64, so that is what arrays are typed as; kernels look at what an array says it is.
type Reals = SharedArrayOf<'float64'>
type Indices = SharedArrayOf<'int32'>

/** Makes shared arrays, and has them all removed in the end. */
class Maker {
  readonly #cluster: Cluster
  readonly #names: string[] = []

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  empty<D extends DType = 'float64'>(shape: number | number[], dtype: string): SharedArrayOf<D> {
    const name = `array${this.#names.length}`
    this.#names.push(name)
    return this.#cluster.createShared(name, shape, dtype as D) as SharedArrayOf<D>
  }

  /** Numbers below 1, or any values of an integer. */
  random(shape: number | number[], dtype: string): Reals {
    const array = this.empty(shape, dtype)
    if (dtype.startsWith('float')) for (let i = 0; i < array.length; i++) array[i] = Math.random()
    else randomFillSync(array)
    return array
  }

  /** Integers from 0 to `bound` - 1. */
  below<D extends 'bool' | 'int64'>(n: number, bound: number, dtype: D): SharedArrayOf<D> {
    const array = this.empty<D>(n, dtype)
    // The low bytes of a 64-bit integer come first on every machine that we run on.
    const low = dtype === 'bool' ? array : new Int32Array(array.buffer, array.byteOffset, 2 * n)
    const step = low.length / n
    for (let i = 0; i < n; i++) low[step * i] = Math.floor(bound * Math.random())
    return array
  }

  permutation(n: number): Indices {
    const array = this.empty<'int32'>(n, 'int32')
    for (let i = 0; i < n; i++) {
      const j = Math.floor((i + 1) * Math.random())
      array[i] = array[j]
      array[j] = i
    }
    return array
  }

  /** Not by closing them, which would make the loops of the rows to come slower: see section.mts. */
  remove(): void {
    for (const name of this.#names) this.#cluster.deleteShared(name)
  }
}

type Prepare = (make: Maker, n: number, dtype: string) => Work

let loops = 0

/** A loop over arrays. Each is a text of its own: what V8 has learnt of one would make another of the same text slower. */
function loop(arrays: Readonly<Record<string, unknown>>, body: string): () => unknown {
  const run = new Function(...Object.keys(arrays), `${body} // ${loops++}`)
  const values = Object.values(arrays)
  return () => run(...values)
}

const EACH = 'for (let i = 0; i < a.length; i++)'

/** A kernel of one operand that Math has, too. */
function math(name: 'exp' | 'log' | 'sin' | 'tanh'): Prepare {
  return (make, n, dtype) => {
    const [out, a] = [make.empty(n, dtype), make.random(n, dtype)]
    return { ours: () => kernels[name](out, a), loop: loop({ out, a }, `${EACH} out[i] = Math.${name}(a[i])`) }
  }
}

const works: Readonly<Record<string, Prepare>> = {
  copy(make, n, dtype) {
    const [out, a] = [make.empty(n, dtype), make.random(n, dtype)]
    return { ours: () => kernels.copy(out, a), loop: () => out.set(a) }
  },
  fill(make, n, dtype) {
    const out = make.empty(n, dtype)
    return { ours: () => kernels.fill(out, 3), loop: () => out.fill(3) }
  },
  add(make, n, dtype) {
    const [out, a, b] = [make.empty(n, dtype), make.random(n, dtype), make.random(n, dtype)]
    return { ours: () => kernels.add(out, a, b), loop: loop({ out, a, b }, `${EACH} out[i] = a[i] + b[i]`) }
  },
  axpy(make, n, dtype) {
    const [y, a] = [make.random(n, dtype), make.random(n, dtype)]
    return { ours: () => kernels.axpy(y, 1e-9, a), loop: loop({ y, a }, `${EACH} y[i] += 1e-9 * a[i]`) }
  },
  sum(make, n, dtype) {
    const a = make.random(n, dtype)
    return { ours: () => kernels.sum(a), loop: loop({ a }, `let sum = 0; ${EACH} sum += a[i]; return sum`) }
  },
  dot(make, n, dtype) {
    const [a, b] = [make.random(n, dtype), make.random(n, dtype)]
    return {
      ours: () => kernels.dot(a, b),
      loop: loop({ a, b }, `let sum = 0; ${EACH} sum += a[i] * b[i]; return sum`),
    }
  },
  prod(make, n, dtype) {
    const a = make.random(n, dtype)
    return { ours: () => kernels.prod(a) }
  },
  var(make, n, dtype) {
    const a = make.random(n, dtype)
    return { ours: () => kernels.var(a) }
  },
  cumsum(make, n, dtype) {
    const [out, a] = [make.empty(n, dtype), make.random(n, dtype)]
    return { ours: () => kernels.cumsum(out, a), loop: loop({ out, a }, `let sum = 0; ${EACH} out[i] = sum += a[i]`) }
  },
  exp: math('exp'),
  log: math('log'),
  sin: math('sin'),
  tanh: math('tanh'),
  pow(make, n, dtype) {
    const [out, a, b] = [make.empty(n, dtype), make.random(n, dtype), make.random(n, dtype)]
    return { ours: () => kernels.pow(out, a, b), loop: loop({ out, a, b }, `${EACH} out[i] = a[i] ** b[i]`) }
  },
  matmul(make, n, dtype) {
    const shape = [n, n]
    const [out, a, b] = [make.empty(shape, dtype), make.random(shape, dtype), make.random(shape, dtype)]
    const body = `
      out.fill(0)
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < n; k++) {
          const factor = a[i * n + k]
          for (let j = 0; j < n; j++) out[i * n + j] += factor * b[k * n + j]
        }
      }`
    return { ours: () => kernels.matmul(out, a, b), loop: loop({ out, a, b, n }, body) }
  },
  sort(make, n, dtype) {
    const [out, a] = [make.empty(n, dtype), make.random(n, dtype)]
    return { ours: () => kernels.sort(out, a), loop: loop({ out, a }, 'out.set(a); out.sort()') }
  },
  argsort(make, n, dtype) {
    const [out, a] = [make.empty<'int32'>(n, 'int32'), make.random(n, dtype)]
    return { ours: () => kernels.argsort(out, a) }
  },
  transpose(make, n, dtype) {
    const [out, a] = [make.empty([n, n], dtype), make.random([n, n], dtype)]
    const body = 'for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i * n + j] = a[j * n + i]'
    return { ours: () => kernels.transpose(out, a), loop: loop({ out, a, n }, body) }
  },
  bincount(make, n) {
    const BINS = 1000
    const [out, a] = [make.empty<'int64'>(BINS, 'int64'), make.below(n, BINS, 'int64')]
    return { ours: () => kernels.bincount(out, a) }
  },
  where(make, n, dtype) {
    const [out, a, b] = [make.empty(n, dtype), make.random(n, dtype), make.random(n, dtype)]
    const mask = make.below(n, 2, 'bool')
    return {
      ours: () => kernels.where(out, mask, a, b),
      loop: loop({ out, mask, a, b }, `${EACH} out[i] = mask[i] ? a[i] : b[i]`),
    }
  },
  uniform(make, n, dtype) {
    const a = make.empty(n, dtype)
    return { ours: () => kernels.uniform(a, { key: 1 }), loop: loop({ a }, `${EACH} a[i] = Math.random()`) }
  },
  normal(make, n, dtype) {
    const out = make.empty(n, dtype)
    return { ours: () => kernels.normal(out, { key: 1 }) }
  },
  take(make, n, dtype) {
    const [out, a, indices] = [make.empty(n, dtype), make.random(n, dtype), make.permutation(n)]
    return {
      ours: () => kernels.take(out, a, indices),
      loop: loop({ out, a, indices }, `${EACH} out[i] = a[indices[i]]`),
    }
  },
  combineAt(make, n, dtype) {
    const [out, a, b] = [make.empty(n, dtype), make.random(n, dtype), make.random(n, dtype)]
    const indices = make.permutation(n)
    return {
      ours: () => kernels.combineAt(out, 'add', a, b, indices),
      loop: loop(
        { out, a, b, indices },
        'for (let k = 0; k < indices.length; k++) { const i = indices[k]; out[i] = a[i] + b[i] }',
      ),
    }
  },
}

/** Makes a kernel's arrays. */
export function prepare(cluster: Cluster, kernel: string, n: number, dtype: string): Work & { remove(): void } {
  const make = new Maker(cluster)
  return { ...works[kernel](make, n, dtype), remove: () => make.remove() }
}

/** How long the threads of OpenBLAS and OpenMP may spin after their work: until then they take a core from who comes next. */
const SPINNING = 120

/** A side in this process. */
export function timed(name: string, call: () => unknown, milliseconds: number): Side {
  return {
    name,
    async round() {
      await sleep(milliseconds < 10 ? milliseconds : SPINNING)
      return filling(milliseconds, call)
    },
  }
}
