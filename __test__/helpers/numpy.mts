// NumPy as the oracle: one Python process for a test file, which evaluates expressions over arrays that it is sent.
//
//   const numpyTest = withNumpy(test)
//   numpyTest('add adds', async (t, numpy) => {
//     same(t, kernels.add(out, a, b), await numpy.eval('a + b', { a, b }))
//   })
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { ExecutionContext, TestFn } from 'ava'
import { type DType, isSharedArray, isStridedView, type StridedView } from 'tsdsm'

const PYTHON = '.cache/venv/bin/python'

/** Any typed array of numbers or bigints. */
export interface Elements extends ArrayBufferView {
  readonly length: number
  readonly [index: number]: number | bigint
}

/** An array with all that NumPy knows of it; its elements lie in C order. */
export interface NumpyArray {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** float16 elements as an engine without `Float16Array` has them: as their bits, in a `Uint16Array`. */
  readonly data: Elements
}

/** What becomes an array in Python. A plain typed array has one axis. */
export type ArrayInput = Elements | StridedView | NumpyArray
/** What an expression can name: an array, or what Python writes as it is. */
export type Input = ArrayInput | number | bigint | boolean | string | null | readonly Input[]

const PLAIN: Readonly<Record<DType, string>> = {
  bool: 'Uint8Array',
  int8: 'Int8Array',
  uint8: 'Uint8Array',
  int16: 'Int16Array',
  uint16: 'Uint16Array',
  int32: 'Int32Array',
  uint32: 'Uint32Array',
  int64: 'BigInt64Array',
  uint64: 'BigUint64Array',
  float16: 'Float16Array',
  float32: 'Float32Array',
  float64: 'Float64Array',
}

type Constructor = new (buffer: ArrayBuffer) => Elements

/** The engine's typed array for an element type. */
export function plainArray(dtype: DType): Constructor {
  const known = globalThis as unknown as Record<string, Constructor | undefined>
  return known[PLAIN[dtype]] ?? (Uint16Array as unknown as Constructor)
}

// A request is a line of JSON and the arrays' bytes; so is an answer.
const SERVER = `
import json, sys, warnings
import numpy as np

source, sink = sys.stdin.buffer, sys.stdout.buffer
warnings.simplefilter('ignore')

def answer(head, arrays=()):
    sink.write(json.dumps(head).encode() + b'\\n')
    for a in arrays:
        sink.write(a.tobytes())
    sink.flush()

answer({'version': np.__version__})
for line in source:
    request = json.loads(line)
    names = {'np': np}
    for name, literal in request['literals'].items():
        names[name] = eval(literal)
    for a in request['arrays']:
        names[a['name']] = np.frombuffer(bytearray(source.read(a['bytes'])), dtype=a['dtype']).reshape(a['shape'])
    try:
        if '\\n' in request['code']:
            exec(request['code'], names)
            value = names['result']
        else:
            value = eval(request['code'], names)
        values = [np.asarray(v) for v in (value if isinstance(value, (tuple, list)) else (value,))]
        answer({'arrays': [{'dtype': v.dtype.name, 'shape': v.shape, 'bytes': v.nbytes} for v in values]}, values)
    except Exception as error:
        answer({'error': f'{type(error).__name__}: {error}'})
`

interface Head {
  version?: string
  error?: string
  arrays?: { dtype: DType; shape: number[]; bytes: number }[]
}

type Answers = AsyncGenerator<{ head: Head; arrays: NumpyArray[] }>

/** A Python process with NumPy. */
export class Numpy {
  /** NumPy's version. */
  readonly version: string
  readonly #process: ChildProcess
  readonly #answers: Answers
  /** Requests are answered in order, one at a time. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(process: ChildProcess, answers: Answers, version: string) {
    this.#process = process
    this.#answers = answers
    this.version = version
  }

  /** Starts Python. */
  static async start(): Promise<Numpy> {
    const child = spawn(PYTHON, ['-c', SERVER], { stdio: ['pipe', 'pipe', 'inherit'] })
    const answers = readAnswers(child)
    const first = await answers.next()
    if (first.done) throw new Error(`${PYTHON} has no NumPy`)
    return new Numpy(child, answers, String(first.value.head.version))
  }

  /**
   * The value of a Python expression over these arrays and values, or `result` after a program of several lines.
   * `np` is NumPy; what Python raises is thrown.
   */
  async eval(code: string, inputs: Readonly<Record<string, Input>> = {}): Promise<NumpyArray> {
    const [value, ...others] = await this.evalAll(code, inputs)
    if (others.length > 0) throw new Error(`${code} has ${others.length + 1} values: evalAll takes them`)
    return value
  }

