// Creating and attaching a shared array of 8 MB.
import { setImmediate } from 'node:timers/promises'
import { Cluster, SharedArray } from 'tsdsm'
import { compare, type Options, type Row, type Side } from '../harness.mts'
import { cPeer } from '../peers.mts'

const LENGTH = 1_000_000 // of float64
const PAGE = 4096 / Float64Array.BYTES_PER_ELEMENT

export default async function segments(options: Options): Promise<Row[]> {
  const calls = options.quick ? 5 : 50
  const peer = (work: string) => cPeer('the same system calls in C', 'segment', [work, 8 * LENGTH, calls])
  return [
    await compare(
      { work: 'create and map 8 MB' },
      await create(calls),
      [{ side: await peer('create'), target: { atMost: 1.2 } }],
      options,
    ),
    await compare(
      { work: 'attach 8 MB' },
      await attach(calls, false),
      [{ side: await peer('attach'), target: { atMost: 1.5 } }],
      options,
    ),
    await compare(
      { work: 'attach 8 MB and read from every page' },
      await attach(calls, true),
      [{ side: await peer('read'), target: { atMost: 1.5 } }],
      options,
    ),
  ]
}

async function create(calls: number): Promise<Side> {
  const cluster = await Cluster.start(1)
  return {
    name: 'createShared',
    round: () =>
      mean(calls, () => {
        const began = process.hrtime.bigint()
        const array = cluster.createShared('A', LENGTH, 'float64')
        const took = Number(process.hrtime.bigint() - began)
        cluster.deleteShared('A')
        array.close()
        return took
      }),
    close: () => cluster.close(),
  }
}

async function attach(calls: number, read: boolean): Promise<Side> {
  const cluster = await Cluster.start(1)
  const { segment } = cluster.createShared('A', LENGTH, 'float64').handle()
  return {
    name: 'SharedArray.attach',
    round: () =>
      mean(calls, () => {
        const began = process.hrtime.bigint()
        const array = SharedArray.attach(segment) as SharedArray<'float64'>
        let sum = 0
        if (read) for (let i = 0; i < LENGTH; i += PAGE) sum += array[i]
        const took = Number(process.hrtime.bigint() - began)
        if (sum !== 0) throw new Error('a new array holds zeros')
        array.close()
        return took
      }),
    close: () => cluster.close(),
  }
}

/** The mean of what some calls say they took; the mapping of each is gone before the next. */
async function mean(calls: number, call: () => number): Promise<number> {
  let sum = 0
  for (let i = 0; i < calls; i++) {
    sum += call()
    await setImmediate()
  }
  return sum / calls
}
