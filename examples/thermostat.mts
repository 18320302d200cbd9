// Joins the cluster of room.mts from another terminal: looks at the air, turns the heater on, and off when it is warm.
//
//   node build/examples/thermostat.mjs [name]
//
// It has the same arrays, locks and events as the workers there. Ctrl-C here does not disturb them: a lock that this
// program held is free again, and whoever takes it next is told.
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster } from 'tsdsm'

const cluster = Cluster.join(process.argv[2] ?? 'room')
const air = cluster.getShared('air', 'float64')
const heater = cluster.getShared('heater', 'float64')

/** Turns the heater. Several programs may do so at once: each is counted. */
function turn(degrees: number): void {
  cluster.getLock('heater').withLock(() => {
    heater[0] = degrees
    heater[1] += 1
  })
}

console.log(`${air[air.length - 1].toFixed(1)} degrees at the window: the heater goes on`)
turn(60)
while (air[air.length - 1] <= 20) {
  // When the room ends before, `cluster.signal` aborts, and so does this.
  await sleep(10, undefined, { signal: cluster.signal })
}
console.log('more than 20 degrees at the window: the heater goes off, enough')
turn(0)
cluster.getEvent('enough').set()
cluster.close()