  /** As {@link eval}, for an expression whose value is a tuple or list of arrays. */
  evalAll(code: string, inputs: Readonly<Record<string, Input>> = {}): Promise<NumpyArray[]> {
    // What is sent is what the arrays hold now.
    const literals: Record<string, string> = {}
    const arrays: { name: string; dtype: DType; shape: readonly number[]; bytes: number }[] = []
    const bytes: Buffer[] = []
    for (const [name, input] of Object.entries(inputs)) {
      if (!isArrayInput(input)) {
        literals[name] = literal(input)
        continue
      }
      const { dtype, shape, data } = asNumpyArray(input)
      arrays.push({ name, dtype, shape, bytes: data.byteLength })
      bytes.push(Buffer.from(Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)))
    }
    const request = Buffer.concat([Buffer.from(`${JSON.stringify({ code, literals, arrays })}\n`), ...bytes])
    const answer = this.#last.then(async () => {
      this.#process.stdin?.write(request)
      const { value, done } = await this.#answers.next()
      if (done) throw new Error(`${PYTHON} has ended`)
      if (value.head.error !== undefined) throw new Error(`${code}: ${value.head.error}`)
      return value.arrays
    })
    this.#last = answer.catch(() => {})
    return answer
  }

  /** Ends Python, and waits until it has ended. */
  async stop(): Promise<void> {
    this.#process.stdin?.end()
    for await (const _ of this.#answers);
  }
}

async function* readAnswers(child: ChildProcess): Answers {
  const source = new Reader(child.stdout as AsyncIterable<Buffer>)
  for (;;) {
    const line = await source.line()
    if (line === undefined) return
    const head = JSON.parse(line) as Head
    const arrays: NumpyArray[] = []
    for (const { dtype, shape, bytes } of head.arrays ?? []) {
      arrays.push({ dtype, shape, data: new (plainArray(dtype))(await source.bytes(bytes)) })
    }
    yield { head, arrays }
  }
}

/** Lines and bytes of a stream. */
class Reader {
  readonly #chunks: AsyncIterator<Buffer>
  /** What has come and is not read yet. */
  #rest: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  /** The next line, without its end; undefined at the end. */
  async line(): Promise<string | undefined> {
    let end: number
    for (end = this.#rest.indexOf(10); end < 0; end = this.#rest.indexOf(10)) {
      if (!(await this.#more())) return undefined
    }
    const line = this.#rest.toString('utf8', 0, end)
    this.#rest = this.#rest.subarray(end + 1)
    return line
  }

  /** So many bytes, in memory of their own. */
  async bytes(count: number): Promise<ArrayBuffer> {
    const own = new Uint8Array(count)
    for (let at = 0; at < count; ) {
      if (this.#rest.length === 0 && !(await this.#more())) throw new Error(`${PYTHON} has ended`)
      const part = this.#rest.subarray(0, count - at)
      own.set(part, at)
      at += part.length
      this.#rest = this.#rest.subarray(part.length)
    }
    return own.buffer
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next()
    if (!done) this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value])
    return !done
  }
}

function isArrayInput(input: Input): input is ArrayInput {
  return (
    ArrayBuffer.isView(input) ||
    isStridedView(input) ||
    (typeof input === 'object' && input !== null && 'dtype' in input)
  )
}

/** An array as NumPy has it; the elements of a view are copied into C order. */
export function asNumpyArray(input: ArrayInput): NumpyArray {
  if (isStridedView(input)) {
    return { dtype: input.dtype, shape: input.shape, data: input.contiguous() as unknown as Elements }
  }
  if (!ArrayBuffer.isView(input)) return input
  if (isSharedArray(input)) return { dtype: input.dtype, shape: input.shape, data: input as unknown as Elements }
  const name = (input as unknown as { readonly [Symbol.toStringTag]: string })[Symbol.toStringTag]
  // Of bool and uint8, which have the same typed array, the latter.
  const dtype = (Object.keys(PLAIN) as DType[]).filter(each => PLAIN[each] === name).pop()
  if (dtype === undefined) throw new Error(`NumPy has no array for a ${name}`)
  return { dtype, shape: [input.length], data: input }
}

function literal(value: Input): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False'
    case 'string':
      return JSON.stringify(value)
    case 'number':
      if (Object.is(value, -0)) return '-0.0'
      return Number.isFinite(value) ? String(value) : `float('${value}')`
    default:
      return String(value ?? 'None')
  }
}

