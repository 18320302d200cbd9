/**
 * The mark of a worker process. It stands on `globalThis` under a registered symbol, so that a second copy of this
 * library in the same process (bundled, or another version) knows as well that it must not start workers of workers.
 */
const MARK = Symbol.for('tsdsm.worker')

/** Whether this process (or thread of it) is a worker of a cluster. */
export function insideWorker(): boolean {
  return (globalThis as Record<symbol, unknown>)[MARK] === true
}

/** Marks this process as a worker. */
export function markWorker(): void {
  Object.defineProperty(globalThis, MARK, { value: true })
}
