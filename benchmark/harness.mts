// Measuring two or more ways of doing the same work in turn (A B A B …), and what comes of it.
import { Bench } from 'tinybench'

/** One way of doing the work. */
export interface Side {
  readonly name: string
  /** Does the work once, or some fixed number of times, and says how much one operation took. */
  round(): number | Promise<number>
  close?(): void | Promise<void>
}

/** A side that cannot be had here, and why. It is never counted as beaten. */
export interface Skipped {
  readonly name: string
  readonly skipped: string
}

/** What the rounds of one side came to, in the row's unit. */
export interface Figures {
  readonly name: string
  readonly rounds: readonly number[]
  readonly min: number
  readonly median: number
}

/**
 * What is asked of us beside a peer: at most a multiple of what it takes, or so many times as fast as it. A stretch is
 * what we would like beyond that.
 */
export type Target = ({ readonly atMost: number } | { readonly timesAsFast: number }) & { readonly stretch?: true }

export interface Comparison {
  readonly peer: Figures | Skipped
  /** Ours by the peer's for `atMost` and where there is no target, the peer's by ours for `timesAsFast`; of medians. */
  readonly ratio?: number
  readonly target?: Target
  readonly hit?: boolean
}

export type Unit = 'ns' | 'bytes'

export interface Row {
  readonly work: string
  readonly unit: Unit
  readonly ours: Figures
  readonly peers: readonly Comparison[]
  readonly note?: string
  readonly point?: Point
}

/** Where a row stands in a picture: on which curve, for which size, and by how much its time is divided. */
export interface Point {
  readonly curve: string
  readonly size: number
  readonly operations: number
}

/** What a section's module has. */
export interface Section {
  /** Measures. */
  readonly default: (options: Options) => Promise<Row[]>
  /** The rows as a picture (SVG), which the report shows in place of a table. */
  readonly picture?: (rows: readonly Row[]) => Promise<string>
}

/** What a section is told. */
export interface Options {
  readonly rounds: number
  /** Everything once and small: to see that the programs run, not to measure. */
  readonly quick: boolean
}

export const isSkipped = (side: Side | Skipped | Figures): side is Skipped => 'skipped' in side

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Lets all sides take turns: one round each to warm up, then `rounds` of them; closes them all. */
async function inTurn(sides: readonly Side[], rounds: number): Promise<Figures[]> {
  const taken = sides.map((): number[] => [])
  try {
    for (let round = -1; round < rounds; round++) {
      for (const [at, side] of sides.entries()) {
        const figure = await side.round()
        if (round >= 0) taken[at].push(figure)
      }
    }
  } finally {
    for (const side of sides) await side.close?.()
  }
  return sides.map(({ name }, at) => ({
    name,
    rounds: taken[at],
    min: Math.min(...taken[at]),
    median: median(taken[at]),
  }))
}

/** Measures our side and its peers, and judges. */
export async function compare(
  { work, unit = 'ns', note, point }: { work: string; unit?: Unit; note?: string; point?: Point },
  ours: Side,
  peers: readonly { readonly side: Side | Skipped; readonly target?: Target }[],
  { rounds }: Options,
): Promise<Row> {
  const sides = peers.map(peer => peer.side).filter((side): side is Side => !isSkipped(side))
  const [own, ...others] = await inTurn([ours, ...sides], rounds)
  const compared = peers.map(({ side, target }): Comparison => {
    if (isSkipped(side)) return { peer: side, target }
    const peer = others[sides.indexOf(side)]
    const faster = target !== undefined && 'timesAsFast' in target
    const ratio = faster ? peer.median / own.median : own.median / peer.median
    const hit = target && (faster ? ratio >= target.timesAsFast : 'atMost' in target && ratio <= target.atMost)
    return { peer, ratio, target, hit }
  })
  return { work, unit, ours: own, peers: compared, note, point }
}

/** Nanoseconds that one of `calls` calls takes, one after the other. */
export async function perCall(calls: number, call: () => unknown): Promise<number> {
  const began = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) await call()
  return Number(process.hrtime.bigint() - began) / calls
}

/** Nanoseconds that one call of a synchronous function takes, of as many as it takes to fill some milliseconds. */
export function filling(milliseconds: number, call: () => unknown): number {
  const enough = milliseconds * 1e6
  let took = 0
  let calls = 0
  for (let batch = 1; took < enough; batch *= 2) {
    const began = process.hrtime.bigint()
    for (let i = 0; i < batch; i++) call()
    took += Number(process.hrtime.bigint() - began)
    calls += batch
  }
  return took / calls
}

/** Nanoseconds of one call of a synchronous function: the median of as many as fit into some milliseconds. */
export async function micro(work: () => void, milliseconds: number): Promise<number> {
  const bench = new Bench({ time: milliseconds, iterations: 5, warmup: false, throws: true })
  bench.add('work', work, { async: false })
  const [task] = await bench.run()
  if (task.result.state !== 'completed') throw new Error(`the benchmark ended as ${task.result.state}`)
  return task.result.latency.p50 * 1e6
}
