/**
 * How arrays print: `SharedFloat64Array(2, 3) 'A' [ [ 1, 2, 3 ], [ 4, 5, 6 ] ]`.
 */
import { type InspectOptions, inspect } from 'node:util'
import type { PlainTypedArray } from './dtype.js'
import type { Geometry } from './indexing.js'
import type { Mapping } from './mapping.js'

/** Longest plain array there can be; a longer axis prints as this long. */
const LONGEST = 2 ** 32 - 1

/**
 * Prints an array as Node prints nested lists, with at most `maxArrayLength` elements in all (but one of each axis).
 * For `depth` it is one thing, however many axes it has.
 */
export function inspectArray(
  className: string,
  mapping: Mapping,
  data: PlainTypedArray,
  g: Geometry,
  depth: number | null,
  options: InspectOptions & { stylize?: (text: string, style: string) => string },
): string {
  const stylize = options.stylize ?? (text => text)
  const title = `${className}(${mapping.closed ? 'closed' : g.shape.join(', ')})`
  if (depth !== null && depth < 0) return stylize(`[${title}]`, 'special')
  const head = `${title} ${stylize(`'${mapping.name}'`, 'string')}`
  if (mapping.closed) return `${head} []`

  const most = Math.max(0, options.maxArrayLength ?? Number.POSITIVE_INFINITY)
  const edge = edgeLength(g.shape, most)
  const body = inspect(shortened(data, g, edge), {
    ...options,
    depth: null,
    maxArrayLength: edge === Number.POSITIVE_INFINITY ? null : edge,
    breakLength: Math.max((options.breakLength ?? 80) - head.length, 20),
  })
  return `${head} ${body}`
}

/** How many entries of each axis may be shown so that not more than `most` elements are, or one of each axis. */
function edgeLength(shape: readonly number[], most: number): number {
  const shown = (edge: number) => shape.reduce((product, length) => product * Math.min(length, edge), 1)
  if (shape.length < 2 || shown(Number.POSITIVE_INFINITY) <= most) return most
  let edge = Math.min(1, most)
  while (edge < most && shown(edge + 1) <= most) edge++
  return edge
}

/** Nested lists of the right lengths of which only the first `edge` entries are there: Node counts the others. */
function shortened(data: PlainTypedArray, g: Geometry, edge: number): unknown {
  const level = (axis: number, at: number): unknown => {
    if (axis === g.shape.length) return data[at]
    const list: unknown[] = []
    const shown = Math.min(g.shape[axis], edge)
    for (let i = 0; i < shown; i++) list.push(level(axis + 1, at + i * g.strides[axis]))
    list.length = Math.min(g.shape[axis], LONGEST)
    return list
  }
  return level(0, g.offset)
}
