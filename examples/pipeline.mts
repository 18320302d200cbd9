// How late will my flight be? A numeric pipeline on 200,000 real flights, from the file to the picture.
//
//   node build/examples/pipeline.mjs [--workers n] [--folder examples/out]
//
// 1. Load: the columns of an Arrow file become a shared matrix that is a .npy file, for NumPy or the next run to open.
// 2. Normalise, and compute features, in the workers: the distance in standard deviations, waves of the time of day.
// 3. Multiply: the normal equations of a least-squares fit, rows of which are shared out; then what it expects of each
//    flight, in a .npy file again.
// 4. Reduce and sort, in main, on all cores, by the kernels' asynchronous forms: quantiles, means of each hour.
//
// What is printed and drawn is the same for any number of workers. (The flights are those of the US Bureau of
// Transportation Statistics, in vega-datasets.)
import { existsSync, rmSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { Presets, SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { Cluster, kernels, type Resource, type SharedArrayOf } from 'tsdsm'
import { positive } from './common/arguments.mts'
import { plot } from './pipeline/plot.mts'

type Reals = SharedArrayOf<'float64'>

const [DELAY, DISTANCE, HOUR] = [0, 1, 2] // rows of `flights`: minutes, miles, hours since midnight
/** 1, the distance, and the sine and cosine of so many waves a day. */
const WAVES = 3
const FEATURES = 2 + 2 * WAVES
/** What is computed in one go, so that it stays in the cache. */
const BLOCK = 2 ** 13

/** What each worker runs: leaves the fit's weights in `weights`, and in `expected` what it says of each flight. */
export function fit(res: Resource): void {
  const flights = res.getShared('flights', 'float64') //   3 x n
  const features = res.getShared('features', 'float64') // FEATURES x n
  const gram = res.getShared('gram', 'float64') //         FEATURES x FEATURES
  const moments = res.getShared('moments', 'float64') //   FEATURES
  const weights = res.getShared('weights', 'float64') //   FEATURES
  const expected = res.getShared('expected', 'float64') // n
  const [delay, distance, hour] = [DELAY, DISTANCE, HOUR].map(row => flights.row(row))
  const mine = res.splitIndices(hour.length, { random: false })
  let done = 0
  const eachBlock = (work: (range: [number, number]) => void) => {
    for (let start = mine.start; start < mine.stop; start += BLOCK) {
      const stop = Math.min(start + BLOCK, mine.stop)
      work([start, stop])
      done += stop - start
      res.progress(done, 2 * mine.length)
    }
  }

  const mean = kernels.mean(distance)
  const deviation = kernels.std(distance)
  const [one, far, ...waves] = Array.from({ length: FEATURES }, (_, row) => features.row(row))
  eachBlock(range => {
    kernels.fill(one, 1, { range })
    kernels.subtract(far, distance, mean, { range })
    kernels.divide(far, far, deviation, { range })
    for (let wave = 1; wave <= WAVES; wave++) {
      const [sine, cosine] = waves.slice(2 * wave - 2)
      kernels.multiply(cosine, hour, (wave * 2 * Math.PI) / 24, { range })
      kernels.sin(sine, cosine, { range })
      kernels.cos(cosine, cosine, { range })
    }
  })
  res.barrier() // all features are there

  const range = res.splitIndices(FEATURES, { random: false })
  kernels.matmul(gram, features, features.transpose(), { range })
  kernels.matmul(moments, features, delay, { range })
  res.barrier() // all equations are there

  if (res.id === 0) weights.set(solve(gram, moments))
  res.barrier()
  eachBlock(range => kernels.matmul(expected, weights, features, { range }))
}

/** Solves a x = b for a symmetric, positive definite matrix, by Cholesky's decomposition. */
function solve(a: Reals, b: Reals): Float64Array {
  const n = b.length
  const l = Float64Array.from(a)
  const x = Float64Array.from(b)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      for (let k = 0; k < j; k++) l[i * n + j] -= l[i * n + k] * l[j * n + k]
      if (i === j) l[i * n + i] = Math.sqrt(l[i * n + i])
      else l[i * n + j] /= l[j * n + j]
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k]
    x[i] /= l[i * n + i]
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k]
    x[i] /= l[i * n + i]
  }
  return x
}

