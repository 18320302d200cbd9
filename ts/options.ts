import { describe as show } from './describe.js'
import { InvalidArgumentError } from './errors.js'

export { describe as show } from './describe.js'

/** The kinds of option values that are checked alike everywhere. */
interface Kinds {
  boolean: boolean
  string: string
  /** Permission bits. */
  mode: number
  /** An integer of 1 or more. */
  count: number
  /** An integer of 0 or more. */
  size: number
  /** Milliseconds: a number of 0 or more, Infinity for never. */
  time: number
  signal: AbortSignal
  function: (...args: never[]) => unknown
  strings: readonly string[]
  environment: NodeJS.ProcessEnv
}

const EXPECTED: { [K in keyof Kinds]: [text: string, test: (value: unknown) => boolean] } = {
  boolean: ['true or false', value => typeof value === 'boolean'],
  string: ['a string of whole characters that is not empty', value => isText(value) && value !== ''],
  mode: [
    'permission bits from 0 to 0o777',
    value => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0o777,
  ],
  count: ['an integer of 1 or more', value => Number.isSafeInteger(value) && (value as number) >= 1],
  size: ['an integer from 0 to 2^32 - 1', value => Number.isInteger(value) && (value as number) >>> 0 === value],
  time: ['milliseconds, 0 or more', value => typeof value === 'number' && value >= 0],
  signal: ['an AbortSignal', value => value instanceof AbortSignal],
  function: ['a function', value => typeof value === 'function'],
  strings: ['a list of strings', value => Array.isArray(value) && value.every(each => typeof each === 'string')],
  environment: ['an object of strings', isEnvironment],
}

/**
 * Checks the options of `call`: an unknown name or a value of the wrong kind is refused before anything is done.
 * What is undefined counts as not given.
 */
export function checkOptions<S extends Record<string, keyof Kinds>>(
  call: string,
  options: unknown,
  kinds: S,
): { [K in keyof S]?: Kinds[S[K]] } {
  if (options === undefined) return {}
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(`the options of ${call} must be an object, not ${show(options)}`)
  }
  const checked: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (!Object.hasOwn(kinds, key)) {
      throw new InvalidArgumentError(`${call} has no option '${key}'; it has ${Object.keys(kinds).join(', ')}`, {
        option: key,
      })
    }
    const [text, test] = EXPECTED[kinds[key]]
    if (!test(value)) {
      throw new InvalidArgumentError(`option '${key}' of ${call} must be ${text}, not ${show(value)}`, { option: key })
    }
    checked[key] = value
  }
  return checked as { [K in keyof S]?: Kinds[S[K]] }
}

/** The name of a `kind` of thing: what else there is to say of names, the native part says. */
export function checkName(kind: string, name: unknown): string {
  if (isText(name)) return name
  const expected = typeof name === 'string' ? 'hold whole characters (half of a surrogate pair is none)' : 'be a string'
  throw new InvalidArgumentError(`the name of a ${kind} must ${expected}, not ${show(name)}`)
}

/** Half of a surrogate pair has no bytes of its own: all such halves would come out as the same name. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !/\p{Surrogate}/u.test(value)
}

function isEnvironment(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every(each => each === undefined || typeof each === 'string')
  )
}
