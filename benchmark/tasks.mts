// What the workers do in the benchmarks.
import type { Resource } from 'tsdsm'

export function nothing(): void {}

/** C = A + B over this worker's share, as the seed's vecAdd. */
export function add(res: Resource, n: number, random: boolean): void {
  const A = res.getShared('A')
  const B = res.getShared('B')
  const C = res.getShared('C')
  for (const i of res.splitIndices(n, { random })) C[i] = A[i] + B[i]
}

/** Nanoseconds that one random split takes: the mean of some. */
export function split(res: Resource, n: number, times: number): number {
  let length = 0
  const began = process.hrtime.bigint()
  for (let i = 0; i < times; i++) length += res.splitIndices(n, { random: true }).length
  const took = Number(process.hrtime.bigint() - began) / times
  if (length < times * Math.floor(n / res.size)) throw new Error('a share is too small')
  return took
}

/** Points of the Mandelbrot set in this worker's rows of a picture, every size-th one: computing and nothing else. */
export function mandelbrot(res: Resource, width: number): number {
  return rows(width, res.id, res.size)
}

export function rows(width: number, first: number, step: number): number {
  let inside = 0
  for (let row = first; row < width; row += step) {
    const ci = (2.5 * row) / width - 1.25
    for (let column = 0; column < width; column++) {
      const cr = (2.5 * column) / width - 2
      let zr = 0
      let zi = 0
      let n = 0
      for (; n < 200 && zr * zr + zi * zi <= 4; n++) {
        const t = zr * zr - zi * zi + cr
        zi = 2 * zr * zi + ci
        zr = t
      }
      if (n === 200) inside++
    }
  }
  return inside
}

/** Counts under the default lock. */
export function pairs(res: Resource, calls: number): void {
  const count = res.getShared('count')
  for (let i = 0; i < calls; i++) {
    res.lock.acquire()
    count[0] += 1
    res.lock.release()
  }
}

/** Nanoseconds of a round of the run's barrier. */
export function rounds(res: Resource, calls: number): number {
  res.barrier()
  const began = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) res.barrier()
  return Number(process.hrtime.bigint() - began) / calls
}

/** Counts without a lock. */
export function additions(res: Resource, calls: number): void {
  const hits = res.getCounter('hits')
  for (let i = 0; i < calls; i++) hits.fetchAdd()
}

/** Until it is killed. */
export function forever(res: Resource): void {
  res.getEvent('started').set()
  for (;;) res.getEvent('never').wait()
}
