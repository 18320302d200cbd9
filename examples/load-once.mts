// Once: a table that all workers need is computed by one of them, and the others wait for it.
//
//   node build/examples/load-once.mjs [workers]     # 4 unless told
//
// Whoever comes first computes it. Were that one killed meanwhile, the next would compute it anew.
import { Command } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

const SQUARES = 1000

/** What each worker runs. Returns what it finds in the table. */
export function lookUp(res: Resource): number {
  const table = res.getShared('table')
  const computed = res.getShared('computed')
  res.getOnce('squares').run(() => {
    for (let i = 0; i < SQUARES; i++) table[i] = i * i
    computed[0] += 1
  })
  return table[SQUARES - 1 - res.id]
}

async function main(workers: number): Promise<void> {
  await Cluster.run(workers, async cluster => {
    cluster.createShared('table', SQUARES)
    const computed = cluster.createShared('computed', 1)
    cluster.createOnce('squares')
    const found = await cluster.runProcesses(lookUp)
    console.log(`Computed ${computed[0]} time, found by all: ${found.join(', ')}`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('load-once').argument('[workers]', 'number of worker processes', positive, 4).parse()
  const [workers] = command.processedArgs
  await main(workers)
}
