// Workers of a cluster that share arrays: their results are those of one process alone, bit for bit.
import test from 'ava'
import { Cluster, kernels } from 'tsdsm'
import { ref } from '../fixtures/kernels.mjs'
import { sameBits } from '../helpers/arrange.mjs'

// No multiple of a block, nor of the number of workers.
const LENGTH = 300_007

for (const workers of [1, 2, 3]) {
  test(`${workers} workers compute elements, random numbers, sums and products, each its share`, async t => {
    await using cluster = await Cluster.start(workers)
    const doubles = (name: string, ...shape: number[]) => cluster.createShared(name, shape, 'float64')
    const [a, b, out] = [doubles('a', LENGTH), doubles('b', LENGTH), doubles('out', LENGTH)]
    const dice = cluster.createShared('dice', LENGTH, 'int16')

    await cluster.runProcesses(ref.draw, [a, b, dice, 77])
    sameBits(t, a, kernels.uniform(new Float64Array(LENGTH), { key: 77 }))
    sameBits(t, b, kernels.normal(new Float64Array(LENGTH), { key: 77, stream: 1 }))
    sameBits(t, dice, kernels.integers(new Int16Array(LENGTH), 1, 7, { key: 77, stream: 2 }))

    await cluster.runProcesses(ref.combine, [out, a, b])
    const alone = kernels.sin(new Float64Array(LENGTH), a)
    sameBits(t, out, kernels.fma(alone, alone, b, a))

    const { length, dtype } = kernels.partialsOf('sum', out)
    t.is(dtype, 'float64')
    const sums = await cluster.runProcesses(ref.sumUp, [doubles('partials', length), out])
    t.deepEqual(
      sums,
      Array.from({ length: workers }, () => kernels.sum(alone)),
    )

    const [A, B, C, whole] = [
      doubles('A', 37, 50),
      doubles('B', 50, 41),
      doubles('C', 37, 41),
      doubles('whole', 37, 41),
    ]
    kernels.uniform(A, { key: 1 })
    kernels.uniform(B, { key: 2 })
    await cluster.runProcesses(ref.multiply, [C, A, B])
    sameBits(t, C, kernels.matmul(whole, A, B))
  })
}
