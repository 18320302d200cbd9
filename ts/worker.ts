/**
 * The main program of a worker. It loads as little as it can before it says that it is ready: what only a task needs
 * is loaded when the first task comes.
 */
import { NotFoundError } from './errors.js'
import { DOORBELL_FD, type Farewell, IDENTITY, type Identity, MAIN_DOORBELL_FD } from './identity.js'
import { RESOLVE, readHeader, readSpec } from './message.js'
import { native } from './native.js'
import { Session } from './session.js'
import { setWorkerContext, type WorkerContext } from './worker-context.js'
import { markWorker } from './worker-mark.js'
import { keepLinesWhole } from './worker-output.js'

type AnyFunction = (...args: unknown[]) => unknown

/** Why a task was left, for those who wait for it in the run's barrier. */
const RETURNED = 0
const THREW = 1

/** How long main may take to end, when it has closed the cluster before this worker was there. */
const PATIENCE_MS = 1000

/** What a message of a task begins with; see message.ts. */
const HEADER = 8
const NOTHING = new Uint8Array(0)
const NOT_SENT = 'what the task returned cannot be sent to main'

const identity = readIdentity()
markWorker()
// Ctrl-C in a terminal goes to the whole group: main decides what becomes of it, and ends its workers if it ends.
process.on('SIGINT', () => {})
process.on('uncaughtExceptionMonitor', sayFarewell)

const session = attach()
// Main closes the channel when it closes the cluster, whose names are gone then. Else main has died: the native watch
// ends this process, once it has cleaned up.
process.once('disconnect', () => {
  if (!session.isCurrent) process.exit()
})
const flushOutput = keepLinesWhole(session, identity.worker, identity.output)
const tasks = new Map<number, AnyFunction>()
let context: WorkerContext | undefined
// Kept, since even a `require` of what is loaded costs more than a run should.
let resources: typeof import('./resource.js')
let serialize: typeof import('./serialize.js') | undefined
native.doorbellRef(native.doorbellListen(DOORBELL_FD, rung), true)

/** Who this process is. Deleted at once, so that no process that it starts takes itself for a worker. */
function readIdentity(): Identity {
  const text = process.env[IDENTITY]
  delete process.env[IDENTITY]
  if (text === undefined) {
    process.stderr.write('this program is a part of tsdsm that Cluster.start runs\n')
    process.exit(2)
  }
  const read = JSON.parse(text) as Identity
  // Main is gone already, or this is another process' child that got the variable.
  if (read.parent !== process.ppid) leaveEarly()
  return read
}

function attach(): Session {
  const { cluster, worker, parent } = identity
  try {
    return new Session(native.sessionAttachWorker(cluster, worker, DOORBELL_FD, MAIN_DOORBELL_FD))
  } catch (error) {
    // A cluster that cannot be found has most likely been closed since, by a main that is about to end.
    if (error instanceof NotFoundError) {
      const never = new Int32Array(new SharedArrayBuffer(4))
      for (let waited = 0; waited < PATIENCE_MS; waited += 10) {
        if (process.ppid !== parent) leaveEarly()
        Atomics.wait(never, 0, 0, 10)
      }
    }
    throw error
  }
}

/** Main was killed while this process started: what main has left is removed, since nobody else may be there to do it. */
function leaveEarly(): never {
  try {
    native.segmentsPrune()
  } finally {
    process.exit(2)
  }
}

function rung(): void {
  if (context !== undefined && context.run !== 0) {
    // In the midst of an asynchronous task: the only news can be that the run is cancelled.
    if (context.resource?.checkCancelled()) {
      context.objects.callOff(resources.cancelled())
    }
    return
  }
  const taken = native.runTake(session.handle)
  if (taken === null) return
  const { kind, task } = readHeader(taken.payload)
  if (kind === RESOLVE) resolve(task, taken.payload)
  else run(taken.run, task, taken.payload)
}

function resolve(id: number, message: Buffer): void {
  const { resolveTask } = require('./task-resolve.js') as typeof import('./task-resolve.js')
  getContext()
  resolveTask(readSpec(message)).then(
    found => {
      tasks.set(id, found)
      native.runComplete(session.handle, true, NOTHING)
    },
    error => native.runComplete(session.handle, false, describeThrown(error)),
  )
}

function run(number: number, id: number, message: Buffer): void {
  const own = getContext()
  own.run = number
  own.resource = new resources.Resource(own, number)
  try {
    const task = tasks.get(id) as AnyFunction
    const paras = message.length > HEADER ? readParas(message) : []
    const result = task(own.resource, ...paras)
    if (isThenable(result)) Promise.resolve(result).then(returned, threw)
    else returned(result)
  } catch (error) {
    threw(error)
  }
}

function readParas(message: Buffer): unknown[] {
  serialize ??= require('./serialize.js') as typeof import('./serialize.js')
  return serialize.readValues(message)
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}

function returned(result: unknown): void {
  let payload: Uint8Array = NOTHING
  if (result !== undefined) {
    try {
      serialize ??= require('./serialize.js') as typeof import('./serialize.js')
      payload = serialize.writeValues(new Uint8Array(HEADER), [result])
    } catch (error) {
      threw(error, NOT_SENT)
      return
    }
  }
  leave(RETURNED, true, payload)
}

function threw(error: unknown, context?: string): void {
  leave(THREW, false, describeThrown(error, context))
}

function leave(reason: number, ok: boolean, payload: Uint8Array): void {
  const own = getContext()
  const { run } = own
  own.run = 0
  own.resource = undefined
  own.objects.endTask()
  try {
    flushOutput()
  } catch {
    // Nobody reads the output any more; that is no business of the task's.
  }
  native.runLeave(session.handle, run, reason)
  try {
    native.runComplete(session.handle, ok, payload)
  } catch (error) {
    // There is no room in shared memory for what is to be sent; for a short word there always is.
    const { name, message } = error as Error
    native.runComplete(session.handle, false, describeThrown(new PlainError(name, `${NOT_SENT}: ${message}`)))
  }
}

/** An error without a stack, so that its description is short. */
class PlainError extends Error {
  constructor(name: string, message: string) {
    super(message)
    this.name = name
    this.stack = ''
  }
}

function describeThrown(error: unknown, context?: string): Uint8Array {
  const { describe, encodeRecord } = require('./error-record.js') as typeof import('./error-record.js')
  const record = describe(error)
  if (context !== undefined) record.message = `${context}: ${record.message}`
  return encodeRecord(record)
}

function getContext(): WorkerContext {
  if (context === undefined) {
    const { ArrayTable } = require('./array-table.js') as typeof import('./array-table.js')
    const { ObjectTable } = require('./object-table.js') as typeof import('./object-table.js')
    resources = require('./resource.js') as typeof import('./resource.js')
    const { cancelled } = resources
    const interrupt = () => {
      if (made.run !== 0 && session.isCancelled(made.run)) throw cancelled()
    }
    const made: WorkerContext = {
      session,
      id: identity.worker,
      size: session.facts.workers,
      arrays: new ArrayTable(session),
      objects: new ObjectTable(session, interrupt, () => made.run),
      progress: session.progressOf(identity.worker),
      run: 0,
      resource: undefined,
    }
    context = made
    setWorkerContext(made)
  }
  return context
}

/** The process is about to end of an exception that nobody caught: main is told which. */
function sayFarewell(error: unknown): void {
  const record = Buffer.from(describeThrown(error)).toString('base64')
  process.send?.({ tsdsm: 'uncaught', record } satisfies Farewell)
}
