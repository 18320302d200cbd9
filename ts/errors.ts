/**
 * What is common to all errors of tsdsm: a stable {@link TsdsmError.code | code} to test for, a message that says what
 * was wrong and what to do, and {@link TsdsmError.details | details} for programs to read.
 *
 * Nothing has changed when one is thrown, unless its class says otherwise.
 *
 * @packageDocumentation
 */

/** The stable codes of {@link TsdsmError.code}. */
export type TsdsmErrorCode =
  | 'ERR_TSDSM_INVALID_ARGUMENT'
  | 'ERR_TSDSM_NAME_EXISTS'
  | 'ERR_TSDSM_NOT_FOUND'
  | 'ERR_TSDSM_INCOMPATIBLE_SEGMENT'
  | 'ERR_TSDSM_OUT_OF_SHARED_MEMORY'
  | 'ERR_TSDSM_CAPACITY'
  | 'ERR_TSDSM_CLOSED'
  | 'ERR_TSDSM_TASK_NOT_FOUND'
  | 'ERR_TSDSM_TASK'
  | 'ERR_TSDSM_WORKER_DIED'
  | 'ERR_TSDSM_OWNER_DIED'
  | 'ERR_TSDSM_BROKEN_BARRIER'
  | 'ERR_TSDSM_BROKEN_LATCH'
  | 'ERR_TSDSM_DEADLOCK'
  | 'ERR_TSDSM_NOT_OWNER'
  | 'ERR_TSDSM_TIMEOUT'
  | 'ERR_TSDSM_UNSUPPORTED'
  | 'ERR_TSDSM_SYSTEM'

/** Values that belong to an error: numbers (bigints beyond 2^53), strings, booleans, lists of them. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/** The class that every error of tsdsm extends. */
export class TsdsmError extends Error {
  /** What happened, the same in every version. */
  readonly code: TsdsmErrorCode
  /** What it happened to. */
  readonly details: ErrorDetails

  /** @internal */
  constructor(code: TsdsmErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.details = details
  }
}

/** An argument has no meaning here: a bad name, shape, dtype, count or index. */
export class InvalidArgumentError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_INVALID_ARGUMENT', message, details, options)
  }
}

/** The name is taken. */
export class NameExistsError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_NAME_EXISTS', message, details, options)
  }
}

/** Nothing has this name. */
export class NotFoundError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_NOT_FOUND', message, details, options)
  }
}

/** The segment or file is not ours, is truncated or damaged, is of another version, or holds another dtype or shape. */
export class IncompatibleSegmentError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_INCOMPATIBLE_SEGMENT', message, details, options)
  }
}

/** More shared memory was asked for than the file system or the control group has. */
export class OutOfSharedMemoryError extends TsdsmError {
  /** Bytes that are needed. */
  readonly need: number | bigint
  /** Bytes that are free. */
  readonly free: number | bigint
  /** What sets the limit. */
  readonly limit: string
  /** What to do about it. */
  readonly remedy: string

  /** @internal */
  constructor(message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super('ERR_TSDSM_OUT_OF_SHARED_MEMORY', message, details, options)
    this.need = details.need as number | bigint
    this.free = details.free as number | bigint
    this.limit = details.limit as string
    this.remedy = details.remedy as string
  }
}

/** A table whose size was fixed at the start of the cluster is full: slots, arrays, locks and barriers, a mailbox. */
export class CapacityError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_CAPACITY', message, details, options)
  }
}

/** The cluster, array, lock or barrier was closed. */
export class ClosedError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_CLOSED', message, details, options)
  }
}

/** No worker can find the task: a closure, a function that nobody exports, a wrong module or name. Nothing has run. */
export class TaskNotFoundError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_TASK_NOT_FOUND', message, details, options)
  }
}

/** What a {@link TaskError} is made of. */
export interface TaskErrorInit {
  /** The worker whose task threw. */
  workerId: number
  /** `name` of what was thrown. */
  originalName: string
  /** `message` of what was thrown, or its text. */
  originalMessage: string
  /** `stack` of what was thrown, in the worker. */
  originalStack?: string
  /** What was thrown, as it arrived; absent where it could not be sent. */
  cause?: unknown
}

/**
 * A task threw. The run had begun: what the workers wrote into shared arrays is there.
 *
 * `cause` is what was thrown, where it could be sent. When several workers threw, `errors` has one error for each, in
 * the order of their ids, and this one describes the first.
 */
export class TaskError extends TsdsmError {
  /** The worker whose task threw. */
  readonly workerId: number
  /** `name` of what was thrown. */
  readonly originalName: string
  /** `message` of what was thrown, or its text. */
  readonly originalMessage: string
  /** `stack` of what was thrown, in the worker. */
  readonly originalStack: string | undefined
  /** One for each worker that threw, in the order of their ids; just this one where it was alone. */
  readonly errors: readonly TaskError[]

  /** @internal */
  constructor(message: string, init: TaskErrorInit, errors?: readonly TaskError[]) {
    const { workerId, originalName, originalMessage, originalStack } = init
    super(
      'ERR_TSDSM_TASK',
      message,
      { workerId, originalName, originalMessage, originalStack },
      'cause' in init ? { cause: init.cause } : undefined,
    )
    this.workerId = workerId
    this.originalName = originalName
    this.originalMessage = originalMessage
    this.originalStack = originalStack
    this.errors = errors ?? [this]
    // The frames here are none of the user's: those of the task stand in `cause`.
    const frames = 'cause' in init ? '' : (/\n {4}at [\s\S]*/.exec(originalStack ?? '')?.[0] ?? '')
    Object.defineProperty(this, 'stack', {
      value: `${this.name}: ${message}${frames}`,
      writable: true,
      configurable: true,
    })
    // None belongs into every print of the error: it refers to itself, or stands in the other fields and in `cause`.
    for (const hidden of ['errors', 'details', 'originalStack']) {
      Object.defineProperty(this, hidden, { enumerable: false })
    }
  }

