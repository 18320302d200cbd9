// Peers that are programs of their own, in C or Python (benchmark/peers), and the bare processes we are measured against.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Side, Skipped } from './harness.mts'

// This file is compiled to build/benchmark/.
const root = new URL('../../', import.meta.url)
const python = fileURLToPath(new URL('.cache/venv-bench/bin/python', root))
// The virtual environment's marker is written when everything in it was installed.
const pythonReady = fileURLToPath(new URL('.cache/venv-bench/installed', root))

/** A peer in C: a program of benchmark/peers, compiled by its setup. */
export function cPeer(name: string, program: string, args: readonly (string | number)[]): Promise<Side> {
  return start(name, fileURLToPath(new URL(`build/peers/${program}`, root)), args)
}

/** A peer in Python. */
export async function pythonPeer(
  name: string,
  script: string,
  args: readonly (string | number)[],
): Promise<Side | Skipped> {
  if (!existsSync(pythonReady)) return { name, skipped: 'py-dsm and NumPy could not be installed' }
  const file = fileURLToPath(new URL(`benchmark/peers/${script}`, root))
  return start(name, python, ['-B', file, ...args])
}

/** Starts the program; each round is asked for by a line, and answered by a line with a number. */
async function start(name: string, command: string, args: readonly (string | number)[]): Promise<Side> {
  const child = spawn(command, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${name} ended without an answer`)
    return value
  }
  const ended = once(child, 'exit')
  if ((await answer()) !== 'ready') throw new Error(`${name} is not a peer`)
  return {
    name,
    async round() {
      child.stdin.write('\n')
      return Number(await answer())
    },
    async close() {
      child.stdin.end()
      await ended
    },
  }
}

const bareChild = fileURLToPath(new URL('bare-child.cjs', import.meta.url))

/** Forks so many processes that do nothing but say that they are there; resolves when all have. */
export async function bareForks(count: number): Promise<ChildProcess[]> {
  const children = Array.from({ length: count }, () => fork(bareChild))
  await Promise.all(children.map(child => once(child, 'message')))
  return children
}

export async function endForks(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(child => {
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      return exit
    }),
  )
}
