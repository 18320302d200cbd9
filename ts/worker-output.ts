import { native } from './native.js'
import type { Session } from './session.js'

/** How a cluster's workers print: `inherit` and `prefix` to main's own streams, `pipe` to streams of the cluster. */
export type OutputMode = 'inherit' | 'prefix' | 'pipe'

/** A line longer than this is written in pieces. */
const LONGEST_LINE = 1 << 20

const NEWLINE = 10

/**
 * Makes this worker's `process.stdout` and `process.stderr` write whole lines, each line under the cluster's output
 * lock, so that lines of several workers never mix. The streams are made when they are first used.
 *
 * @returns a function that writes out unfinished lines, to be called when a task ends
 */
export function keepLinesWhole(session: Session, worker: number, mode: OutputMode): () => void {
  const outputs = [
    replaceStream('stdout', 1, session, worker, mode),
    replaceStream('stderr', 2, session, worker, mode),
  ] as const
  const flush = () => {
    outputs[0].flush()
    outputs[1].flush()
  }
  process.on('exit', flush)
  return flush
}

function replaceStream(
  name: 'stdout' | 'stderr',
  fd: number,
  session: Session,
  worker: number,
  mode: OutputMode,
): LineWriter {
  const lines = new LineWriter(fd, mode === 'prefix' ? `[${worker}] ` : '', mode === 'pipe' ? undefined : session)
  const original = Object.getOwnPropertyDescriptor(process, name)
  let stream: NodeJS.WriteStream | undefined
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => {
      stream ??= makeStream(fd, lines, () => original?.get?.call(process))
      return stream
    },
  })
  return lines
}

function makeStream(fd: number, lines: LineWriter, original: () => NodeJS.WriteStream): NodeJS.WriteStream {
  // Required here: most workers never print.
  const { Writable } = require('node:stream') as typeof import('node:stream')
  const { isatty } = require('node:tty') as typeof import('node:tty')
  const write = (chunk: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void) => {
    try {
      lines.write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
    } catch (error) {
      done(error as Error)
      return
    }
    done()
  }
  if (isatty(fd)) {
    // A terminal's stream knows its colours and columns.
    const terminal = original()
    terminal._write = write
    return terminal
  }
  // Not Node's own stream for pipes: that would make main's pipe non-blocking too, as they share it.
  const stream = new Writable({ write, destroy: (error, done) => done(error) })
  return Object.assign(stream, { fd, _isStdio: true }) as unknown as NodeJS.WriteStream
}

/** Collects what is printed until a line is whole. */
class LineWriter {
  readonly #fd: number
  readonly #prefix: string
  readonly #locked: Session | undefined
  #pending: Buffer[] = []
  #pendingLength = 0

  constructor(fd: number, prefix: string, locked: Session | undefined) {
    this.#fd = fd
    this.#prefix = prefix
    this.#locked = locked
  }

  write(chunk: Buffer): void {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    if (end > 0) {
      this.#emit(this.#take(chunk.subarray(0, end)))
    }
    if (end < chunk.length) {
      // A copy: the writer may use its buffer again.
      this.#pending.push(Buffer.from(chunk.subarray(end)))
      this.#pendingLength += chunk.length - end
      if (this.#pendingLength > LONGEST_LINE) this.flush()
    }
  }

  /** Writes an unfinished line; with a prefix it becomes a line of its own. */
  flush(): void {
    if (this.#pendingLength === 0) return
    const rest = this.#take()
    this.#emit(this.#prefix === '' ? rest : Buffer.concat([rest, Buffer.from('\n')]))
  }

  #take(head?: Buffer): Buffer {
    if (this.#pendingLength === 0) return head ?? Buffer.alloc(0)
    const all = Buffer.concat(head === undefined ? this.#pending : [...this.#pending, head])
    this.#pending = []
    this.#pendingLength = 0
    return all
  }

  #emit(bytes: Buffer): void {
    const marked = this.#prefix === '' ? bytes : this.#mark(bytes)
    const write = () => native.rawWrite(this.#fd, marked)
    if (this.#locked === undefined || this.#locked.closed) write()
    else native.withOutputLock(this.#locked.handle, write)
  }

  #mark(bytes: Buffer): Buffer {
    const text = bytes.toString('latin1')
    const prefix = Buffer.from(this.#prefix).toString('latin1')
    return Buffer.from(prefix + text.replace(/\n(?!$)/g, `\n${prefix}`), 'latin1')
  }
}