  /** Node prints a list of errors even where it is not enumerable: dozens of lines before the one that matters. */
  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ): string {
    const own = Object.getOwnPropertyDescriptors(this)
    const shown = Object.create(Object.getPrototypeOf(this), {
      ...own,
      errors: { value: undefined },
      [Symbol.for('nodejs.util.inspect.custom')]: { value: undefined },
    })
    return inspect(shown, options)
  }
}

/** A worker's process ended while its task ran. The cluster goes on, with a fresh worker in its place. */
export class WorkerDiedError extends TsdsmError {
  /** The worker that died. */
  readonly workerId: number
  /** The signal that ended it, as `'SIGKILL'`, or `null`. */
  readonly signal: NodeJS.Signals | null
  /** The status that it exited with, or `null`. */
  readonly exitCode: number | null
  /** Its process. */
  readonly pid: number

  /** @internal */
  constructor(
    message: string,
    details: { workerId: number; signal: NodeJS.Signals | null; exitCode: number | null; pid: number },
    options?: ErrorOptions,
  ) {
    super('ERR_TSDSM_WORKER_DIED', message, details, options)
    this.workerId = details.workerId
    this.signal = details.signal
    this.exitCode = details.exitCode
    this.pid = details.pid
  }
}

/**
 * Whoever held the lock died, or left its task, without releasing it: what the lock guards may be half written. The
 * lock is *not* held; `acquire({ recover: true })` takes it over.
 */
export class OwnerDiedError extends TsdsmError {
  /** The worker that died, or `null` where it was none (main, a joiner) or is no longer known. */
  readonly workerId: number | null
  /** The lock. */
  readonly lockName: string

  /** @internal */
  constructor(message: string, details: { workerId: number | null; lockName: string }, options?: ErrorOptions) {
    super('ERR_TSDSM_OWNER_DIED', message, details, options)
    this.workerId = details.workerId
    this.lockName = details.lockName
  }
}

/** Why a barrier broke. */
export type BrokenBarrierReason = 'returned' | 'threw' | 'timeout' | 'broken' | 'died' | 'cancelled' | 'reset'

/**
 * The barrier cannot be passed: one of its parties died, left its task, gave up waiting or broke it. A named barrier
 * can be used again after `reset()`; the default one is fresh in the next run.
 */
export class BrokenBarrierError extends TsdsmError {
  /** The barrier. */
  readonly barrierName: string
  /** Why it broke. */
  readonly reason: BrokenBarrierReason
  /** The worker that broke it, or `null` where it was none. */
  readonly workerId: number | null
  /** The workers that had not come. */
  readonly missing: readonly number[]

  /** @internal */
  constructor(
    message: string,
    details: {
      barrierName: string
      reason: BrokenBarrierReason
      workerId: number | null
      missing: readonly number[]
    },
    options?: ErrorOptions,
  ) {
    super('ERR_TSDSM_BROKEN_BARRIER', message, details, options)
    this.barrierName = details.barrierName
    this.reason = details.reason
    this.workerId = details.workerId
    this.missing = details.missing
  }
}

/** Why a latch is broken: a worker died before it had counted, somebody broke it or has reset it. */
export type BrokenLatchReason = 'died' | 'broken' | 'reset'

/** The latch cannot open: whoever waited for it is told, and so is everybody who comes, until it is reset. */
export class BrokenLatchError extends TsdsmError {
  /** The latch. */
  readonly latchName: string
  /** Why. */
  readonly reason: BrokenLatchReason
  /** The worker that died, or `null`. */
  readonly workerId: number | null

  /** @internal */
  constructor(
    message: string,
    details: { latchName: string; reason: BrokenLatchReason; workerId: number | null },
    options?: ErrorOptions,
  ) {
    super('ERR_TSDSM_BROKEN_LATCH', message, details, options)
    this.latchName = details.latchName
    this.reason = details.reason
    this.workerId = details.workerId
  }
}

/** The thread holds this lock already and would wait for itself; or it is in the barrier already. */
export class DeadlockError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_DEADLOCK', message, details, options)
  }
}

/** The thread does not hold the lock that it releases. */
export class NotOwnerError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_NOT_OWNER', message, details, options)
  }
}

/** The time that was given has passed. */
export class TimeoutError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_TIMEOUT', message, details, options)
  }
}

/** This platform, kernel or JavaScript engine lacks something that is needed, or the native part is not installed. */
export class UnsupportedError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_UNSUPPORTED', message, details, options)
  }
}

/** A system call failed for a reason of its own; `details` has the call and its `errno`. */
export class SystemError extends TsdsmError {
  /** @internal */
  constructor(message: string, details?: ErrorDetails, options?: ErrorOptions) {
    super('ERR_TSDSM_SYSTEM', message, details, options)
  }
}

// On the prototypes, as JavaScript's own errors have it: not an own property that every print shows. Minifiers change
// the names of classes, but not these keys.
for (const [name, type] of Object.entries({
  TsdsmError,
  InvalidArgumentError,
  NameExistsError,
  NotFoundError,
  IncompatibleSegmentError,
  OutOfSharedMemoryError,
  CapacityError,
  ClosedError,
  TaskNotFoundError,
  TaskError,
  WorkerDiedError,
  OwnerDiedError,
  BrokenBarrierError,
  BrokenLatchError,
  DeadlockError,
  NotOwnerError,
  TimeoutError,
  UnsupportedError,
  SystemError,
})) {
  Object.defineProperty(type.prototype, 'name', { value: name, configurable: true, writable: true })
}
