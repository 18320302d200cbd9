// Multiplies two matrices: py-dsm's matMult.py. The product of U and V is stored in W.
//
//   node build/examples/mat-mult.mjs <nrowU> <ncolU> [workers]     # such as 6 2
//   node build/examples/mat-mult.mjs 1000 1000 --kernels           # the same by kernels.matmul
//
// The rows of U are split among the workers. A row of a shared matrix is a view of the same memory: `W.row(i)` writes
// to W itself.
import { Command } from 'commander'
import { Cluster, kernels, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

/** What each worker runs: its rows of W = U V. */
export function mult(res: Resource, n: number): void {
  const U = res.getShared('U')
  const V = res.getShared('V')
  const W = res.getShared('W')
  for (const i of res.splitIndices(n, { random: false })) {
    const u = U.row(i)
    const w = W.row(i)
    w.fill(0)
    for (let k = 0; k < u.length; k++) {
      const factor = u[k]
      for (let j = 0; j < n; j++) w[j] += factor * V[k * n + j]
    }
  }
}

/** The same by a kernel. The rows that it computes may be any; here each worker has a random share of them. */
export function multByKernel(res: Resource, n: number): void {
  const U = res.getShared('U')
  const V = res.getShared('V')
  const W = res.getShared('W')
  kernels.matmul(W, U, V, { rows: res.splitIndices(n) })
}

async function main(
  nrowU: number,
  ncolU: number,
  workers: number | undefined,
  task: typeof mult | typeof multByKernel,
): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const U = cluster.createShared('U', [nrowU, ncolU])
    const V = cluster.createShared('V', [ncolU, nrowU])
    const W = cluster.createShared('W', [nrowU, nrowU])
    // With 6 rows and 2 columns: U is [[1, 2], [3, 4], … [11, 12]], V is [[1, 2, 3, 4, 5, 6], [7, 8, … 12]].
    for (let i = 0; i < U.length; i++) {
      U[i] = i + 1
      V[i] = i + 1
    }
    await cluster.runProcesses(task, [nrowU])
    console.log('Check out matrix w in main: ', W)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('mat-mult')
    .argument('<nrowU>', 'the number of rows of matrix U', positive)
    .argument('<ncolU>', 'the number of columns of matrix U', positive)
    .argument('[workers]', 'number of worker processes (default: the usable cores)', positive)
    .option('-k, --kernels', 'multiply by kernels.matmul')
    .option('-t, --time', 'time the program')
    .parse()
  const [nrowU, ncolU, workers] = command.processedArgs
  const start = performance.now()
  const options = command.opts()
  if (options.time) console.log('# File format: <Array nrow> <Array ncol> <Run time>')
  await main(nrowU, ncolU, workers, options.kernels ? multByKernel : mult)
  if (options.time) console.log(`${nrowU} ${ncolU} ${((performance.now() - start) / 1000).toFixed(2)}`)
}
