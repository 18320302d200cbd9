// A shared counter: workers take the next piece of work by counting, so that who is fast gets more of it.
//
//   node build/examples/shared-counter.mjs [pieces] [workers]     # 1000 and 4 unless told
//
// `fetchAdd` gives each caller a number of its own, without a lock and without a system call.
import { Command } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

/** What each worker runs. Returns how many pieces it has done. */
export function work(res: Resource, pieces: number): number {
  const next = res.getCounter('next')
  const roots = res.getShared('roots', 'float64')
  let done = 0
  for (let i = next.fetchAdd(); i < pieces; i = next.fetchAdd()) {
    roots[i] = Math.sqrt(i)
    done += 1
  }
  return done
}

async function main(pieces: number, workers: number): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const roots = cluster.createShared('roots', pieces, 'float64')
    cluster.createCounter('next')
    const done = await cluster.runProcesses(work, [pieces])
    console.log(`${done.reduce((sum, x) => sum + x)} pieces were done, each by one worker`)
    console.log(`All roots are right: ${roots.every((root, i) => root === Math.sqrt(i))}`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('shared-counter')
    .argument('[pieces]', 'pieces of work, for all workers together', positive, 1000)
    .argument('[workers]', 'number of worker processes', positive, 4)
    .parse()
  const [pieces, workers] = command.processedArgs
  await main(pieces, workers)
}
