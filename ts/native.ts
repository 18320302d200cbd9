/**
 * The native part: loaded once, its errors turned into ours.
 *
 * @packageDocumentation
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type * as Binding from './binding.js'
import {
  CapacityError,
  ClosedError,
  type ErrorDetails,
  IncompatibleSegmentError,
  InvalidArgumentError,
  NameExistsError,
  NotFoundError,
  OutOfSharedMemoryError,
  SystemError,
  UnsupportedError,
} from './errors.js'

export type * from './binding.js'

type Native = typeof Binding
type AnyFunction = (...args: unknown[]) => unknown

const CLASSES = {
  ERR_TSDSM_INVALID_ARGUMENT: InvalidArgumentError,
  ERR_TSDSM_NAME_EXISTS: NameExistsError,
  ERR_TSDSM_NOT_FOUND: NotFoundError,
  ERR_TSDSM_INCOMPATIBLE_SEGMENT: IncompatibleSegmentError,
  ERR_TSDSM_OUT_OF_SHARED_MEMORY: OutOfSharedMemoryError,
  ERR_TSDSM_CAPACITY: CapacityError,
  ERR_TSDSM_CLOSED: ClosedError,
  ERR_TSDSM_UNSUPPORTED: UnsupportedError,
  ERR_TSDSM_SYSTEM: SystemError,
}

/** The loader that napi-rs generates. A bundle that is an ES module has no `__dirname`. */
const BINDING = join(typeof __dirname === 'string' ? __dirname : '', 'binding.js')

const PLATFORMS = ['linux-x64', 'linux-arm64']

/** What the binding threw, as an error of ours. */
function translate(name: string, thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !('code' in thrown)) return thrown
  const { code, details } = thrown as { code: unknown; details?: ErrorDetails }
  if (typeof code !== 'string') return thrown
  let error: Error
  if (code in CLASSES) error = new CLASSES[code as keyof typeof CLASSES](thrown.message, details)
  // napi's own: `InvalidArg`, `NumberExpected`, `StringExpected`, …
  else if (/^InvalidArg$|Expected$/.test(code)) error = new InvalidArgumentError(`${name}: ${thrown.message}`)
  else error = new SystemError(`${name}: ${thrown.message}`, { status: code })
  // Not the constructor's frames above: where the binding was called.
  Error.captureStackTrace?.(error, wrappers.get(name))
  return error
}

const wrappers = new Map<string, AnyFunction>()

function wrap(name: string, call: AnyFunction): AnyFunction {
  // Fixed parameters, since a rest array would cost more than the hot functions themselves. No function of the binding
  // takes more than six, and those that take fewer do not see the others.
  const wrapper = (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown) => {
    let result: unknown
    try {
      result = call(a, b, c, d, e, f)
    } catch (thrown) {
      throw translate(name, thrown)
    }
    if (result instanceof Promise) {
      return result.catch(thrown => {
        throw translate(name, thrown)
      })
    }
    return result
  }
  wrappers.set(name, wrapper)
  return wrapper
}

function load(): Native {
  const platform = `${process.platform}-${process.arch}`
  try {
    // Bundlers follow a plain `require` and stumble over the addon before anybody can tell what to do.
    return createRequire(BINDING)(BINDING) as Native
  } catch (cause) {
    if (!existsSync(BINDING)) {
      throw new UnsupportedError(
        `tsdsm's native part is not where its code is: was it bundled into another file? Its workers and its addon are files of their own, so keep it out of the bundle, for instance by esbuild's --external:tsdsm`,
        { platform },
      )
    }
    if (!PLATFORMS.includes(platform)) {
      throw new UnsupportedError(
        `tsdsm does not run on ${platform}: it needs Linux on x64 or arm64 (on Windows, the Windows Subsystem for Linux)`,
        { platform },
        { cause },
      )
    }
    const attempts = reasons(cause)
    throw new UnsupportedError(
      `tsdsm's native part for ${platform} could not be loaded. Install again without --omit=optional or --no-optional, on the kind of machine that runs the program (not copied from another), or build it with 'npm run build:native'. What was tried:\n${attempts.map(attempt => `- ${attempt}`).join('\n')}`,
      { platform, attempts },
      { cause },
    )
  }
}

/** What the loader tried: one line for each candidate, in order. It chains them as causes, the last one first. */
function reasons(error: unknown): string[] {
  const found: string[] = []
  for (let next = error; next instanceof Error; next = next.cause) {
    // The first line says what; Node appends the files that required it.
    found.unshift(next.message.split('\n')[0])
  }
  // The loader's summary comes last and says nothing of its own; nor is there a build for WASI, which it tries at the end.
  const tried = found.slice(0, -1).filter(attempt => !attempt.includes('wasi'))
  return tried.length > 0 ? tried : found
}

/** The binding, each function throwing the classes of `errors.ts`. */
export const native: Native = Object.freeze(
  Object.fromEntries(
    Object.entries(load()).map(([name, value]) => [
      name,
      typeof value === 'function' ? wrap(name, value as AnyFunction) : value,
    ]),
  ),
) as unknown as Native
