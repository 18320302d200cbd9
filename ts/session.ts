import type { Facts, Session as Handle, Layout } from './native.js'
import { native } from './native.js'

/** One thread's attachment to a cluster: the native handle, and the control segment as words that Atomics can reach. */
export class Session {
  readonly handle: Handle
  readonly facts: Facts
  readonly layout: Layout
  /** The whole control segment. */
  readonly buffer: ArrayBuffer
  readonly words: Int32Array
  #closed = false

  constructor(handle: Handle) {
    this.handle = handle
    this.facts = native.sessionFacts(handle)
    this.layout = native.layout(handle)
    this.buffer = native.sessionBuffer(handle)
    this.words = new Int32Array(this.buffer)
  }

  /** Whether run number `run` is being cancelled. */
  isCancelled(run: number): boolean {
    return Atomics.load(this.words, this.layout.cancelWord >> 2) >>> 0 === run
  }

  /** Where worker number `worker` says how far it is: two numbers, done and total. */
  progressOf(worker: number): Float64Array {
    const { mailboxBase, mailboxStride, mailboxProgress } = this.layout
    return new Float64Array(this.buffer, mailboxBase + worker * mailboxStride + mailboxProgress, 2)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Whether the cluster can be found by its name: not any more, once main has begun to end it. */
  get isCurrent(): boolean {
    return native.sessionIsCurrent(this.handle)
  }

  /** Takes the cluster's names away, in the session that made it. Nobody finds it any more. */
  unlink(): void {
    native.sessionUnlink(this.handle)
  }

  /** Detaches; the session that made the cluster unlinks it. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    native.sessionClose(this.handle)
  }
}
