// A reader-writer lock: many look at a table at the same time, and nobody sees one that is half changed.
//
//   node build/examples/readers-writers.mjs [rounds] [workers]     # 2000 and 4 unless told
//
// Worker 0 keeps a table of prices and changes all of them by the same amount; the others check that no two prices have
// come apart. They only look, so they may do it together; the one who writes is alone.
import { Command } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

const PRICES = 100

/** What each worker runs. Returns how often it saw prices that do not belong together. */
export function trade(res: Resource, rounds: number): number {
  const prices = res.getShared('prices')
  const { read, write } = res.getRwLock('market')
  let torn = 0
  for (let round = 0; round < rounds; round++) {
    if (res.id === 0) {
      write.withLock(() => {
        for (let i = 0; i < PRICES; i++) prices[i] += 1
      })
    } else {
      read.withLock(() => {
        if (prices.some(price => price !== prices[0])) torn += 1
      })
    }
  }
  return torn
}

async function main(rounds: number, workers: number): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const prices = cluster.createShared('prices', PRICES)
    cluster.createRwLock('market')
    const torn = await cluster.runProcesses(trade, [rounds])
    console.log(`${torn.reduce((sum, x) => sum + x)} torn tables seen by ${workers - 1} readers`)
    console.log(`All prices are ${prices[0]}`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('readers-writers')
    .argument('[rounds]', 'how often each looks or writes', positive, 2000)
    .argument('[workers]', 'number of worker processes', positive, 4)
    .parse()
  const [rounds, workers] = command.processedArgs
  await main(rounds, workers)
}
