// Where should 100 depots stand, so that the post codes of the United States lie close to them?
//
//   node build/examples/kmeans.mjs                        # all usable cores
//   node build/examples/kmeans.mjs -k 20 --workers 2      # --help lists the options
//   node build/examples/kmeans.mjs --demo                 # one worker against all usable cores
//
// This is the k-means program of Rdsm (R's shared-memory package): each worker takes a share of the rows of a shared
// matrix, finds the nearest centre of each row, and adds its sums to the shared ones under a lock; barriers separate
// that from worker 0's housekeeping. K-means ends in a local optimum, so it is started several times from random
// places, and the best outcome counts.
//
// The places are points in space, in whole metres from the centre of the Earth. So neither the poles nor the date line
// are special, and the result does not depend on the number of workers, to the last bit: every sum is a whole number
// below 2^53, and adding those is exact in any order. (The post codes are GeoNames', CC BY 4.0, from vega-datasets.)
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Presets, SingleBar } from 'cli-progress'
import { Command, Option } from 'commander'
import { randomInt, randomLcg } from 'd3-random'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'
import { plural } from './common/plural.mts'
import { DATA, draw, type MapName, mapNames } from './kmeans/picture.mts'
import { distance, type Places, readPlaces, toDegrees, toMetres } from './kmeans/places.mts'

interface Settings {
  centres: number
  starts: number
  rounds: number
  seed: number
}

/** What each worker runs: leaves the centres in `centres`, and in `nearest` the centre of each place. */
export function kmeans(res: Resource, { centres: k, starts, rounds, seed }: Settings): void {
  const places = res.getShared('places', 'float64') //   n x 3: x, y, z
  const centres = res.getShared('centres', 'float64') // k x 3
  const sums = res.getShared('sums', 'float64') //       k x 4: number of places, sums of their x, y, z
  const nearest = res.getShared('nearest', 'int32') //   n
  const state = res.getShared('state', 'int32') //       places that moved to another centre; 1 until all is done
  const best = new Float64Array(3 * k)
  const tally = new Float64Array(4 * k)
  const mine = res.splitIndices(nearest.length, { random: false })

  // Worker 0 does the housekeeping, while the others wait at the barrier.
  const random = randomInt.source(randomLcg(seed))(nearest.length)
  let [start, round, record] = [0, 0, 0]
  function startAgain() {
    for (let j = 0; j < k; j++) placeAt(j, random())
  }
  function placeAt(j: number, i: number) {
    for (let c = 0; c < 3; c++) centres[3 * j + c] = places[3 * i + c]
  }
  function moveCentres() {
    for (let j = 0; j < k; j++) {
      // A centre that has lost all its places goes on from a random one.
      if (sums[4 * j] === 0) placeAt(j, random())
      else for (let c = 0; c < 3; c++) centres[3 * j + c] = sums[4 * j + 1 + c] / sums[4 * j]
    }
  }
  function housekeeping() {
    moveCentres()
    round++
    if (state[0] === 0 || round === rounds) {
      const score = scoreOf(sums)
      if (score > record) {
        record = score
        best.set(centres)
      }
      start++
      round = 0
      if (start < starts) startAgain()
      else {
        state[1] = 0
        centres.set(best)
      }
    }
    res.progress(start + round / rounds, starts)
  }

  if (res.id === 0) {
    state[1] = 1
    startAgain()
  }
  for (;;) {
    if (res.id === 0) {
      sums.fill(0)
      state[0] = 0
    }
    res.barrier() // the centres stand, and the sums are empty
    if (state[1] === 0) break
    const moved = assign(mine, places, centres, nearest, tally)

    res.lock.acquire()
    state[0] += moved
    for (let c = 0; c < 4 * k; c++) sums[c] += tally[c]
    res.lock.release()

    res.barrier() // all have added their sums
    if (res.id === 0) housekeeping()
  }
  assign(mine, places, centres, nearest, tally)
}

/** Finds the nearest centre of each place in `mine`, tallies the places, and returns how many have a new centre. */
function assign(
  mine: Iterable<number>,
  places: Float64Array,
  centres: Float64Array,
  nearest: Int32Array,
  tally: Float64Array,
): number {
  tally.fill(0)
  let moved = 0
  for (const i of mine) {
    const x = places[3 * i]
    const y = places[3 * i + 1]
    const z = places[3 * i + 2]
    let closest = 0
    let least = Number.POSITIVE_INFINITY
    for (let j = 0, c = 0; c < centres.length; j++, c += 3) {
      const dx = x - centres[c]
      const dy = y - centres[c + 1]
      const dz = z - centres[c + 2]
      const square = dx * dx + dy * dy + dz * dz
      if (square < least) {
        least = square
        closest = j
      }
    }
    if (nearest[i] !== closest) moved++
    nearest[i] = closest
    tally[4 * closest]++
    tally[4 * closest + 1] += x
    tally[4 * closest + 2] += y
    tally[4 * closest + 3] += z
  }
  return moved
}

