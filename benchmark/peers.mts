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
export async function cPeer(name: string, program: string, args: readonly (string | number)[]): Promise<Side> {
  const peer = await start(name, fileURLToPath(new URL(`build/peers/${program}`, root)), args)
  return { name, round: () => peer.ask(''), close: peer.close }
}

/** A peer in Python. */
export async function pythonPeer(
  name: string,
  script: string,
  args: readonly (string | number)[],
): Promise<Side | Skipped> {
  if (!existsSync(pythonReady)) return { name, skipped: NO_PYTHON }
  const peer = await start(name, python, ['-B', peerScript(script), ...args])
  return { name, round: () => peer.ask(''), close: peer.close }
}

/** NumPy in a process that stays for many rows; `side` makes a side of one of its kernels. */
export interface NumPy {
  side(kernel: string, n: number, dtype: string, milliseconds: number): Side | Skipped
  close(): Promise<void>
}

/** Starts Python with peers/kernels.py. The variables say how NumPy is to work. */
export async function numpy(name: string, env: NodeJS.ProcessEnv = {}): Promise<NumPy> {
  if (!existsSync(pythonReady)) return { side: () => ({ name, skipped: NO_PYTHON }), close: async () => {} }
  const peer = await start(name, python, ['-B', peerScript('kernels.py')], env)
  return {
    side: (...request) => ({ name, round: () => peer.ask(request.join(' ')) }),
    close: peer.close,
  }
}

const NO_PYTHON = 'py-dsm and NumPy could not be installed'
const peerScript = (name: string): string => fileURLToPath(new URL(`benchmark/peers/${name}`, root))

interface Peer {
  /** Asks for a round by a line, which is answered by a line with a number. */
  ask(line: string): Promise<number>
  close(): Promise<void>
}

async function start(
  name: string,
  command: string,
  args: readonly (string | number)[],
  env: NodeJS.ProcessEnv = {},
): Promise<Peer> {
  const child = spawn(command, args.map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${name} ended without an answer`)
    return value
  }
  const ended = once(child, 'exit')
  if ((await answer()) !== 'ready') throw new Error(`${name} is not a peer`)
  return {
    async ask(line) {
      child.stdin.write(`${line}\n`)
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
