// The distances between all pairs of rows of two matrices: py-dsm's cdist.py.
//
//   node build/examples/cdist.mjs
//   node build/examples/cdist.mjs --kernels     # the same by kernels.cdist
//
// A is 4 x 2, B is 2 x 2 and all ones; so each row of the result holds one number twice:
// 1, 3.60555128, 6.40312424, 9.21954446.
import { Command } from 'commander'
import { Cluster, kernels, type Resource } from 'tsdsm'

/** What each worker runs: its rows of C. */
export function work(res: Resource): void {
  const A = res.getShared('A', 'float64')
  const B = res.getShared('B', 'float64')
  const C = res.getShared('C', 'float64')
  for (const i of res.splitIndices(A.shape[0], { random: false })) {
    for (let j = 0; j < B.shape[0]; j++) C.setItem(i, j, distance(A.row(i), B.row(j)))
  }
}

/** The same by a kernel, whose range is that of the rows of C. */
export function workByKernel(res: Resource): void {
  const [A, B, C] = ['A', 'B', 'C'].map(name => res.getShared(name, 'float64'))
  kernels.cdist(C, A, B, { range: res.splitIndices(A.shape[0], { random: false }) })
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let square = 0
  for (let c = 0; c < a.length; c++) square += (a[c] - b[c]) ** 2
  return Math.sqrt(square)
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('cdist').option('-k, --kernels', 'compute by kernels.cdist').parse()
  const task = command.opts().kernels ? workByKernel : work
  await Cluster.run(2, async cluster => {
    const A = cluster.createShared('A', [4, 2], 'float64')
    const B = cluster.createShared('B', [2, 2], 'float64')
    const C = cluster.createShared('C', [4, 2], 'float64')
    A.set([1, 2, 3, 4, 5, 6, 7, 8])
    B.fill(1)
    await cluster.runProcesses(task)

    const sequential = [0, 1, 2, 3].map(i => [0, 1].map(j => distance(A.row(i), B.row(j))))
    console.log('Sequential result: ', sequential)
    console.log('Parallel result: ', C.toNested())
  })
}
