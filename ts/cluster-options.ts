import { InvalidArgumentError } from './errors.js'
import { native } from './native.js'
import { checkOptions, show } from './options.js'
import type { OutputMode } from './worker-output.js'

/** Options of {@link Cluster.start}. */
export interface ClusterOptions {
  /**
   * The cluster's name, by which its segments are found in /dev/shm: up to 64 bytes, no dot and no slash. Default: one
   * that nobody else has.
   */
  name?: string
  /** Node's options for the workers. Default: this process' own, less those that make no sense twice (`-e`, `--inspect`, …). */
  execArgv?: readonly string[]
  /** The workers' environment. Default: this process' own. */
  env?: NodeJS.ProcessEnv
  /** Ends the start, and later closes the cluster. */
  signal?: AbortSignal
  /**
   * Where the workers' output goes, always in whole lines: `'inherit'` (default) to this process' own; `'prefix'` the
   * same, with `[id] ` before each line; `'pipe'` to `cluster.stdout` and `cluster.stderr`.
   */
  output?: OutputMode
  /** Whether a fresh worker takes the place of one that died. Default true. */
  respawn?: boolean
  /** How many threads and processes may take part at once, main and the workers included; up to 1023. Default 128 or more. */
  maxParticipants?: number
  /** How many shared arrays there may be. Default 1024. */
  maxArrays?: number
  /** How many named locks and barriers there may be. Default 1024. */
  maxObjects?: number
  /** Who may open the segments, as in `chmod`, whatever the umask. Default 0o600. */
  mode?: number
  /** What all of the cluster's random numbers come from: an integer or a bigint below 2^64. Default: a random one. */
  seed?: number | bigint
  /** Milliseconds that a task has to end after its run was cancelled, before SIGTERM and then SIGKILL. Default 5000. */
  grace?: number
}

/** Options that were checked, each with its value. */
export interface CheckedOptions {
  workers: number
  name: string
  execArgv: readonly string[] | undefined
  env: NodeJS.ProcessEnv | undefined
  signal: AbortSignal | undefined
  output: OutputMode
  respawn: boolean
  slots: number
  arrays: number
  objects: number
  mode: number
  seed: bigint
  grace: number
}

const MAX_WORKERS = 1000
const MAX_SLOTS = 1023
const DEFAULT_SLOTS = 128
/** Slots beside the workers' for main and for joiners, where there are many workers. */
const SPARE_SLOTS = 16
const DEFAULT_ARRAYS = 1024
const DEFAULT_OBJECTS = 1024
const MAX_TABLE = 65_536
/** The default lock and the default barrier are objects, too. */
const OWN_OBJECTS = 2

const OUTPUTS: readonly OutputMode[] = ['inherit', 'prefix', 'pipe']

let clusters = 0

/**
 * Checks everything that {@link Cluster.start} is given.
 *
 * @throws InvalidArgumentError
 */
export function checkClusterOptions(n: unknown, options: unknown): CheckedOptions {
  const workers = n === undefined ? native.usableCores() : n
  if (!Number.isInteger(workers) || (workers as number) < 1 || (workers as number) > MAX_WORKERS) {
    throw new InvalidArgumentError(
      `the number of workers must be an integer from 1 to ${MAX_WORKERS}, not ${show(n)}; without one there is a worker for each usable core`,
      { n: show(n) },
    )
  }
  const { seed, output, ...plain } = splitOff(options)
  const checked = checkOptions('Cluster.start', plain, {
    name: 'string',
    execArgv: 'strings',
    env: 'environment',
    signal: 'signal',
    respawn: 'boolean',
    maxParticipants: 'count',
    maxArrays: 'count',
    maxObjects: 'count',
    mode: 'mode',
    grace: 'time',
  })
  const needed = (workers as number) + 1
  return {
    workers: workers as number,
    name: checked.name ?? freshName(),
    execArgv: checked.execArgv,
    env: checked.env,
    signal: checked.signal,
    output: checkOutput(output),
    respawn: checked.respawn ?? true,
    slots: atMost(
      'maxParticipants',
      checked.maxParticipants ?? Math.min(MAX_SLOTS, Math.max(DEFAULT_SLOTS, needed + SPARE_SLOTS)),
      needed,
      MAX_SLOTS,
    ),
    arrays: atMost('maxArrays', checked.maxArrays ?? DEFAULT_ARRAYS, 1, MAX_TABLE),
    objects: atMost('maxObjects', checked.maxObjects ?? DEFAULT_OBJECTS, 1, MAX_TABLE) + OWN_OBJECTS,
    mode: checked.mode ?? 0o600,
    seed: checkSeed(seed),
    grace: checked.grace ?? 5000,
  }
}

/** The options whose values are checked here, and the others. */
function splitOff(options: unknown): { seed?: unknown; output?: unknown } {
  if (options === undefined) return {}
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return { ...options }
  throw new InvalidArgumentError(`the options of Cluster.start must be an object, not ${show(options)}`)
}

function atMost(option: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value
  throw new InvalidArgumentError(`option '${option}' must be from ${least} to ${most}, not ${value}`, { option })
}

function checkOutput(output: unknown): OutputMode {
  if (output === undefined) return 'inherit'
  if (OUTPUTS.includes(output as OutputMode)) return output as OutputMode
  throw new InvalidArgumentError(`option 'output' must be 'inherit', 'prefix' or 'pipe', not ${show(output)}`, {
    option: 'output',
  })
}

function checkSeed(seed: unknown): bigint {
  if (seed === undefined) return (randomWord() << 32n) | randomWord()
  if (typeof seed === 'bigint' || Number.isSafeInteger(seed)) {
    const wide = BigInt(seed as number | bigint)
    if (wide >= 0n && wide < 1n << 64n) return wide
  }
  throw new InvalidArgumentError(`option 'seed' must be an integer or a bigint from 0 to 2^64-1, not ${show(seed)}`, {
    option: 'seed',
  })
}

/** A name that says whose it is, and that no other has, also in another pid namespace. */
function freshName(): string {
  clusters += 1
  return `${process.pid}-${clusters}-${randomWord().toString(36)}${randomWord().toString(36)}`
}

function randomWord(): bigint {
  return BigInt(Math.floor(Math.random() * 2 ** 32))
}