/**
 * The tests of a file that ask NumPy: `withNumpy(test)` gives a `test` whose functions get it as their second argument.
 * They are skipped, and say so, where there is none.
 */
export function withNumpy(test: TestFn): (title: string, run: (t: ExecutionContext, numpy: Numpy) => unknown) => void {
  let numpy: Numpy | undefined
  test.before(async t => {
    if (!existsSync(PYTHON)) return
    numpy = await Numpy.start()
    t.log(`NumPy ${numpy.version}`)
  })
  test.after.always(() => numpy?.stop())
  return (title, run) =>
    test(title, async t => {
      if (numpy !== undefined) return run(t, numpy) as Promise<void>
      t.log(`SKIPPED: no NumPy at ${PYTHON}`)
      t.pass()
    })
}

/** How far an element may be from NumPy's. */
export interface Tolerance {
  /** In units in the last place of the element type. Default 0: equal, where NaN equals NaN and -0 is not 0. */
  ulps?: number
  /** In parts of NumPy's largest element, beside `ulps`: for sums that cancel. */
  relative?: number
  /** Said when the two differ. */
  message?: string
}

/** Asserts that an array, or a number, is what NumPy has: type (of an array), shape and every element. */
export function same(
  t: ExecutionContext,
  actual: ArrayInput | number | bigint | boolean,
  expected: NumpyArray,
  { ulps = 0, relative = 0, message = '' }: Tolerance = {},
): void {
  const about = message === '' ? '' : `${message}: `
  if (typeof actual !== 'object') {
    t.deepEqual(expected.shape, [], `${about}NumPy has an array`)
    const value = expected.data[0]
    // A 64-bit integer is a number where that is exact.
    const wanted = typeof actual === 'number' && typeof value === 'bigint' ? Number(value) : value
    const given = typeof actual === 'boolean' ? Number(actual) : actual
    const far = distance(given, wanted, expected.dtype)
    t.true(far <= ulps || near(given, wanted, relative), `${about}${given} is not ${wanted} (${far} ulps)`)
    return
  }
  const { dtype, shape, data } = asNumpyArray(actual)
  t.deepEqual([...shape], [...expected.shape], `${about}shape`)
  // A plain Uint8Array holds bools, too.
  if (!(expected.dtype === 'bool' && dtype === 'uint8')) t.is(dtype, expected.dtype, `${about}dtype`)
  let largest = 0
  if (relative > 0) {
    for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(Number(expected.data[i])) || 0)
  }
  for (let i = 0; i < data.length; i++) {
    if (Object.is(data[i], expected.data[i])) continue
    const far = distance(data[i], expected.data[i], dtype)
    if (far <= ulps || (relative > 0 && Math.abs(Number(data[i]) - Number(expected.data[i])) <= relative * largest))
      continue
    t.fail(`${about}element ${i} of ${data.length} is ${data[i]}, and NumPy has ${expected.data[i]} (${far} ulps)`)
    return
  }
  t.pass()
}

function near(a: number | bigint, b: number | bigint, relative: number): boolean {
  return relative > 0 && Math.abs(Number(a) - Number(b)) <= relative * Math.abs(Number(b))
}

/** How many numbers of its type lie between two elements; Infinity where there is no such number. */
function distance(a: number | bigint, b: number | bigint, dtype: DType): number {
  if (Object.is(a, b)) return 0
  if (typeof a === 'bigint' || typeof b === 'bigint') return a === b ? 0 : Number.POSITIVE_INFINITY
  if (dtype !== 'float64' && dtype !== 'float32') return Number.POSITIVE_INFINITY
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY
  const between = place(a, dtype) - place(b, dtype)
  // The two zeros have the same place and are not equal.
  return between === 0n ? 1 : Number(between < 0n ? -between : between)
}

const bits = new DataView(new ArrayBuffer(8))

/** The place of a number among all of its type, from the smallest to the largest; 0 for both zeros. */
function place(value: number, dtype: 'float32' | 'float64'): bigint {
  if (dtype === 'float64') bits.setFloat64(0, value)
  else bits.setFloat32(0, value)
  const code = dtype === 'float64' ? bits.getBigInt64(0) : BigInt(bits.getInt32(0))
  const lowest = dtype === 'float64' ? -(2n ** 63n) : -(2n ** 31n)
  return code < 0n ? lowest - code : code
}
