// The README's first program, by a stranger who writes ES modules.
import { Cluster } from 'tsdsm'

export function add(res, n) {
  const A = res.getShared('A')
  const B = res.getShared('B')
  const C = res.getShared('C')
  for (const i of res.splitIndices(n, { random: false })) C[i] = A[i] + B[i]
  res.barrier()
  return C[n - 1]
}

if (Cluster.isMain(import.meta.url)) {
  await Cluster.run(2, async cluster => {
    const A = cluster.createShared('A', 10)
    const B = cluster.createShared('B', 10)
    const C = cluster.createShared('C', 10)
    for (let i = 0; i < 10; i++) {
      A[i] = i
      B[i] = i + 1
    }
    const last = await cluster.runProcesses(add, [10])
    console.log(C.join(' '), '|', last.join(' '))
  })
}
