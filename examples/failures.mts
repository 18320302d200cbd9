// What happens when something goes wrong: every failure is an answer, and the cluster goes on.
//
//   node build/examples/failures.mjs
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BrokenBarrierError,
  Cluster,
  NameExistsError,
  OwnerDiedError,
  type Resource,
  TaskError,
  TimeoutError,
  WorkerDiedError,
} from 'tsdsm'

/** Worker 1 throws; the others wait at a barrier that it never reaches. */
export function throwing(res: Resource): void {
  if (res.id === 1) throw new RangeError('no such row: 1000')
  res.barrier()
}

/** Worker 1 is killed, as by the kernel when memory runs out, while it holds a lock. */
export function dying(res: Resource): void {
  if (res.id !== 1) return
  res.getLock('ledger').acquire()
  res.getShared('ledger')[0] = -1 // half of a change
  process.kill(process.pid, 'SIGKILL')
}

/** Nobody may take the lock as if nothing had happened: the half change has to be looked at first. */
export function repair(res: Resource): string | undefined {
  if (res.id !== 0) return undefined
  const lock = res.getLock('ledger')
  const ledger = res.getShared('ledger')
  try {
    lock.acquire()
  } catch (error) {
    if (!(error instanceof OwnerDiedError)) throw error
  }
  lock.acquire({ recover: true })
  const found = ledger[0]
  ledger[0] = 100
  lock.clearPoison()
  lock.release()
  return `found ${found}, put back ${ledger[0]}`
}

/** A task that takes too long. */
export async function endless(res: Resource): Promise<void> {
  await sleep(60_000, undefined, { signal: res.signal })
}

async function main(): Promise<void> {
  await Cluster.run(3, async cluster => {
    const ledger = cluster.createShared('ledger', 1)
    ledger[0] = 100
    cluster.createLock('ledger')

    try {
      cluster.createShared('ledger', 1)
    } catch (error) {
      if (error instanceof NameExistsError) console.log(`1. ${error.code}: the array that is there stays as it was`)
    }

    try {
      await cluster.runProcesses(throwing)
    } catch (error) {
      if (error instanceof TaskError) {
        const others = error.errors.filter(other => other.cause instanceof BrokenBarrierError)
        console.log(`2. Worker ${error.workerId} threw ${error.originalName}: ${error.originalMessage}`)
        console.log(`   ${others.length} others left the barrier by BrokenBarrierError`)
      }
    }

    try {
      await cluster.runProcesses(dying)
    } catch (error) {
      if (error instanceof WorkerDiedError) console.log(`3. Worker ${error.workerId} died of ${error.signal}`)
    }

    const [repaired] = await cluster.runProcesses(repair)
    console.log(`4. With a fresh worker in its place: ${repaired}`)

    try {
      await cluster.runProcesses(endless, [], { timeout: 200 })
    } catch (error) {
      if (error instanceof TimeoutError) console.log('5. The time-out ended the run')
    }

    const controller = new AbortController()
    const run = cluster.runProcesses(endless, [], { signal: controller.signal })
    controller.abort('enough')
    await run.catch(reason => console.log(`6. The run was aborted: ${reason}`))

    console.log(`7. The ledger still says ${ledger[0]}`)
  })
}

if (Cluster.isMain(import.meta.url)) await main()
