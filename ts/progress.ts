import type { Session } from './session.js'

/** How far the workers of a run are, as they say by `res.progress(done, total)`. */
export interface Progress {
  /** The sum over the workers. */
  done: number
  /** The sum over the workers. */
  total: number
  /** One for each worker, in the order of their ids; both 0 for one that has said nothing yet. */
  workers: WorkerProgress[]
}

/** What one worker last gave to `res.progress(done, total)`. */
export interface WorkerProgress {
  /** How much it has done. */
  done: number
  /** How much there is to do. */
  total: number
}

/** How often main looks. Workers only write two numbers into shared memory, which costs them next to nothing. */
const INTERVAL_MS = 50

/** Tells a caller how far the workers are. */
export class ProgressWatch {
  readonly #reports: Float64Array[]
  readonly #tell: (progress: Progress) => void
  readonly #failed: (error: unknown) => void
  readonly #timer: NodeJS.Timeout
  #last = Number.NaN

  /** `failed` gets what `tell` throws; nothing is told after that. */
  constructor(session: Session, size: number, tell: (progress: Progress) => void, failed: (error: unknown) => void) {
    this.#tell = tell
    this.#failed = failed
    this.#reports = Array.from({ length: size }, (_, worker) => session.progressOf(worker))
    for (const report of this.#reports) report.fill(0)
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS)
  }

  /** Tells a last time, and then no more. */
  stop(): void {
    clearInterval(this.#timer)
    this.#look()
  }

  #look(): void {
    const progress: Progress = { done: 0, total: 0, workers: [] }
    for (const [done, total] of this.#reports) {
      progress.done += done
      progress.total += total
      progress.workers.push({ done, total })
    }
    if (progress.total === 0 || progress.done === this.#last) return
    this.#last = progress.done
    try {
      this.#tell(progress)
    } catch (error) {
      clearInterval(this.#timer)
      this.#reports.length = 0
      this.#failed(error)
    }
  }
}
