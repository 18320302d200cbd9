/**
 * Element types: NumPy's names and codes, and the typed arrays that hold them.
 */
import { describe } from './describe.js'
import { InvalidArgumentError, UnsupportedError } from './errors.js'

/** The element types of shared arrays, by NumPy's names. `bool` is stored as bytes: an element is 0 or 1. */
export type DType =
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64'

/** NumPy's short codes for them, each with the element type it names (`float64` is `'f8'`, `'<f8'`, `'d'`, …). */
export interface DTypeCodes {
  '?': 'bool'
  b1: 'bool'
  '|b1': 'bool'
  bool_: 'bool'
  i1: 'int8'
  '|i1': 'int8'
  b: 'int8'
  byte: 'int8'
  u1: 'uint8'
  '|u1': 'uint8'
  B: 'uint8'
  ubyte: 'uint8'
  i2: 'int16'
  '<i2': 'int16'
  h: 'int16'
  short: 'int16'
  u2: 'uint16'
  '<u2': 'uint16'
  H: 'uint16'
  ushort: 'uint16'
  i4: 'int32'
  '<i4': 'int32'
  i: 'int32'
  intc: 'int32'
  u4: 'uint32'
  '<u4': 'uint32'
  I: 'uint32'
  uintc: 'uint32'
  i8: 'int64'
  '<i8': 'int64'
  q: 'int64'
  longlong: 'int64'
  u8: 'uint64'
  '<u8': 'uint64'
  Q: 'uint64'
  ulonglong: 'uint64'
  f2: 'float16'
  '<f2': 'float16'
  e: 'float16'
  half: 'float16'
  f4: 'float32'
  '<f4': 'float32'
  f: 'float32'
  single: 'float32'
  f8: 'float64'
  '<f8': 'float64'
  d: 'float64'
  double: 'float64'
}

/** A typed-array constructor that names an element type. `Float16Array` is one where the engine has it. */
export type DTypeConstructor =
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  // Said by its tag: the global type is not there for everybody.
  | { readonly name: string; readonly prototype: { readonly [Symbol.toStringTag]: 'Float16Array' } }

/** A class of shared arrays: it says its element type itself. */
export interface DTypeClass {
  readonly dtype: DType
  readonly BYTES_PER_ELEMENT: number
}

/** What is taken for an element type: NumPy's name, NumPy's code, or the constructor of a typed or shared array. */
export type DTypeLike = DType | keyof DTypeCodes | DTypeConstructor | DTypeClass

/** The element type that a {@link DTypeLike} names. */
export type DTypeOf<L extends DTypeLike> = L extends DType
  ? L
  : L extends keyof DTypeCodes
    ? DTypeCodes[L]
    : L extends { readonly dtype: infer D extends DType }
      ? D
      : L extends { readonly prototype: { readonly [Symbol.toStringTag]: infer N extends keyof ConstructorNames } }
        ? ConstructorNames[N]
        : never

interface ConstructorNames {
  Int8Array: 'int8'
  Uint8Array: 'uint8'
  Int16Array: 'int16'
  Uint16Array: 'uint16'
  Int32Array: 'int32'
  Uint32Array: 'uint32'
  BigInt64Array: 'int64'
  BigUint64Array: 'uint64'
  Float16Array: 'float16'
  Float32Array: 'float32'
  Float64Array: 'float64'
}

/** An element type as the library uses it. */
export interface DTypeInfo {
  /** NumPy's name. */
  readonly name: DType
  /** What a `.npy` header says: `'<f8'`, `'|b1'`. */
  readonly descr: string
  /** Bytes of one element. */
  readonly itemsize: number
  /** Name of the typed array that holds such elements. */
  readonly arrayName: string
  /** Its place in {@link DTYPES}: the number by which the kernels know it. */
  readonly code: number
}

/** All element types, in NumPy's order. */
export const DTYPES: readonly DTypeInfo[] = Object.freeze(
  (
    [
      ['bool', '|b1', 1, 'Uint8Array'],
      ['int8', '|i1', 1, 'Int8Array'],
      ['uint8', '|u1', 1, 'Uint8Array'],
      ['int16', '<i2', 2, 'Int16Array'],
      ['uint16', '<u2', 2, 'Uint16Array'],
      ['int32', '<i4', 4, 'Int32Array'],
      ['uint32', '<u4', 4, 'Uint32Array'],
      ['int64', '<i8', 8, 'BigInt64Array'],
      ['uint64', '<u8', 8, 'BigUint64Array'],
      ['float16', '<f2', 2, 'Float16Array'],
      ['float32', '<f4', 4, 'Float32Array'],
      ['float64', '<f8', 8, 'Float64Array'],
    ] as const
  ).map(([name, descr, itemsize, arrayName], code) => Object.freeze({ name, descr, itemsize, arrayName, code })),
)

