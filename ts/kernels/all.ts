/**
 * The implementations of all kernels. Loaded when the first one is asked for: see `index.ts`.
 */
import { ASYNC, type Mode, SYNC } from './call.js'
import { elementwise } from './elementwise.js'
import type { Implementation, Implementations } from './family.js'
import { atIndices } from './indices.js'
import { linear } from './linear.js'
import { order } from './order.js'
import { random } from './random.js'
import { partialsOf, reduce } from './reduce.js'

const families = (mode: Mode): Implementations => ({
  ...elementwise(mode),
  ...reduce(mode),
  ...linear(mode),
  ...atIndices(mode),
  ...order(mode),
  ...random(mode),
})

/** The asynchronous forms: what a call refuses, its promise rejects with. */
function asynchronous(implementations: Implementations): Implementations {
  const made: Record<string, Implementation> = {}
  for (const [name, implementation] of Object.entries(implementations)) {
    made[`${name}Async`] = async (...args) => implementation(...args)
  }
  return made
}

/** The implementations, each a function with the name by which it is called. */
function named(implementations: Implementations): Implementations {
  for (const [name, implementation] of Object.entries(implementations)) {
    Object.defineProperty(implementation, 'name', { value: name })
  }
  return Object.freeze(implementations)
}

/** Each kernel in both of its forms. */
export const implementations: Implementations = named({
  ...families(SYNC),
  ...asynchronous(families(ASYNC)),
  partialsOf: partialsOf as Implementation,
})
