// The seed's programs, against py-dsm running its own.
import { Cluster, task } from 'tsdsm'
import { work } from '../../examples/find-prime.mts'
import { compare, micro, type Options, perCall, type Row, type Side } from '../harness.mts'
import { pythonPeer } from '../peers.mts'
import { add, split } from '../tasks.mts'

const WORKERS = 2
const PRIMES_TO_10_7 = 664_579
const PRIMES_TO_10_5 = 9_592

export default async function seed(options: Options): Promise<Row[]> {
  const n = options.quick ? 1e5 : 1e7
  const indices = options.quick ? 1e5 : 1e6
  const peer = (name: string, args: (string | number)[]) => pythonPeer(name, 'py_dsm.py', args)
  return [
    await compare(
      {
        work: `vecAdd, ${n.toLocaleString('en')} elements, split in ranges`,
        note: 'without start-up and filling; int32 here, int64 there: each one’s default',
      },
      await vectors(n, false),
      [{ side: await peer('py-dsm', ['vec-add', WORKERS, n]), target: { timesAsFast: 300 } }],
      options,
    ),
    await compare(
      { work: `vecAdd, ${n.toLocaleString('en')} elements, split at random`, note: 'the same' },
      await vectors(n, true),
      [{ side: await peer('py-dsm', ['vec-add-random', WORKERS, n]), target: { timesAsFast: 50 } }],
      options,
    ),
    await compare(
      { work: `findPrime to ${n.toLocaleString('en')}`, note: 'filling, sieving, counting' },
      await primes(n, options.quick ? PRIMES_TO_10_5 : PRIMES_TO_10_7),
      [{ side: await peer('py-dsm', ['find-prime', WORKERS, n]), target: { timesAsFast: 100 } }],
      options,
    ),
    await compare(
      { work: `splitIndices(${indices.toLocaleString('en')}), random, 2 workers` },
      await splitting(indices),
      [
        { side: await peer('py-dsm', ['split-indices', WORKERS, indices]), target: { timesAsFast: 50 } },
        { side: fisherYates(indices, options.quick), target: { atMost: 0.6 } },
      ],
      options,
    ),
  ]
}

async function vectors(n: number, random: boolean): Promise<Side> {
  const cluster = await Cluster.start(WORKERS)
  const A = cluster.createShared('A', n)
  const B = cluster.createShared('B', n)
  const C = cluster.createShared('C', n)
  for (let i = 0; i < n; i++) {
    A[i] = i
    B[i] = i + 1
  }
  const adding = task(new URL('../tasks.mjs', import.meta.url), add)
  return {
    name: 'for (const i of res.splitIndices(n)) …',
    async round() {
      const took = await perCall(1, () => cluster.runProcesses(adding, [n, random]))
      if (C[0] !== 1 || C[n - 1] !== 2 * n - 1) throw new Error('the sum is wrong')
      C.fill(0)
      return took
    },
    close: () => cluster.close(),
  }
}

async function primes(n: number, expected: number): Promise<Side> {
  const cluster = await Cluster.start(WORKERS)
  const prime = cluster.createShared('prime', n + 1, 'uint8')
  const nextBase = cluster.createShared('nextBase', 1)
  cluster.createShared('numWork', WORKERS)
  const sieve = task(new URL('../../examples/find-prime.mjs', import.meta.url), work)
  return {
    name: 'examples/find-prime.mts',
    async round() {
      let found = 1
      const took = await perCall(1, async () => {
        for (let i = 3; i <= n; i += 2) prime[i] = 1
        nextBase[0] = 3
        await cluster.runProcesses(sieve, [n])
        for (let i = 3; i <= n; i += 2) found += prime[i]
      })
      if (found !== expected) throw new Error(`${found} primes instead of ${expected}`)
      return took
    },
    close: () => cluster.close(),
  }
}

async function splitting(n: number): Promise<Side> {
  const cluster = await Cluster.start(WORKERS)
  const splits = task(new URL('../tasks.mjs', import.meta.url), split)
  return {
    name: 'res.splitIndices, the slower worker',
    round: async () => Math.max(...(await cluster.runProcesses(splits, [n, 10]))),
    close: () => cluster.close(),
  }
}

/** All of the indices shuffled in one process, as a program without splitIndices would. */
function fisherYates(n: number, quick: boolean): Side {
  const shuffle = () => {
    const indices = new Int32Array(n)
    for (let i = 0; i < n; i++) indices[i] = i
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1))
      const swapped = indices[i]
      indices[i] = indices[j]
      indices[j] = swapped
    }
  }
  return { name: 'Fisher–Yates in JavaScript', round: () => micro(shuffle, quick ? 5 : 200) }
}
