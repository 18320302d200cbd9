import { Readable } from 'node:stream'

const NEWLINE = 10

/**
 * One stream of whole lines from many: what the workers' pipes bring, line by line. Nothing waits for whoever reads it;
 * what is not read stays in memory.
 */
export class LineMerge {
  readonly stream = new Readable({ read() {} })
  #open = 0
  #ending = false

  /** Takes the lines of `source` until it ends. */
  add(source: Readable): void {
    this.#open += 1
    let pending: Buffer[] = []
    source.on('data', (chunk: Buffer) => {
      const end = chunk.lastIndexOf(NEWLINE) + 1
      if (end > 0) {
        this.#push([...pending, chunk.subarray(0, end)])
        pending = []
      }
      if (end < chunk.length) pending.push(chunk.subarray(end))
    })
    source.once('close', () => {
      this.#push(pending)
      this.#open -= 1
      if (this.#ending && this.#open === 0) this.stream.push(null)
    })
    // A pipe that breaks has ended.
    source.on('error', () => {})
  }

  /** No more sources come: the stream ends when they have ended. */
  end(): void {
    if (this.#ending) return
    this.#ending = true
    if (this.#open === 0) this.stream.push(null)
  }

  #push(parts: Buffer[]): void {
    if (parts.length > 0) this.stream.push(Buffer.concat(parts))
  }
}
