// Estimates π by random points in a square: how many of them lie in the circle?
//
//   node build/examples/pi.mjs [points] [workers]     # 100000000 and the usable cores unless told
//
// The generator is counter-based: a random number depends on the key and on its place alone, so that any worker can make
// any part of the stream, without a state to hand on. The points, and so all digits, are the same for any number of
// workers. A block of points is made, squared, added, compared and counted by kernels while it is in the cache.
import { Command } from 'commander'
import { Cluster, kernels, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'
import { plural } from './common/plural.mts'

const BLOCK = 2 ** 14
const KEY = 20_26

/** What each worker runs: its blocks of points. Returns how many lie in the circle. */
export function countInside(res: Resource, points: number): number {
  const x = new Float64Array(BLOCK)
  const y = new Float64Array(BLOCK)
  const near = new Uint8Array(BLOCK)
  let inside = 0
  for (const block of res.splitIndices(Math.ceil(points / BLOCK), { random: false })) {
    const first = block * BLOCK
    kernels.uniform(x, { key: KEY, offset: 2 * first })
    kernels.uniform(y, { key: KEY, offset: 2 * first + BLOCK })
    kernels.square(x, x)
    kernels.fma(x, y, y, x)
    kernels.less(near, x, 1)
    // The last block may be longer than what is left.
    inside += kernels.countNonzero(near.subarray(0, points - first))
  }
  return inside
}

async function main(points: number, workers: number | undefined): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const begin = performance.now()
    const counts = await cluster.runProcesses(countInside, [points])
    const seconds = (performance.now() - begin) / 1000
    const inside = counts.reduce((sum, count) => sum + count)
    const estimate = (4 * inside) / points
    console.log(`${inside.toLocaleString('en')} of ${points.toLocaleString('en')} points lie in the circle`)
    console.log(`π is about ${estimate}`)
    // The standard deviation of the mean of so many trials, each 4 with probability π/4.
    const deviation = Math.sqrt((Math.PI * (4 - Math.PI)) / points)
    console.log(`which is ${(Math.abs(estimate - Math.PI) / deviation).toFixed(2)} standard deviations from it`)
    console.log(`${plural(cluster.size, 'worker')} took ${seconds.toFixed(2)} s`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('pi')
    .argument('[points]', 'number of points', positive, 1e8)
    .argument('[workers]', 'number of worker processes (default: the usable cores)', positive)
    .parse()
  const [points, workers] = command.processedArgs
  await main(points, workers)
}
