// A task that computes and does nothing else: as many workers as cores against one.
import { Cluster, task } from 'tsdsm'
import { compare, type Options, perCall, type Row, type Side } from '../harness.mts'
import { cores } from '../machine.mts'
import { mandelbrot } from '../tasks.mts'

export default async function run(options: Options): Promise<Row[]> {
  const width = options.quick ? 200 : 1600
  return [
    await compare(
      { work: 'Mandelbrot set, rows dealt out' },
      await computing(cores, width),
      [{ side: await computing(1, width), target: { timesAsFast: 0.97 * cores } }],
      options,
    ),
  ]
}

async function computing(workers: number, width: number): Promise<Side> {
  const cluster = await Cluster.start(workers)
  const picture = task(new URL('../tasks.mjs', import.meta.url), mandelbrot)
  return {
    name: `${workers} worker${workers > 1 ? 's' : ''}`,
    round: () => perCall(1, () => cluster.runProcesses(picture, [width])),
    close: () => cluster.close(),
  }
}
