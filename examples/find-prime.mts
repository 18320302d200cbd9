// Counts the primes up to a number by the sieve of Eratosthenes: py-dsm's findPrime.py.
//
//   node build/examples/find-prime.mjs <range> [workers]     # such as 10000 4
//
// The workers share out the work while they run: the next base to be crossed out is a shared number, and a worker that
// has finished one takes the next, under the lock. A worker may take a base that is not known to be composite yet;
// that costs time but does no harm, since only composites are ever crossed out.
import { Command } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

/** What each worker runs. */
export function work(res: Resource, n: number): void {
  const prime = res.getShared('prime', 'uint8') // prime[i] is 1 if i is prime, in the end
  const nextBase = res.getShared('nextBase')
  const numWork = res.getShared('numWork')
  const limit = Math.floor(Math.sqrt(n))

  for (;;) {
    res.lock.acquire()
    const base = nextBase[0]
    nextBase[0] += 2
    res.lock.release()

    if (base > limit) return
    if (prime[base] === 1) {
      crossOut(base, n, prime)
      numWork[res.id] += 1
    }
  }
}

/** Crosses out all odd multiples of k. */
function crossOut(k: number, n: number, prime: Uint8Array): void {
  for (let i = 3 * k; i <= n; i += 2 * k) prime[i] = 0
}

async function main(n: number, workers: number | undefined): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const prime = cluster.createShared('prime', n + 1, 'uint8')
    const nextBase = cluster.createShared('nextBase', 1)
    const numWork = cluster.createShared('numWork', cluster.size)
    // At first all odd numbers count as prime; 2 is the one even prime, and is counted at the end.
    for (let i = 3; i <= n; i += 2) prime[i] = 1
    nextBase[0] = 3

    await cluster.runProcesses(work, [n])

    numWork.forEach((count, id) => {
      console.log(`Process ${id} has done ${count} values of base`)
    })
    let found = n >= 2 ? 1 : 0
    for (let i = 3; i <= n; i += 2) found += prime[i]
    console.log(`A total of ${found} primes were found`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('find-prime')
    .argument('<range>', 'find prime numbers within the range', positive)
    .argument('[workers]', 'number of worker processes (default: the usable cores)', positive)
    .option('-t, --time', 'time the program')
    .parse()
  const [range, workers] = command.processedArgs
  const start = performance.now()
  await main(range, workers)
  if (command.opts().time) console.log(`\nThis takes ${((performance.now() - start) / 1000).toFixed(2)} seconds`)
}
