import { pathToFileURL } from 'node:url'
import { findEntry } from './entry.js'
import { InvalidArgumentError, TaskNotFoundError } from './errors.js'
import { header, RUN, resolveMessage, type TaskSpec } from './message.js'
import { show } from './options.js'
import type { Resource } from './resource.js'

/** A function that every worker runs: its {@link Resource}, then the arguments of `runProcesses`. */
export type TaskFunction<P extends unknown[], R> = (res: Resource, ...paras: P) => R

declare const signature: unique symbol

/** A task by the module that exports it and the export's name. {@link task} makes one; a plain object will do. */
export interface TaskReference<P extends unknown[] = never, R = unknown> {
  /** The module: an `import.meta.url`, or `new URL('./work.js', import.meta.url)`. */
  readonly module: string | URL
  /** The name under which the module exports the function; `'default'` for its default export. */
  readonly name: string
  /** Carries the types; no value has it. */
  readonly [signature]?: (...paras: P) => R
}

/** What `runProcesses` takes: an exported function of the program's entry, or a reference to one of any module. */
export type Task<P extends unknown[], R> = TaskFunction<P, R> | TaskReference<P, R>

/** The source texts of the functions that {@link task} was given. */
const sources = new WeakMap<TaskReference<never>, string>()

/**
 * A task of the module that calls this: `task(import.meta.url, add)`, or `task(module, add)` in CommonJS. The module has
 * to export the function. Works wherever the module can be imported, also under a test runner.
 *
 * @throws InvalidArgumentError
 */
export function task<P extends unknown[], R>(
  module: string | URL | NodeModule,
  fn: TaskFunction<P, R>,
): TaskReference<P, R> {
  if (typeof fn !== 'function') {
    throw new InvalidArgumentError(`task() needs the function that the module exports, not ${show(fn)}`)
  }
  const isCommonJs = typeof module === 'object' && module !== null && !(module instanceof URL)
  const url = isCommonJs ? pathToFileURL((module as NodeModule).filename) : module
  const reference = Object.freeze({ module: checkModule(url), name: fn.name })
  sources.set(reference, sourceOf(fn))
  return reference
}

/** A task as main knows it: what its workers need to find it, and the number that stands for it from then on. */
export class KnownTask {
  readonly id: number
  readonly spec: TaskSpec
  /** Tells a worker where to find it. */
  readonly resolveMessage: Buffer
  /** Runs it without arguments. */
  readonly runMessage: Uint8Array
  /** The crew in which every worker has found it; a fresh worker makes it another crew. */
  foundBy = -1

  constructor(id: number, spec: TaskSpec) {
    this.id = id
    this.spec = spec
    this.resolveMessage = resolveMessage(id, spec)
    this.runMessage = header(RUN, id)
  }

  /** Its name in messages. */
  get label(): string {
    return this.spec.name === '' ? 'an unnamed function' : `'${this.spec.name}'`
  }
}

/** The tasks of a cluster, each with its number. */
export class TaskTable {
  readonly #byObject = new WeakMap<object, KnownTask>()
  readonly #byPlace = new Map<string, KnownTask>()

  /**
   * @throws InvalidArgumentError for what is no task
   * @throws TaskNotFoundError for a function that no worker could find
   */
  find(task: Task<never, unknown>): KnownTask {
    // A reference of the caller's own may change; a function and a frozen reference cannot.
    const known = typeof task === 'function' || sources.has(task) ? this.#byObject.get(task) : undefined
    if (known !== undefined) return known
    const spec = specOf(task)
    const place = JSON.stringify([spec.module, spec.name, spec.source])
    let found = this.#byPlace.get(place)
    if (found === undefined) {
      found = new KnownTask(this.#byPlace.size + 1, spec)
      this.#byPlace.set(place, found)
    }
    this.#byObject.set(task, found)
    return found
  }
}

function specOf(task: Task<never, unknown>): TaskSpec {
  if (typeof task === 'function') return specOfFunction(task)
  if (typeof task !== 'object' || task === null) {
    throw new InvalidArgumentError(
      `a task is a function, task(import.meta.url, fn) or { module, name }, not ${show(task)}`,
    )
  }
  const { module, name } = task
  if (typeof name !== 'string' || (name === '' && !sources.has(task))) {
    throw new InvalidArgumentError(`a task's name must be the name of an export, not ${show(name)}`)
  }
  const source = sources.get(task)
  return { module: checkModule(module), name, ...(source !== undefined && { source }), guessed: false }
}

function specOfFunction(fn: TaskFunction<never, unknown>): TaskSpec {
  const source = sourceOf(fn)
  const entry = findEntry()
  if (entry.file === undefined) {
    throw new TaskNotFoundError(
      `the workers cannot find ${fn.name ? `function '${fn.name}'` : 'this function'}, because ${entry.why}. Export it from a module and ` +
        'pass task(import.meta.url, fn) from there, or { module: new URL(…), name: … }',
      { name: fn.name },
    )
  }
  return { module: pathToFileURL(entry.file).href, name: fn.name, source, guessed: true }
}

function sourceOf(fn: (...args: never[]) => unknown): string {
  const source = Function.prototype.toString.call(fn)
  if (/\{\s*\[native code\]\s*\}$/.test(source)) {
    throw new TaskNotFoundError(
      `${fn.name ? `'${fn.name}'` : 'this function'} is a bound or native function, which no module exports as such: ` +
        'export a plain function, and give what was bound as arguments of runProcesses',
      { name: fn.name },
    )
  }
  return source
}

function checkModule(module: unknown): string {
  if (module instanceof URL || typeof module === 'string') {
    const text = String(module)
    if (/^file:\/\/.*\/\[(eval|stdin)\d*\]$/.test(text)) {
      throw new TaskNotFoundError(
        'code given by -e or on standard input is no module that a worker could import: put the task into a file',
        { module: text },
      )
    }
    if (/^(file|data):/.test(text) && URL.canParse(text)) return text
  }
  throw new InvalidArgumentError(
    `a task's module must be a file: URL, not ${show(module)}: use import.meta.url or new URL('./work.js', import.meta.url)`,
  )
}
