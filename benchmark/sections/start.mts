// Starting a cluster until its workers are ready, and what an idle worker keeps in memory.
import { readFileSync } from 'node:fs'
import { Cluster } from 'tsdsm'
import { compare, median, type Options, perCall, type Row, type Side } from '../harness.mts'
import { bareForks, endForks } from '../peers.mts'

export default async function start(options: Options): Promise<Row[]> {
  const rows: Row[] = []
  for (const count of [2, 8]) {
    rows.push(
      await compare(
        { work: `start ${count} workers` },
        ourStart(count),
        [{ side: bareStart(count), target: { atMost: 1.3 } }],
        options,
      ),
    )
  }
  rows.push(
    await compare(
      { work: 'memory of an idle worker, of 2 (PSS)', unit: 'bytes' },
      ourMemory(2),
      [{ side: bareMemory(2), target: { atMost: 1.25 } }],
      options,
    ),
  )
  return rows
}

function ourStart(count: number): Side {
  return {
    name: 'Cluster.start',
    async round() {
      let cluster: Cluster | undefined
      const took = await perCall(1, async () => {
        cluster = await Cluster.start(count)
      })
      await cluster?.close()
      return took
    },
  }
}

function bareStart(count: number): Side {
  return {
    name: `${count} bare forks to the first message of each`,
    async round() {
      const began = process.hrtime.bigint()
      const children = await bareForks(count)
      const took = Number(process.hrtime.bigint() - began)
      await endForks(children)
      return took
    },
  }
}

function ourMemory(count: number): Side {
  return {
    name: 'idle worker',
    async round() {
      const cluster = await Cluster.start(count)
      const bytes = median(cluster.workers.map(worker => proportionalSize(worker.pid)))
      await cluster.close()
      return bytes
    },
  }
}

function bareMemory(count: number): Side {
  return {
    name: 'bare forked child',
    async round() {
      const forked = await bareForks(count)
      const bytes = median(forked.map(child => proportionalSize(child.pid)))
      await endForks(forked)
      return bytes
    },
  }
}

/** A process' share of the memory it has mapped, in bytes: shared pages count in parts. */
function proportionalSize(pid: number | undefined): number {
  const [, kibibytes] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}
