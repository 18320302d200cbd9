// A named barrier: two teams of workers, and each waits only for its own members.
//
//   node build/examples/named-barrier.mjs
//
// Each team lets heat spread along a rod of its own until it is even. A cell's next value needs its neighbours' old
// ones, so a team's members must not begin a step before all have finished the last. `res.barrier()` would wait for all
// four workers; the teams take different numbers of steps, so each has a barrier of its own, for two parties.
import { Cluster, type Resource } from 'tsdsm'

const TEAMS = ['copper', 'glass']
const CELLS = 64

/** What each worker runs. Returns the number of steps that its team took. */
export function heat(res: Resource, speed: number[]): number {
  const team = res.id % 2
  const barrier = res.getBarrier(TEAMS[team])
  const rods = [
    res.getShared(`${TEAMS[team]} even steps`, 'float64'),
    res.getShared(`${TEAMS[team]} odd steps`, 'float64'),
  ]
  const member = res.id >> 1
  const first = member * (CELLS / 2)

  for (let step = 0; ; step++) {
    const now = rods[step % 2]
    const next = rods[(step + 1) % 2]
    for (let i = first; i < first + CELLS / 2; i++) {
      const left = now[Math.max(i - 1, 0)]
      const right = now[Math.min(i + 1, CELLS - 1)]
      next[i] = now[i] + speed[team] * (left - 2 * now[i] + right)
    }
    barrier.wait()
    // Both members read the same numbers, so both stop at the same step.
    if (next[0] - next[CELLS - 1] < 1) return step + 1
  }
}

if (Cluster.isMain(import.meta.url)) {
  await Cluster.run(4, async cluster => {
    for (const team of TEAMS) {
      cluster.createShared(`${team} even steps`, CELLS, 'float64').fill(100, 0, CELLS / 2) // hot on the left, cold on the right
      cluster.createShared(`${team} odd steps`, CELLS, 'float64')
      cluster.createBarrier(team, { parties: 2 })
    }
    const steps = await cluster.runProcesses(heat, [[0.4, 0.1]])
    TEAMS.forEach((team, t) => {
      const rod = cluster.getShared(`${team} ${steps[t] % 2 ? 'odd' : 'even'} steps`, 'float64')
      console.log(`${team}: ${steps[t]} steps, from ${rod[0].toFixed(2)} to ${rod[CELLS - 1].toFixed(2)} degrees`)
    })
  })
}
