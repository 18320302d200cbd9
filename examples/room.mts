// A room with a heater, computed until somebody has had enough of it: a program that others join while it runs.
//
//   node build/examples/room.mjs [name]           in one terminal
//   node build/examples/thermostat.mjs [name]     in another one
//
// The workers let heat spread through the air of the room, step by step. The heater stands in shared memory, and this
// program does not touch it: whoever knows the cluster's name can join, look at the air and turn the heater.
import { Cluster, type Resource } from 'tsdsm'

const CELLS = 64
const STEPS = 500

/** What each worker runs: some steps for its part of the air. The heater is at the left end, a window at the right. */
export function heat(res: Resource): void {
  const heater = res.getShared('heater', 'float64')
  const [degrees] = res.getLock('heater').withLock(() => heater.slice())
  const air = [res.getShared('air', 'float64'), res.getShared('air later', 'float64')]
  const { start, stop } = res.splitIndices(CELLS, { random: false })
  for (let step = 0; step < STEPS; step++) {
    const now = air[step % 2]
    const next = air[(step + 1) % 2]
    for (let i = start; i < stop; i++) {
      const left = i === 0 ? degrees : now[i - 1]
      const right = now[Math.min(i + 1, CELLS - 1)]
      next[i] = now[i] + 0.25 * (left - 2 * now[i] + right)
    }
    res.barrier()
  }
}

if (Cluster.isMain(import.meta.url)) {
  const name = process.argv[2] ?? 'room'
  await Cluster.run(2, { name }, async cluster => {
    const air = cluster.createShared('air', CELLS, 'float64')
    cluster.createShared('air later', CELLS, 'float64')
    const heater = cluster.createShared('heater', 2, 'float64') // its degrees, and how often it was turned
    cluster.createLock('heater')
    const enough = cluster.createEvent('enough')
    console.log(`a cold room, until somebody says that it is enough: node build/examples/thermostat.mjs ${name}`)
    while (!enough.isSet) await cluster.runProcesses(heat)
    const warm = air[CELLS - 1] > 20 ? 'more than 20' : 'no more than 20'
    console.log(`enough: ${warm} degrees at the window, and the heater was turned ${heater[1]} times`)
  })
}
