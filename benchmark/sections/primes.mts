// The primes up to a billion in plain TypeScript, against primesieve, the fastest program there is for it.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Cluster, task } from 'tsdsm'
import { bytesFor } from '../../examples/primes/wheel.mts'
import { sieve } from '../../examples/primes.mts'
import { compare, type Options, perCall, type Row, type Side, type Skipped } from '../harness.mts'

const WORKERS = 2
const NOT_IN_THE_SIEVE = 3 // the primes 2, 3 and 5

export default async function primes(options: Options): Promise<Row[]> {
  const [limit, expected] = options.quick ? [1e7, 664_579] : [1e9, 50_847_534]
  return [
    await compare(
      { work: `the primes up to ${limit.toLocaleString('en')}, ${WORKERS} workers`, note: 'without start-up' },
      await ours(limit, expected),
      [{ side: await primesieve(limit, expected), target: { atMost: 6 } }],
      options,
    ),
  ]
}

async function ours(limit: number, expected: number): Promise<Side> {
  const cluster = await Cluster.start(WORKERS)
  cluster.createShared('bits', bytesFor(limit), 'uint8')
  const next = cluster.createShared('next', 1, 'int32')
  const sieving = task(new URL('../../examples/primes.mjs', import.meta.url), sieve)
  return {
    name: 'examples/primes.mts',
    async round() {
      next[0] = 0
      let found: number[] = []
      const took = await perCall(1, async () => {
        found = await cluster.runProcesses(sieving, [limit])
      })
      check(
        found.reduce((sum, some) => sum + some, NOT_IN_THE_SIEVE),
        expected,
      )
      return took
    },
    close: () => cluster.close(),
  }
}

/** A process for each round; the time is the one that it says its sieving has taken. */
async function primesieve(limit: number, expected: number): Promise<Side | Skipped> {
  const name = `primesieve, ${WORKERS} threads`
  const run = async () => {
    const args = [limit, `--threads=${WORKERS}`, '--count', '--time', '--quiet'].map(String)
    const { stdout } = await promisify(execFile)('primesieve', args)
    const [, seconds, count] = /^Seconds: ([\d.]+)\n(\d+)$/.exec(stdout.trim()) ?? []
    check(Number(count), expected)
    return Number(seconds) * 1e9
  }
  try {
    await run()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { name, skipped: 'primesieve is not installed' }
    throw error
  }
  return { name, round: run }
}

function check(found: number, expected: number): void {
  if (found !== expected) throw new Error(`${found} primes instead of ${expected}`)
}
