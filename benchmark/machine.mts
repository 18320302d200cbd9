// Where and when the figures were taken, and whether the cores were free for it.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly kernel: string
  readonly node: string
}

export const cores = availableParallelism()

export function machine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores,
    kernel: `${process.platform} ${release()}`,
    node: process.version,
  }
}

/** The share of all cores' time that was idle during a moment in which this program does nothing. */
export async function idleShare(milliseconds = 500): Promise<number> {
  const before = ticks()
  await sleep(milliseconds)
  const after = ticks()
  return (after.idle - before.idle) / Math.max(1, after.all - before.all)
}

function ticks(): { idle: number; all: number } {
  // user nice system idle iowait irq softirq steal; what follows is counted in user already
  const [, ...columns] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/\s+/)
  const counts = columns.slice(0, 8).map(Number)
  return { idle: counts[3] + counts[4], all: counts.reduce((sum, count) => sum + count, 0) }
}
