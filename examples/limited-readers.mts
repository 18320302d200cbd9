// A semaphore: many workers, but only so many at a time may use what is scarce.
//
//   node build/examples/limited-readers.mjs [permits] [workers]     # 2 and 4 unless told
//
// Each worker reads files, and no more than `permits` of them may have one open at the same time. Were a worker killed
// while it reads, its permit would come back by itself.
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

const READS = 50

/** What each worker runs. Returns how many bytes it has read. */
export async function read(res: Resource, file: string): Promise<number> {
  const disk = res.getSemaphore('disk')
  const usage = res.getShared('usage')
  let bytes = 0
  for (let i = 0; i < READS; i++) {
    await disk.withPermitsAsync(async () => {
      const now = Atomics.add(usage, 0, 1) + 1
      // The most so far: nobody else may have come in between.
      for (let most = Atomics.load(usage, 1); now > most; most = Atomics.load(usage, 1)) {
        Atomics.compareExchange(usage, 1, most, now)
      }
      bytes += (await readFile(file)).length
      Atomics.sub(usage, 0, 1)
    })
  }
  return bytes
}

async function main(permits: number, workers: number): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const usage = cluster.createShared('usage', 2)
    cluster.createSemaphore('disk', { permits })
    const file = process.argv[1]
    const bytes = await cluster.runProcesses(read, [file])
    console.log(`${workers} workers read a file ${READS} times each: all the same: ${new Set(bytes).size === 1}`)
    console.log(`At most ${permits} at a time: ${usage[1] <= permits}`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('limited-readers')
    .argument('[permits]', 'how many may read at a time', positive, 2)
    .argument('[workers]', 'number of worker processes', positive, 4)
    .parse()
  const [permits, workers] = command.processedArgs
  await main(permits, workers)
}