/** Codes that are not made of kind and size. */
const LETTERS: Readonly<Record<DType, readonly string[]>> = {
  bool: ['?', 'bool_'],
  int8: ['b', 'byte'],
  uint8: ['B', 'ubyte'],
  int16: ['h', 'short'],
  uint16: ['H', 'ushort'],
  int32: ['i', 'intc'],
  uint32: ['I', 'uintc'],
  int64: ['q', 'longlong'],
  uint64: ['Q', 'ulonglong'],
  float16: ['e', 'half'],
  float32: ['f', 'single'],
  float64: ['d', 'double'],
}

/** Every spelling without a byte-order mark, and every constructor. */
const BY_SPELLING = new Map<unknown, DTypeInfo>()
const BY_CONSTRUCTOR = new Map<unknown, DTypeInfo>()
for (const d of DTYPES) {
  for (const spelling of [d.name, d.descr.slice(1), ...LETTERS[d.name]]) BY_SPELLING.set(spelling, d)
  const Plain = plainConstructor(d)
  if (Plain && d.name !== 'bool') BY_CONSTRUCTOR.set(Plain, d)
}

/** The engine's typed array for `d`, or undefined: only newer engines have `Float16Array`. */
export function plainConstructor(d: DTypeInfo): TypedArrayConstructor | undefined {
  return (globalThis as unknown as Record<string, TypedArrayConstructor | undefined>)[d.arrayName]
}

/** The part of the typed-array constructors that they have in common. */
export interface TypedArrayConstructor {
  new (length: number): PlainTypedArray
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): PlainTypedArray
  readonly BYTES_PER_ELEMENT: number
}

/** A typed array of any element type, as code that does not care reads it. */
export interface PlainTypedArray extends ArrayBufferView {
  readonly buffer: ArrayBuffer
  readonly length: number
  [index: number]: number | bigint
  fill(value: never, start?: number, end?: number): this
  set(source: ArrayLike<never>, offset?: number): void
}

const ORDER_MARKS = '<=|>'

/**
 * The element type that `like` names.
 *
 * @throws InvalidArgumentError for an unknown type, and for a big-endian one.
 * @throws UnsupportedError for float16 where the engine has no `Float16Array`.
 */
export function parseDType(like: unknown): DTypeInfo {
  const found = typeof like === 'string' ? bySpelling(like) : byConstructor(like)
  if (found === undefined) {
    const known = DTYPES.map(d => `${d.name} ('${d.descr}')`).join(', ')
    throw new InvalidArgumentError(
      `unknown dtype ${describe(like)}: give one of ${known}, or the constructor of one of their typed arrays`,
      { dtype: describe(like) },
    )
  }
  if (!plainConstructor(found)) {
    throw new UnsupportedError(
      `${found.name} needs an engine with ${found.arrayName} (Node 24 or newer); this is Node ${process.versions.node}`,
      { dtype: found.name },
    )
  }
  return found
}

/** The element type of a `.npy` description such as `'<i4'`; does not ask whether the engine has a typed array for it. */
export function dtypeOfDescr(descr: string): DTypeInfo {
  const found = DTYPES.find(d => d.descr === descr)
  if (!found) throw new InvalidArgumentError(`unknown dtype '${descr}'`, { dtype: descr })
  return found
}

/** The element type of a name. */
export function dtypeNamed(name: DType): DTypeInfo {
  return BY_SPELLING.get(name) as DTypeInfo
}

/**
 * The value as a typed array of this element type takes it: a bigint for int64 and uint64, else a number; a boolean
 * counts as 0 or 1.
 *
 * @throws InvalidArgumentError for a value of another kind
 */
export function checkElement(value: unknown, dtype: DType): number | bigint {
  const wide = dtype === 'int64' || dtype === 'uint64'
  if (typeof value === 'boolean') return wide ? BigInt(value) : Number(value)
  if (typeof value !== (wide ? 'bigint' : 'number')) {
    throw new InvalidArgumentError(
      `an element of ${dtype} is a ${wide ? 'bigint' : 'number'}, not ${describe(value)}`,
      { dtype, value: describe(value) },
    )
  }
  return dtype === 'bool' ? Number(value !== 0) : (value as number | bigint)
}

function bySpelling(code: string): DTypeInfo | undefined {
  const mark = code.charAt(0)
  if (code.length < 2 || !ORDER_MARKS.includes(mark)) return BY_SPELLING.get(code)
  const found = BY_SPELLING.get(code.slice(1))
  if (found === undefined || found.itemsize === 1) return found
  if (mark === '|') return undefined
  if (mark === '>') {
    throw new InvalidArgumentError(
      `dtype '${code}' is big-endian, and typed arrays are little-endian here: use '<${code.slice(1)}', ` +
        `after byteswap() if the data come from elsewhere`,
      { dtype: code },
    )
  }
  return found
}

function byConstructor(like: unknown): DTypeInfo | undefined {
  if (typeof like !== 'function') return undefined
  // A subclass names the element type of its nearest typed array; the classes of shared arrays say theirs.
  const own = (like as { dtype?: unknown }).dtype
  if (typeof own === 'string') return BY_SPELLING.get(own)
  for (let c: unknown = like; typeof c === 'function'; c = Object.getPrototypeOf(c)) {
    const found = BY_CONSTRUCTOR.get(c)
    if (found) return found
  }
  return undefined
}
