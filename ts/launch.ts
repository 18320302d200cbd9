import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { decodeRecord, type ErrorRecord, rebuild } from './error-record.js'
import { UnsupportedError, WorkerDiedError } from './errors.js'
import { inheritedExecArgv, inheritedNodeOptions } from './exec-argv.js'
import { type Farewell, IDENTITY, type Identity } from './identity.js'
import type { OutputMode } from './worker-output.js'

/** What all workers of a cluster are started with. */
export interface LaunchPlan {
  cluster: string
  output: OutputMode
  execArgv?: readonly string[]
  env?: NodeJS.ProcessEnv
  mainDoorbell: number
}

/** How long the reason of a death is waited for when the death itself is known. */
const REASON_MS = 1000

/** The worker's main program. */
const PROGRAM = join(__dirname, 'worker.js')

/**
 * @throws UnsupportedError where this library was bundled into another file
 */
export function checkProgram(): void {
  if (existsSync(PROGRAM)) return
  throw new UnsupportedError(
    `the workers' program ${PROGRAM} is missing: it seems that tsdsm was bundled into your program. Mark 'tsdsm' as ` +
      'external in your bundler, so that it is loaded from node_modules',
    { program: PROGRAM },
  )
}

/** One process of a worker. A fresh worker is another one, with the same id. */
export class WorkerProcess {
  readonly id: number
  readonly pid: number
  readonly #child: ChildProcess
  #uncaught: ErrorRecord | undefined
  /** Settles when the process has ended and its last words have been read. */
  readonly #ended: Promise<void>

  /**
   * Forks it.
   *
   * @throws Error when the system has no room for a process
   */
  constructor(id: number, doorbell: number, plan: LaunchPlan) {
    const stream = plan.output === 'pipe' ? 'pipe' : 'inherit'
    const child = fork(PROGRAM, process.argv.slice(2), {
      execArgv: plan.execArgv === undefined ? inheritedExecArgv(process.execArgv) : [...plan.execArgv],
      env: environment(id, plan),
      stdio: ['ignore', stream, stream, 'ipc', doorbell, plan.mainDoorbell],
    })
    this.id = id
    this.#child = child
    this.pid = child.pid ?? 0
    // A failed fork says why in this event; a failed kill or send comes here too, and the death says enough.
    this.failure = new Promise(resolve => child.on('error', resolve))
    child.on('message', message => {
      const farewell = message as Partial<Farewell> | null
      if (farewell?.tsdsm === 'uncaught') this.#uncaught = decodeRecord(Buffer.from(farewell.record ?? '', 'base64'))
    })
    this.#ended = Promise.all([
      new Promise(resolve => child.once('exit', resolve)),
      new Promise(resolve => child.once('disconnect', resolve)),
    ]).then(() => {})
    this.unref()
  }

  /** What kept the process from starting. */
  readonly failure: Promise<Error>

  get stdout(): Readable | null {
    return this.#child.stdout
  }

  get stderr(): Readable | null {
    return this.#child.stderr
  }

  /** Lets main's event loop end while the worker is idle. */
  unref(): void {
    this.#child.unref()
    this.#child.channel?.unref()
    for (const stream of [this.#child.stdout, this.#child.stderr]) (stream as { unref?(): void } | null)?.unref?.()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Asks an idle worker to end: it does when the channel closes. */
  dismiss(): void {
    if (this.#child.connected) this.#child.disconnect()
  }

  /** Waits for the end of the process and of its output; keeps the event loop alive meanwhile. */
  async gone(): Promise<void> {
    const child = this.#child
    if (child.pid === undefined) return
    child.ref()
    if (child.exitCode === null && child.signalCode === null) {
      await new Promise(resolve => child.once('exit', resolve))
    }
    const open = [child.stdout, child.stderr].filter(stream => stream !== null && !stream.closed)
    // A grandchild may hold the pipe for longer than anybody wants to wait.
    await within(REASON_MS, Promise.all(open.map(stream => new Promise(resolve => stream?.once('close', resolve)))))
  }

  /** Why it died: at once where a signal ended it, else as soon as its last words have been read. */
  async reason(report: { signal?: number; exitCode?: number }, during: string): Promise<WorkerDiedError> {
    let signal = report.signal ? signalName(report.signal) : null
    let exitCode = signal === null ? (report.exitCode ?? null) : null
    if (signal === null) {
      await within(REASON_MS, this.#ended)
      signal = exitCode === null ? this.#child.signalCode : null
      exitCode = signal === null ? (exitCode ?? this.#child.exitCode) : null
    }
    const how =
      signal !== null ? `was ended by ${signal}` : exitCode !== null ? `exited with code ${exitCode}` : 'has ended'
    const uncaught = this.#uncaught
    const why = uncaught === undefined ? '' : `; uncaught ${uncaught.name}: ${uncaught.message}`
    return new WorkerDiedError(
      `worker ${this.id} (process ${this.pid}) ${how} ${during}${why}`,
      { workerId: this.id, signal, exitCode, pid: this.pid },
      uncaught === undefined ? undefined : { cause: rebuild(uncaught) },
    )
  }
}

function environment(worker: number, plan: LaunchPlan): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...(plan.env ?? process.env) }
  // A worker is neither a file under test nor a program to be watched.
  delete env.NODE_TEST_CONTEXT
  delete env.WATCH_REPORT_DEPENDENCIES
  if (env.NODE_OPTIONS !== undefined) env.NODE_OPTIONS = inheritedNodeOptions(env.NODE_OPTIONS)
  const identity: Identity = {
    cluster: plan.cluster,
    worker,
    parent: process.pid,
    output: plan.output,
  }
  env[IDENTITY] = JSON.stringify(identity)
  return env
}

function signalName(number: number): NodeJS.Signals {
  const found = Object.entries(constants.signals).find(([, value]) => value === number)
  return (found?.[0] ?? `SIG${number}`) as NodeJS.Signals
}

/** Waits for `promise`, but no longer than `ms`. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([promise, new Promise(resolve => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
