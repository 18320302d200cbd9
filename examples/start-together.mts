// A latch and an event: the workers prepare, main waits until all are ready, and gives the signal to start.
//
//   node build/examples/start-together.mjs [workers]     # 4 unless told
//
// Each worker counts the latch down when it is ready. Were one killed before that, main would not wait for ever: it would
// get a BrokenLatchError that says who it was.
import { Command } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

/** What each worker runs. */
export function work(res: Resource): number {
  const started = res.getShared('started')
  res.getLatch('ready').countDown()
  res.getEvent('go').wait()
  started[res.id] = 1
  return res.id
}

async function main(workers: number): Promise<void> {
  await Cluster.run(workers, async cluster => {
    const started = cluster.createShared('started', workers)
    const ready = cluster.createLatch('ready')
    const go = cluster.createEvent('go')
    const run = cluster.runProcesses(work)
    await ready.waitAsync()
    const early = started.reduce((sum, x) => sum + x)
    console.log(`${workers} workers are ready, ${early === 0 ? 'none has started' : `${early} have started`}`)
    go.set()
    console.log(`All have worked: ${(await run).join(', ')}`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('start-together').argument('[workers]', 'number of worker processes', positive, 4).parse()
  const [workers] = command.processedArgs
  await main(workers)
}