/** The sum of n_j |mean_j|^2, which is the larger, the smaller the squared distances are. */
function scoreOf(sums: Float64Array): number {
  let score = 0
  for (let c = 0; c < sums.length; c += 4) {
    if (sums[c] > 0) score += (sums[c + 1] ** 2 + sums[c + 2] ** 2 + sums[c + 3] ** 2) / sums[c]
  }
  return score
}

interface Outcome {
  workers: number
  seconds: number
  centres: Float64Array
  nearest: Int32Array
}

/** Runs k-means with so many workers; the time is that of the run, without the start of the processes. */
async function run(workers: number | undefined, { degrees }: Places, settings: Settings): Promise<Outcome> {
  return Cluster.run(workers, async cluster => {
    const places = cluster.createShared('places', [degrees.length, 3], 'float64')
    const centres = cluster.createShared('centres', [settings.centres, 3], 'float64')
    cluster.createShared('sums', [settings.centres, 4], 'float64')
    const nearest = cluster.createShared('nearest', degrees.length, 'int32')
    cluster.createShared('state', 2, 'int32')
    degrees.forEach((place, i) => {
      places.set(toMetres(place), 3 * i)
    })

    const format = `  ${plural(cluster.size, 'worker')} {bar} {percentage}%`
    const bar = new SingleBar({ format, clearOnComplete: true }, Presets.shades_classic)
    bar.start(settings.starts, 0)
    const begin = performance.now()
    try {
      await cluster.runProcesses(kmeans, [settings], { onProgress: ({ done }) => bar.update(done) })
    } finally {
      bar.stop()
    }
    const seconds = (performance.now() - begin) / 1000
    // A copy: the shared arrays go with the cluster.
    return { workers: cluster.size, seconds, centres: Float64Array.from(centres), nearest: Int32Array.from(nearest) }
  })
}

function report({ workers, seconds }: Outcome): string {
  return `  ${plural(workers, 'worker')}: ${seconds.toFixed(2)} s`
}

async function main(): Promise<void> {
  const options = new Command('kmeans')
    .description('Groups the places of a CSV file around k centres, and draws them on a map.')
    .option('-k, --centres <k>', 'number of centres', positive, 100)
    .option('-w, --workers <n>', 'number of worker processes (default: the usable cores)', positive)
    .option('--starts <n>', 'number of starts, of which the best counts', positive, 6)
    .option('--rounds <n>', 'most rounds of one start', positive, 200)
    .option('--seed <n>', 'seed of the random starts', positive, 1)
    .option('--input <file>', 'CSV file with columns latitude and longitude (default: US post codes)')
    .addOption(new Option('--map <name>', 'map to draw on').choices(mapNames).default('us'))
    .option('--picture <file>', 'where to write the picture (SVG)', 'examples/out/kmeans.svg')
    .option('--demo', 'run with one worker first, and compare')
    .parse()
    .opts<Settings & { workers?: number; input?: string; map: MapName; picture: string; demo?: boolean }>()

  const file = options.input ?? fileURLToPath(new URL('zipcodes.csv', DATA))
  const places = await readPlaces(file)
  const count = places.degrees.length.toLocaleString('en')
  if (places.degrees.length < options.centres)
    throw new Error(`${file} has only ${plural(places.degrees.length, 'place')}.`)
  console.log(
    `${basename(file)}: ${count} places${places.skipped ? `, ${plural(places.skipped, 'row')} without coordinates` : ''}`,
  )
  console.log(
    `k-means: ${plural(options.centres, 'centre')}, the best of ${plural(options.starts, 'start')} (seed ${options.seed})`,
  )

  const alone = options.demo ? await run(1, places, options) : undefined
  if (alone) console.log(report(alone))
  const outcome = await run(options.workers, places, options)
  console.log(report(outcome))
  if (alone) {
    const same =
      alone.nearest.every((j, i) => j === outcome.nearest[i]) && alone.centres.every((x, i) => x === outcome.centres[i])
    if (!same) throw new Error('The results differ.')
    console.log(`  ${(alone.seconds / outcome.seconds).toFixed(2)} times as fast, and the same result to the last bit`)
  }

  const counts = new Int32Array(options.centres)
  for (const j of outcome.nearest) counts[j]++
  const centres = Array.from(counts, (places, j) => {
    const [x, y, z] = outcome.centres.subarray(3 * j)
    return { at: toDegrees(x, y, z), places }
  })
  const distances = places.degrees.map((place, i) => distance(place, centres[outcome.nearest[i]].at))
  const mean = distances.reduce((sum, d) => sum + d) / distances.length
  const finding = `A place is ${(mean / 1000).toFixed(1)} km from its centre on average`
  console.log(finding)
  await draw(options.picture, {
    map: options.map,
    title: `${options.centres} centres for ${count} places`,
    subtitle: `k-means on ${basename(file)}, the best of ${plural(options.starts, 'start')}. ${finding}.`,
    places: places.degrees,
    nearest: outcome.nearest,
    centres,
  })
  console.log(`Picture: ${options.picture}`)
}

if (Cluster.isMain(import.meta.url)) {
  try {
    await main()
  } catch (error) {
    console.error(`kmeans: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  }
}
