// Running an empty task on two warm workers, and waiting for both results.
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { Cluster, task } from 'tsdsm'
import { compare, type Options, perCall, type Row, type Side } from '../harness.mts'
import { cPeer, pythonPeer } from '../peers.mts'
import { nothing } from '../tasks.mts'

const WORKERS = 2

export default async function run(options: Options): Promise<Row[]> {
  const calls = options.quick ? 100 : 2000
  return [
    await compare(
      { work: `run an empty task on ${WORKERS} warm workers` },
      await ours(calls),
      [
        { side: await piscina(calls), target: { atMost: 0.5 } },
        { side: await cPeer('eventfd, in C', 'dispatch', [WORKERS, calls]), target: { atMost: 2, stretch: true } },
        { side: await threads(calls) },
        { side: await pythonPeer('multiprocessing Pool.map', 'pool.py', [WORKERS, calls / 10]) },
        { side: await pythonPeer('py-dsm runProcesses', 'py_dsm.py', ['empty', WORKERS, calls / 100]) },
      ],
      options,
    ),
  ]
}

async function ours(calls: number): Promise<Side> {
  const cluster = await Cluster.start(WORKERS)
  const empty = task(new URL('../tasks.mjs', import.meta.url), nothing)
  return {
    name: 'runProcesses',
    round: () => perCall(calls, () => cluster.runProcesses(empty)),
    close: () => cluster.close(),
  }
}

async function piscina(calls: number): Promise<Side> {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('../nothing.cjs', import.meta.url)),
    minThreads: WORKERS,
    maxThreads: WORKERS,
  })
  const both = () => Promise.all(Array.from({ length: WORKERS }, () => pool.run(null)))
  await both()
  return {
    name: `Promise.all of ${WORKERS} piscina.run`,
    round: () => perCall(calls, both),
    close: () => pool.close(),
  }
}

/** A message to each of two worker threads, and one back. */
async function threads(calls: number): Promise<Side> {
  const workers = Array.from({ length: WORKERS }, () => new Worker(new URL('../echo.cjs', import.meta.url)))
  const answers = () => Promise.all(workers.map(worker => once(worker, 'message')))
  await answers()
  return {
    name: `messages to ${WORKERS} worker_threads and back`,
    round: () =>
      perCall(calls, () => {
        for (const worker of workers) worker.postMessage(null)
        return answers()
      }),
    async close() {
      await Promise.all(workers.map(worker => worker.terminate()))
    },
  }
}
