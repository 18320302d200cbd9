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