/** The flights as a shared array over a .npy file, which is made unless it is there. */
async function load(cluster: Cluster, file: string): Promise<Reals> {
  if (!existsSync(file)) {
    const arrow = new URL('../data/flights-200k.arrow', import.meta.resolve('vega-datasets'))
    const table = tableFromIPC(await readFile(arrow))
    const columns = ['delay', 'distance', 'time'].map(name => table.getChild(name)?.toArray())
    const flights = cluster.createShared('flights', [columns.length, table.numRows], 'float64', { file })
    for (const [row, column] of columns.entries()) await kernels.castAsync(flights.row(row), column)
    return flights
  }
  return cluster.openShared('flights', file) as Reals
}

/** How many flights there are in each hour, and how late they were on average. */
async function byHour(hour: Reals, delay: Reals): Promise<{ hour: number; flights: number; delay: number }[]> {
  const hours = new Int32Array(hour.length)
  const flights = new BigInt64Array(24)
  const delays = new Float64Array(24)
  await kernels.castAsync(hours, hour) // towards zero
  await kernels.bincountAsync(flights, hours)
  await kernels.bincountAsync(delays, hours, { weights: delay })
  return Array.from(delays, (sum, hour) => ({
    hour,
    flights: Number(flights[hour]),
    delay: sum / Number(flights[hour]),
  }))
}

async function main({ workers, folder }: { workers?: number; folder: string }): Promise<void> {
  await mkdir(folder, { recursive: true })
  const files = Object.fromEntries(['flights', 'expected', 'sorted'].map(name => [name, join(folder, `${name}.npy`)]))
  for (const result of [files.expected, files.sorted]) rmSync(result, { force: true })

  await Cluster.run(workers, async cluster => {
    const flights = await load(cluster, files.flights)
    const n = flights.shape[1]
    const [delay, distance, hour] = [DELAY, DISTANCE, HOUR].map(row => flights.row(row))
    cluster.createShared('features', [FEATURES, n], 'float64')
    cluster.createShared('gram', [FEATURES, FEATURES], 'float64')
    cluster.createShared('moments', FEATURES, 'float64')
    const weights = cluster.createShared('weights', FEATURES, 'float64')
    const expected = cluster.createShared('expected', n, 'float64', { file: files.expected })
    const sorted = cluster.createShared('sorted', n, 'float64', { file: files.sorted })
    console.log(
      `${n.toLocaleString('en')} flights of ${(await kernels.meanAsync(distance)).toFixed(1)} miles on average`,
    )

    const bar = new SingleBar(
      { format: '  fitting {bar} {percentage}%', clearOnComplete: true },
      Presets.shades_classic,
    )
    bar.start(1, 0)
    try {
      await cluster.runProcesses(fit, [], { onProgress: ({ done, total }) => bar.update(done / total) })
    } finally {
      bar.stop()
    }

    await kernels.sortAsync(sorted, delay)
    const [half, tenth, hundredth] = [0.5, 0.9, 0.99].map(q => sorted[Math.floor(q * (n - 1))])
    console.log(
      `Half of them are ${half} minutes late or less; one in ten more than ${tenth}, one in 100 than ${hundredth}`,
    )

    const before = await kernels.varAsync(delay)
    const residuals = await kernels.subtractAsync(new Float64Array(n), delay, expected)
    const explained = 100 * (1 - (await kernels.varAsync(residuals)) / before)
    const curve = Array.from({ length: 24 * 4 }, (_, quarter) => ({
      hour: quarter / 4,
      delay: at(weights, quarter / 4),
    }))
    console.log(`The time of day and the distance explain ${explained.toFixed(3)} % of the variance`)
    console.log(`Expect ${at(weights, 6).toFixed(2)} minutes at 6:00, ${at(weights, 21).toFixed(2)} at 21:00`)

    const picture = join(folder, 'pipeline.svg')
    await plot(picture, {
      title: 'Later flights are later',
      subtitle: `${n.toLocaleString('en')} flights: means of each hour, and a least-squares fit of ${FEATURES} features`,
      hours: await byHour(hour, delay),
      curve,
    })
    console.log(`Picture: ${picture}`)
  })
}

/** What the fit says of a flight of average distance at some hour. */
function at(weights: Reals, hour: number): number {
  let delay = weights[0]
  for (let wave = 1; wave <= WAVES; wave++) {
    const angle = (wave * 2 * Math.PI * hour) / 24
    delay += weights[2 * wave] * Math.sin(angle) + weights[2 * wave + 1] * Math.cos(angle)
  }
  return delay
}

if (Cluster.isMain(import.meta.url)) {
  const options = new Command('pipeline')
    .option('-w, --workers <n>', 'number of worker processes (default: the usable cores)', positive)
    .option('--folder <folder>', 'where the files are', 'examples/out')
    .parse()
  await main(options.opts())
}
