import { inspect, types } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import * as errors from './errors.js'

/**
 * An error, or anything else that was thrown, as plain data that always arrives: what cannot be cloned is left out or
 * turned into text. A worker writes it, main reads it.
 */
export interface ErrorRecord {
  /** The class's name, or the type of what is no error. */
  name: string
  message: string
  stack?: string
  /** Whether it is an error; otherwise `value` has it where it can be cloned. */
  isError: boolean
  value?: Uint8Array
  /** Own properties that can be cloned (`code` and the like). */
  properties?: [string, Uint8Array][]
  cause?: ErrorRecord
  /** Of an AggregateError. */
  errors?: ErrorRecord[]
}

/** Causes of causes, and lists of errors, are followed this far; they may go in circles. */
const DEPTH = 8
const LIST = 64

/** Describes what was thrown. Never throws, whatever its getters, proxies and `toString` do. */
export function describe(thrown: unknown, depth = 0): ErrorRecord {
  try {
    return isError(thrown) ? describeError(thrown, depth) : describeValue(thrown)
  } catch {
    return { name: 'unknown', message: 'something that cannot be read was thrown', isError: false }
  }
}

/** Builds an error (or the value) again: of our own classes and JavaScript's where it was one. */
export function rebuild(record: ErrorRecord): unknown {
  if (!record.isError) return record.value === undefined ? undefined : restore(record.value)
  const error = new Error(record.message)
  const prototype = prototypeOf(record.name)
  if (prototype !== undefined) Object.setPrototypeOf(error, prototype)
  else if (record.name !== 'Error') hidden(error, 'name', record.name)
  hidden(error, 'stack', record.stack)
  for (const [key, bytes] of record.properties ?? []) {
    Object.defineProperty(error, key, {
      value: restore(bytes),
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  if (record.cause !== undefined) hidden(error, 'cause', rebuild(record.cause))
  if (record.errors !== undefined) hidden(error, 'errors', record.errors.map(rebuild))
  return error
}

/** The record as bytes. */
export function encodeRecord(record: ErrorRecord): Buffer {
  return serialize(record)
}

/** What {@link encodeRecord} wrote. */
export function decodeRecord(bytes: Uint8Array): ErrorRecord {
  return deserialize(bytes)
}

function isError(thrown: unknown): thrown is Error {
  // A proxy of an error is none to isNativeError, and its traps may throw in instanceof: `describe` catches that.
  return types.isNativeError(thrown) || (!types.isProxy(thrown) && thrown instanceof Error)
}

function describeError(error: Error, depth: number): ErrorRecord {
  const record: ErrorRecord = {
    name: text(() => error.name) || 'Error',
    message: text(() => error.message),
    stack: text(() => error.stack),
    isError: true,
  }
  const properties: [string, Uint8Array][] = []
  for (const key of Object.keys(error)) {
    if (key === 'name' || key === 'message' || key === 'stack' || key === 'cause' || key === 'errors') continue
    const bytes = clone(() => (error as unknown as Record<string, unknown>)[key])
    if (bytes !== undefined) properties.push([key, bytes])
  }
  if (properties.length > 0) record.properties = properties
  if (depth < DEPTH) {
    const cause = read(() => error.cause)
    if (cause !== undefined) record.cause = describe(cause, depth + 1)
    const list = read(() => (error as AggregateError).errors)
    if (Array.isArray(list)) record.errors = list.slice(0, LIST).map(each => describe(each, depth + 1))
  }
  return record
}

function describeValue(thrown: unknown): ErrorRecord {
  const value = clone(() => thrown)
  return {
    name: thrown === null ? 'null' : typeof thrown,
    message: typeof thrown === 'string' ? thrown : text(() => inspect(thrown, { customInspect: false })),
    isError: false,
    ...(value !== undefined && { value }),
  }
}

function prototypeOf(name: string): object | undefined {
  const scope: Record<string, unknown> = name in errors ? { ...errors } : globalThis
  const type = /Error$/.test(name) ? scope[name] : undefined
  return typeof type === 'function' && type.prototype instanceof Error ? type.prototype : undefined
}

function hidden(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: false, writable: true, configurable: true })
}

function read(get: () => unknown): unknown {
  try {
    return get()
  } catch {
    return undefined
  }
}

function text(get: () => unknown): string {
  const value = read(get)
  return typeof value === 'string' ? value : ((read(() => String(value ?? '')) as string | undefined) ?? '')
}

/** What {@link clone} made. V8 writes some circular errors so that it cannot read them again. */
function restore(bytes: Uint8Array): unknown {
  return read(() => deserialize(bytes))
}

function clone(get: () => unknown): Uint8Array | undefined {
  try {
    return serialize(get())
  } catch {
    return undefined
  }
}
