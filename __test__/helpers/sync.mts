// A cluster with what the tasks of fixtures/sync.mts use.
import { Cluster } from 'tsdsm'
import { until } from './process.mjs'

/** A cluster with lock L and barrier B for all workers, flags, a counter, and room for a note from each worker. */
export async function start(n: number, options?: Parameters<typeof Cluster.start>[1]) {
  const cluster = await Cluster.start(n, options)
  const lock = cluster.createLock('L')
  const barrier = cluster.createBarrier('B')
  const flags = cluster.createShared('flags', 4)
  const counter = cluster.createShared('counter', 1)
  cluster.createShared('at', n)
  cluster.createShared('indices', n)
  const notes = cluster.createShared('notes', [n, 200], 'uint8')
  const written = cluster.createShared('written', n)

  /** What worker `id` left, when it has. */
  const noteOf = async (id: number) => {
    await until(() => Atomics.load(written, id) > 0, `worker ${id} leaves a note`)
    return Buffer.from(notes.row(id)).toString('utf8', 0, written[id])
  }
  const raised = (flag: number, value: number) =>
    until(() => Atomics.load(flags, flag) === value, `flag ${flag} is ${value}`)
  return { cluster, lock, barrier, flags, counter, noteOf, raised, [Symbol.asyncDispose]: () => cluster.close() }
}

/** What a promise rejects with: ava's own check takes no DOMException for an error. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    value => {
      throw new Error(`resolved to ${value}`)
    },
    reason => reason,
  )
}
