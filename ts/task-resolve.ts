import { fileURLToPath } from 'node:url'
import { TaskNotFoundError } from './errors.js'
import type { TaskSpec } from './message.js'

type AnyFunction = (...args: unknown[]) => unknown

/**
 * Finds a task in a worker: imports its module and takes the export of that name; where main has the function, the
 * export's source text must be the same, and if a minifier renamed it, the one export of equal text will do.
 *
 * @throws TaskNotFoundError that says how to mend it
 */
export async function resolveTask(spec: TaskSpec): Promise<AnyFunction> {
  const module = await importModule(spec)
  const named = exportNamed(module, spec.name)
  if (spec.source === undefined) {
    if (typeof named === 'function') return named as AnyFunction
    throw notFound(
      spec,
      named === undefined
        ? `${placeOf(spec)} exports no '${spec.name}'; it exports ${list(exportsOf(module).keys())}`
        : `'${spec.name}' of ${placeOf(spec)} is ${typeof named}, not a function`,
    )
  }
  if (typeof named === 'function' && sourceOf(named) === spec.source) return named as AnyFunction
  const equal = new Map<unknown, string>()
  for (const [name, value] of exportsOf(module)) {
    if (typeof value === 'function' && sourceOf(value) === spec.source) equal.set(value, name)
  }
  if (equal.size === 1) return equal.keys().next().value as AnyFunction
  if (equal.size > 1) {
    throw notFound(
      spec,
      `${placeOf(spec)} exports several functions of the same text (${list(equal.values())}), none of them as ` +
        `'${spec.name}'. Say which one: { module: import.meta.url, name: '…' }`,
    )
  }
  throw notFound(spec, `${placeOf(spec)} does not export ${nameOf(spec)}. ${remedy(spec, named)}`)
}

async function importModule(spec: TaskSpec): Promise<Record<string, unknown>> {
  try {
    return await import(spec.module)
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    throw notFound(spec, `${placeOf(spec)} cannot be imported in a worker: ${why}`, error)
  }
}

function remedy(spec: TaskSpec, named: unknown): string {
  const common =
    'A worker is another process and finds a task by module and export: export the function at the top level of its ' +
    'module (a closure cannot go there; give what it needs as arguments)'
  if (named !== undefined) return `What it exports under that name is something else. ${common}`
  return spec.guessed
    ? `${common}. If it stands in another module than the program's entry, pass task(import.meta.url, fn) from there`
    : common
}

/** The export `name`, also of a CommonJS module whose names Node could not see before running it. */
function exportNamed(module: Record<string, unknown>, name: string): unknown {
  return module[name] ?? commonJsExports(module)?.[name]
}

/** All exports by name, CommonJS' included; each function once. */
function exportsOf(module: Record<string, unknown>): Map<string, unknown> {
  const found = new Map<string, unknown>(Object.entries(module))
  for (const [name, value] of Object.entries(commonJsExports(module) ?? {})) {
    if (!found.has(name)) found.set(name, value)
  }
  return found
}

/** `module.exports` of a CommonJS module, which stands as its default export. */
function commonJsExports(module: Record<string, unknown>): Record<string, unknown> | undefined {
  const { default: exported } = module
  const holds = (typeof exported === 'object' || typeof exported === 'function') && exported !== null
  return holds ? (exported as Record<string, unknown>) : undefined
}

function sourceOf(fn: unknown): string {
  return Function.prototype.toString.call(fn)
}

function placeOf(spec: TaskSpec): string {
  const place = spec.module.startsWith('file:') ? fileURLToPath(spec.module) : `${spec.module.slice(0, 40)}…`
  return spec.guessed ? `the program's entry ${place}` : place
}

function nameOf(spec: TaskSpec): string {
  return spec.name === '' ? 'the unnamed function that runProcesses was given' : `function '${spec.name}'`
}

function list(names: Iterable<string>): string {
  return [...names].map(name => `'${name}'`).join(', ') || 'nothing'
}

function notFound(spec: TaskSpec, message: string, cause?: unknown): TaskNotFoundError {
  return new TaskNotFoundError(
    message,
    { module: spec.module, name: spec.name },
    cause === undefined ? undefined : { cause },
  )
}
