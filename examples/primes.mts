// Finds all primes up to a number, a billion say, as fast as JavaScript can.
//
//   node build/examples/primes.mjs <limit> [workers]     # such as 1000000000
//
// The workers sieve a shared array of bits in blocks (examples/primes/wheel.mts). A block belongs to whoever takes its
// number first from a shared counter, so that a worker which another program holds up takes fewer. Afterwards main has
// the primes before it, in the same memory.
import { Command, InvalidArgumentError } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'
import { plural } from './common/plural.mts'
import { BLOCK, bytesFor, count, LARGEST, largest, Sieve } from './primes/wheel.mts'

/** What each worker runs. Returns how many primes it has found; 2, 3 and 5 are not in the sieve. */
export function sieve(res: Resource, limit: number): number {
  const bits = res.getShared('bits', 'uint8')
  const next = res.getShared('next', 'int32')
  const sieve = new Sieve(limit)
  let found = 0
  for (;;) {
    const from = BLOCK * Atomics.add(next, 0, 1)
    if (from >= bits.length) return found
    const to = Math.min(from + BLOCK, bits.length)
    sieve.block(bits, from, to)
    found += count(bits, from, to)
  }
}

async function main(limit: number, workers: number | undefined): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const bits = cluster.createShared('bits', bytesFor(limit), 'uint8')
    cluster.createShared('next', 1, 'int32')
    const begin = performance.now()
    const found = await cluster.runProcesses(sieve, [limit])
    const seconds = (performance.now() - begin) / 1000

    const small = [2, 3, 5].filter(p => p <= limit)
    const primes = found.reduce((sum, some) => sum + some, small.length)
    console.log(`${primes.toLocaleString('en')} primes up to ${limit.toLocaleString('en')}`)
    if (primes > 0) console.log(`The largest is ${(largest(bits) || small[small.length - 1]).toLocaleString('en')}`)
    console.log(`${plural(cluster.size, 'worker')} took ${seconds.toFixed(3)} s`)
  })
}

function limitOf(text: string): number {
  const limit = positive(text)
  if (limit > LARGEST) throw new InvalidArgumentError(`It has to be at most ${LARGEST.toLocaleString('en')}.`)
  return limit
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('primes')
    .argument('<limit>', 'find the primes up to this number', limitOf)
    .argument('[workers]', 'number of worker processes (default: the usable cores)', positive)
    .parse()
  const [limit, workers] = command.processedArgs
  await main(limit, workers)
}
