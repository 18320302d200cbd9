// Locks, barriers and counters from JavaScript, and how soon a death is known.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Cluster, task, WorkerDiedError } from 'tsdsm'
import { compare, isSkipped, type Options, perCall, type Row, type Side } from '../harness.mts'
import { cPeer, pythonPeer } from '../peers.mts'
import { additions, forever, pairs, rounds } from '../tasks.mts'

const tasks = new URL('../tasks.mjs', import.meta.url)
const DEATHS = 100

export default async function sync(options: Options): Promise<Row[]> {
  const rows = [await uncontended(options)]
  for (const processes of options.quick ? [2] : [2, 4, 8, 16]) {
    rows.push(await contended(processes, options), await barrier(processes, options))
  }
  return [...rows, await counter(options), await death(options)]
}

async function uncontended(options: Options): Promise<Row> {
  const calls = options.quick ? 100 : 1e6
  const cluster = await Cluster.start(1)
  const lock = cluster.createLock('mine')
  return compare(
    { work: 'lock and unlock, which nobody contends' },
    {
      name: 'lock.acquire, release',
      round() {
        const began = process.hrtime.bigint()
        for (let i = 0; i < calls; i++) {
          lock.acquire()
          lock.release()
        }
        return Number(process.hrtime.bigint() - began) / calls
      },
      close: () => cluster.close(),
    },
    [
      {
        side: await cPeer('glibc mutex, robust and process-shared', 'mutex', ['robust', 1, calls]),
        target: { atMost: 2.5 },
      },
      { side: await cPeer('glibc mutex, process-shared', 'mutex', ['pshared', 1, calls]) },
      { side: await cPeer('glibc mutex', 'mutex', ['plain', 1, calls]) },
      {
        side: await pythonPeer('multiprocessing.Lock', 'sync.py', ['lock', 1, calls / 10]),
        target: { atMost: 0.15 },
      },
    ],
    options,
  )
}

async function contended(processes: number, options: Options): Promise<Row> {
  const calls = options.quick ? 10 : Math.floor(400_000 / processes)
  const cluster = await Cluster.start(processes)
  cluster.createShared('count', 1, 'float64')
  const counted = task(tasks, pairs)
  return compare(
    { work: `lock, count, unlock in ${processes} processes, per pair` },
    {
      name: 'lock.acquire, release',
      round: async () => (await perCall(1, () => cluster.runProcesses(counted, [calls]))) / processes / calls,
      close: () => cluster.close(),
    },
    [
      {
        side: await cPeer('glibc mutex, robust and process-shared', 'mutex', ['robust', processes, calls]),
        target: processes === 2 || processes === 8 ? { atMost: 1 } : undefined,
      },
      { side: await cPeer('glibc mutex, process-shared', 'mutex', ['pshared', processes, calls]) },
      { side: await pythonPeer('multiprocessing.Lock', 'sync.py', ['lock', processes, Math.ceil(calls / 10)]) },
    ],
    options,
  )
}

async function barrier(parties: number, options: Options): Promise<Row> {
  const calls = options.quick ? 10 : Math.floor(40_000 / parties)
  const cluster = await Cluster.start(parties)
  const waited = task(tasks, rounds)
  const glibc = await cPeer('pthread_barrier, process-shared', 'barrier', ['pshared', parties, calls])
  const openmp = await cPeer("libgomp's, of threads", 'barrier', ['openmp', parties, calls])
  const python = await pythonPeer('multiprocessing.Barrier', 'sync.py', ['barrier', parties, Math.ceil(calls / 20)])
  return compare(
    { work: `barrier of ${parties} processes` },
    {
      name: 'res.barrier',
      round: async () => Math.max(...(await cluster.runProcesses(waited, [calls]))),
      close: () => cluster.close(),
    },
    parties === 2
      ? [{ side: openmp, target: { atMost: 1 } }, { side: glibc }, { side: python }]
      : [{ side: glibc, target: { atMost: 0.6 } }, { side: openmp }, { side: python }],
    options,
  )
}

async function counter(options: Options): Promise<Row> {
  const processes = 2
  const calls = options.quick ? 10 : 200_000
  const cluster = await Cluster.start(processes)
  const counted = task(tasks, additions)
  cluster.createCounter('hits')
  return compare(
    { work: `fetch and add in ${processes} processes` },
    {
      name: 'counter.fetchAdd',
      round: async () => (await perCall(1, () => cluster.runProcesses(counted, [calls]))) / processes / calls,
      close: () => cluster.close(),
    },
    [{ side: await pythonPeer('multiprocessing.Value', 'sync.py', ['count', processes, Math.ceil(calls / 10)]) }],
    options,
  )
}

/** From the kill of a worker to the rejection of its run, and to the exit of a bare forked child. */
async function death(options: Options): Promise<Row> {
  const cluster = await Cluster.start(1)
  const endless = task(tasks, forever)
  const started = cluster.createEvent('started', { automatic: true })
  cluster.createEvent('never')
  const row = await compare(
    { work: 'kill -9 of a worker to the rejection of its run' },
    {
      name: 'WorkerDiedError',
      async round() {
        const run = cluster.runProcesses(endless).then(
          () => false,
          error => error instanceof WorkerDiedError,
        )
        await started.waitAsync()
        const took = await perCall(1, async () => {
          process.kill(cluster.workers[0].pid as number, 'SIGKILL')
          if (!(await run)) throw new Error('a killed worker was not reported')
        })
        return took
      },
      close: () => cluster.close(),
    },
    [{ side: bareDeath() }],
    { ...options, rounds: options.quick ? 1 : DEATHS },
  )
  const percentile = (rounds: readonly number[]) => [...rounds].sort((a, b) => a - b)[Math.floor(0.99 * rounds.length)]
  const late = (figures: { rounds: readonly number[] }) => `${(percentile(figures.rounds) / 1e6).toFixed(2)} ms`
  const [{ peer }] = row.peers
  const bare = isSkipped(peer) ? '' : `, ${late(peer)} there`
  return { ...row, note: `99th percentile of ${row.ours.rounds.length}: ${late(row.ours)} here${bare}; wanted: 5 ms` }
}

function bareDeath(): Side {
  const program = fileURLToPath(new URL('../bare-child.cjs', import.meta.url))
  return {
    name: "a bare forked child's exit event",
    async round() {
      const child: ChildProcess = fork(program)
      await once(child, 'message')
      return perCall(1, async () => {
        child.kill('SIGKILL')
        await once(child, 'exit')
      })
    },
  }
}
