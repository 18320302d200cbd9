// A process that is no worker of any cluster, and is asked by messages.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

/** Runs a program of the folder `fixtures` until the test ends. */
export class Child {
  readonly #process: ChildProcess
  readonly #died: Promise<never>

  constructor(t: ExecutionContext, program: string) {
    this.#process = fork(fileURLToPath(new URL(`../fixtures/${program}.mjs`, import.meta.url)))
    this.#died = once(this.#process, 'exit').then(([code, signal]) => {
      throw new Error(`${program} ended: ${signal ?? code}`)
    })
    this.#died.catch(() => {})
    t.teardown(() => this.#process.kill('SIGKILL'))
  }

  /** Sends a message and gives back the answer; rejects if the program ends before. */
  async ask<Answer = Record<string, unknown>>(message: object): Promise<Answer> {
    const answer = once(this.#process, 'message')
    this.#process.send(message)
    const [value] = await Promise.race([answer, this.#died])
    return value as Answer
  }
}
