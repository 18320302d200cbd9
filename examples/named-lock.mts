// A named lock: money moves between accounts, and none is lost.
//
//   node build/examples/named-lock.mjs [transfers] [workers]     # 100000 and 4 unless told
//
// Each worker moves money between random accounts. Reading two accounts and writing them back is safe only while
// nobody else does the same, so it is done under a lock. A lock is made by name in main, and found by name in the
// workers; `res.lock` is the default one, which each run finds fresh.
import { Command } from 'commander'
import { randomInt, randomLcg } from 'd3-random'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

const ACCOUNTS = 10
const START = 1000

/** What each worker runs: its share of the transfers. Returns how much it has moved. */
export function transfer(res: Resource, transfers: number): number {
  const balance = res.getShared('balance')
  const vault = res.getLock('vault')
  const random = randomInt.source(randomLcg(res.id))
  const account = random(ACCOUNTS)
  const amount = random(1, 100)
  let moved = 0

  for (const _ of res.splitIndices(transfers, { random: false })) {
    const [from, to, sum] = [account(), account(), amount()]
    vault.acquire()
    try {
      if (balance[from] >= sum) {
        balance[from] -= sum
        balance[to] += sum
        moved += sum
      }
    } finally {
      vault.release()
    }
  }

  // The same, shorter. What a lock cannot give within the time is an error of type TimeoutError, not a wait for ever.
  vault.withLock(
    () => {
      balance[res.id % ACCOUNTS] -= 1
      balance[(res.id + 1) % ACCOUNTS] += 1
    },
    { timeout: 10_000 },
  )
  return moved + 1
}

async function main(transfers: number, workers: number): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const balance = cluster.createShared('balance', ACCOUNTS)
    balance.fill(START)
    cluster.createLock('vault')
    const moved = await cluster.runProcesses(transfer, [transfers])
    moved.forEach((sum, id) => {
      console.log(`Worker ${id} moved ${sum}`)
    })
    const total = balance.reduce((sum, x) => sum + x)
    console.log(`${ACCOUNTS} accounts with ${START} each: ${ACCOUNTS * START} before, ${total} after`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('named-lock')
    .argument('[transfers]', 'number of transfers, by all workers together', positive, 100_000)
    .argument('[workers]', 'number of worker processes', positive, 4)
    .parse()
  const [transfers, workers] = command.processedArgs
  await main(transfers, workers)
}
