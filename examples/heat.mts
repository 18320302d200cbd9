// Heat spreads over a metal plate: a simulation on a grid, and a picture of it.
//
//   node build/examples/heat.mjs [--size 600] [--steps 4000] [--workers n] [--picture examples/out/heat.png]
//
// In a step each point takes on the weighted mean of itself and its four neighbours. The workers have neighbouring rows
// of the plate each, and read the rows beside theirs as well: so a step may begin only when the one before it has ended
// everywhere, which is what barriers are for. A step reads one array and writes the other; then they change places.
// The result is the same for any number of workers, to the last bit.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Presets, SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { encode } from 'fast-png'
import { Cluster, kernels, type Resource, type SharedArrayOf } from 'tsdsm'
import { positive } from './common/arguments.mts'
import { plural } from './common/plural.mts'

type Plate = SharedArrayOf<'float64'>

/** The share of a neighbour's difference that a point takes on in a step; the simulation is stable up to 1/4. */
const RATE = 0.24

/** What each worker runs: its rows, step by step. The last state is in `plate0` if `steps` is even. */
export function diffuse(res: Resource, steps: number): void {
  let now = res.getShared('plate0', 'float64')
  let next = res.getShared('plate1', 'float64')
  const range = res.splitIndices(now.shape[0], { random: false })
  for (let step = 0; step < steps; step++) {
    kernels.stencil(next, now, [1 - 4 * RATE, RATE, RATE, RATE, RATE], { range })
    res.barrier()
    ;[now, next] = [next, now]
    if (res.id === 0) res.progress(step + 1, steps)
  }
}

/** A cold plate with a hot edge on top, and hot discs on it. The edges keep their temperature. */
function heat(plate: Plate): void {
  const [size] = plate.shape
  const discs = [
    { x: 0.3, y: 0.45, radius: 0.12 },
    { x: 0.68, y: 0.38, radius: 0.08 },
    { x: 0.58, y: 0.74, radius: 0.15 },
  ]
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const hot = discs.some(({ x, y, radius }) => (j / size - x) ** 2 + (i / size - y) ** 2 < radius ** 2)
      plate[i * size + j] = i === 0 || hot ? 1 : 0
    }
  }
}

/** The colours of glowing metal: black, red, yellow, white. */
function glow(plate: Plate): Uint8Array {
  const pixels = new Uint8Array(3 * plate.length)
  plate.forEach((temperature, i) => {
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = 255 * Math.min(1, Math.max(0, 3 * temperature - c))
  })
  return pixels
}

async function main(options: { size: number; steps: number; workers?: number; picture: string }): Promise<void> {
  const { size, steps, workers, picture } = options
  await Cluster.run(workers, async cluster => {
    const plates = ['plate0', 'plate1'].map(name => cluster.createShared(name, [size, size], 'float64'))
    for (const plate of plates) heat(plate)
    console.log(`A plate of ${size} × ${size} points: mean temperature ${kernels.mean(plates[0]).toFixed(6)}`)

    const bar = new SingleBar({ format: '  {bar} {percentage}%', clearOnComplete: true }, Presets.shades_classic)
    bar.start(steps, 0)
    const begin = performance.now()
    try {
      await cluster.runProcesses(diffuse, [steps], { onProgress: ({ done }) => bar.update(done) })
    } finally {
      bar.stop()
    }
    const seconds = (performance.now() - begin) / 1000

    const plate = plates[steps % 2]
    const [mean, hottest] = [kernels.mean(plate), kernels.max(plate.view({ start: 1 }))]
    console.log(`After ${steps} steps: ${mean.toFixed(6)}; the hottest point below the edge has ${hottest.toFixed(6)}`)
    console.log(`${plural(cluster.size, 'worker')} took ${seconds.toFixed(2)} s`)
    await mkdir(dirname(picture), { recursive: true })
    await writeFile(picture, encode({ width: size, height: size, channels: 3, data: glow(plate) }))
    console.log(`Picture: ${picture}`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const options = new Command('heat')
    .option('-n, --size <n>', 'points along each edge of the plate', positive, 600)
    .option('-s, --steps <n>', 'number of steps', positive, 4000)
    .option('-w, --workers <n>', 'number of worker processes (default: the usable cores)', positive)
    .option('--picture <file>', 'where to write the picture (PNG)', 'examples/out/heat.png')
    .parse()
  await main(options.opts())
}
