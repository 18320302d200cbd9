/** Sections of code that hold something: however they end, it is given back. */
import { InvalidArgumentError } from './errors.js'
import { show } from './options.js'

/** Gives back, at the end of a `using` block, what it was made for. */
export interface Guard extends Disposable {
  /** Gives it back now; later calls do nothing. */
  release(): void
}

/** A guard that calls `release` once. */
export function guardOf<T extends object>(release: () => void, more: T): Guard & T {
  let held = true
  const once = () => {
    if (!held) return
    held = false
    release()
  }
  return { ...more, release: once, [Symbol.dispose]: once }
}

/** Refuses what is no function, before anything is taken. */
export function checkFunction(call: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new InvalidArgumentError(`${call} takes a function, not ${show(fn)}`)
}

/** Calls `fn`, and `release` when that has returned or, where it returns a promise, when that has settled. */
export function runSection<T>(fn: () => T, release: () => void): T {
  let result: T
  try {
    result = fn()
  } catch (error) {
    quietly(release)
    throw error
  }
  if (!isThenable(result)) {
    release()
    return result
  }
  return Promise.resolve(result).then(
    value => {
      release()
      return value
    },
    error => {
      quietly(release)
      throw error
    },
  ) as T
}

/** What was thrown is the news, not that what it held was lost on the way. */
function quietly(release: () => void): void {
  try {
    release()
  } catch {}
}

/** Whether it is to be waited for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}
