// Adds two vectors: py-dsm's vecAdd.py.
//
//   node build/examples/vec-add.mjs [length] [workers]     # 10 and 4 unless told
//   npx tsx examples/vec-add.mts 10 4                      # the same, from the source
//   node examples/vec-add.mts 10 4                         # too, from Node 22.18 on
//
// A, B and C are shared: every process sees the same memory. Each worker adds its own share of the indices, here a
// random one. The barrier makes worker 1 wait until all have finished, so it prints the whole of C.
import { Command } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

/** What each worker runs. A task gets its resources first, then the parameters of runProcesses. */
export function add(res: Resource, n: number): void {
  const A = res.getShared('A')
  const B = res.getShared('B')
  const C = res.getShared('C')
  for (const i of res.splitIndices(n)) C[i] = A[i] + B[i]

  res.barrier()
  if (res.id === 1) console.log('Check out vector C in processes: ', C)
}

async function main(n: number, workers: number): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const A = cluster.createShared('A', n) // int32, all zeros
    const B = cluster.createShared('B', n)
    const C = cluster.createShared('C', n)
    for (let i = 0; i < n; i++) {
      A[i] = i
      B[i] = i + 1
    }
    await cluster.runProcesses(add, [n])
    console.log('Check out vector C in main: ', C)
  })
}

// Workers import this file too, to find `add` in it: they must not run the main program.
if (Cluster.isMain(import.meta.url)) {
  const command = new Command('vec-add')
    .argument('[length]', 'length of the vectors', positive, 10)
    .argument('[workers]', 'number of worker processes', positive, 4)
    .option('-t, --time', 'time the program')
    .parse()
  const [length, workers] = command.processedArgs
  const start = performance.now()
  await main(length, workers)
  if (command.opts().time) console.log(`\nThis takes ${((performance.now() - start) / 1000).toFixed(2)} seconds`)
}
