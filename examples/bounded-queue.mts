// Condition variables: a queue of a few places between the workers that produce and those that consume.
//
//   node build/examples/bounded-queue.mjs [items] [workers]     # 10000 and 4 unless told
//
// Who produces waits while the queue is full, who consumes while it is empty: each for a condition of its own, under the
// same lock. A wait gives the lock back until somebody has changed the queue, so nobody looks over and over again.
import { Command } from 'commander'
import { Cluster, type Resource } from 'tsdsm'
import { positive } from './common/arguments.mts'

const PLACES = 8

/** Workers with even ids produce the numbers below `items`, the others consume them. Returns the sum of these. */
export function work(res: Resource, items: number): number {
  const queue = res.getShared('queue')
  // How many were put in, and how many were taken out.
  const counts = res.getShared('counts')
  const { notEmpty, notFull } = res.conditions
  const { lock } = notEmpty
  const produce = (item: number) =>
    lock.withLock(() => {
      notFull.waitFor(() => counts[0] - counts[1] < PLACES)
      queue[counts[0]++ % PLACES] = item
      notEmpty.notify()
    })
  /** The next item; none when all have been taken. */
  const consume = () =>
    lock.withLock(() => {
      notEmpty.waitFor(() => counts[0] > counts[1] || counts[1] === items)
      if (counts[1] === items) return undefined
      const item = queue[counts[1]++ % PLACES]
      if (counts[1] === items) notEmpty.notifyAll()
      notFull.notify()
      return item
    })

  let sum = 0
  if (res.id % 2 === 0) {
    const producers = Math.ceil(res.size / 2)
    for (let item = res.id / 2; item < items; item += producers) produce(item)
  } else {
    for (let item = consume(); item !== undefined; item = consume()) sum += item
  }
  return sum
}

async function main(items: number, workers: number): Promise<void> {
  await Cluster.run(workers, async cluster => {
    cluster.createShared('queue', PLACES)
    cluster.createShared('counts', 2)
    const lock = cluster.createLock('queue')
    cluster.createCondition('notEmpty', lock)
    cluster.createCondition('notFull', lock)
    const sums = await cluster.runProcesses(work, [items])
    const sum = sums.reduce((a, b) => a + b)
    console.log(`${items} items went through ${PLACES} places`)
    console.log(`Their sum is right: ${sum === (items * (items - 1)) / 2}`)
  })
}

if (Cluster.isMain(import.meta.url)) {
  const command = new Command('bounded-queue')
    .argument('[items]', 'how many items go through the queue', positive, 10_000)
    .argument('[workers]', 'number of worker processes, 2 or more', positive, 4)
    .parse()
  const [items, workers] = command.processedArgs
  if (workers < 2) command.error('one worker alone would wait for ever: it has nobody to take what it produces')
  await main(items, workers)
}
