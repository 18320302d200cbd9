// Programs under test, and what they leave behind.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

/** Waits until `condition` holds. The limit only keeps a broken promise from hanging the tests. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, limit = 60_000): Promise<void> {
  const end = Date.now() + limit
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** The segments of a cluster. */
export function segmentsOf(cluster: string): string[] {
  return readdirSync('/dev/shm').filter(name => name === `tsdsm.${cluster}` || name.startsWith(`tsdsm.${cluster}.`))
}

/** Whether a process runs: a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

/** A name for a cluster that no other test, nor another run of the tests, has. */
export function freshName(what: string): string {
  return `${what}-${process.pid}-${Math.random().toString(36).slice(2, 10)}`
}

/** The compiled fixture `name`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
}

/** The package's folder. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** How a program ended. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A program that runs. */
export class Program {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''

  /** Starts node (or `command`) with `args`; `stdin` is written to its standard input. */
  constructor(
    args: string[],
    options: {
      cwd?: string
      env?: NodeJS.ProcessEnv
      stdin?: string
      keepStdin?: boolean
      detached?: boolean
      command?: string
    } = {},
  ) {
    // A test runner's variables are none of the program's.
    const { NODE_V8_COVERAGE, ...env } = { ...process.env, ...options.env }
    delete env.NODE_TEST_CONTEXT
    const child = spawn(options.command ?? process.execPath, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...env, ...(NODE_V8_COVERAGE && { NODE_V8_COVERAGE }) },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: options.detached ?? false,
    })
    this.child = child
    child.stdout?.setEncoding('utf8').on('data', text => {
      this.stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', text => {
      this.stderr += text
    })
    child.stdin?.on('error', () => {})
    child.stdin?.write(options.stdin ?? '')
    if (!options.keepStdin) child.stdin?.end()
    this.ended = new Promise(resolve =>
      child.once('close', (code, signal) => resolve({ code, signal, stdout: this.stdout, stderr: this.stderr })),
    )
  }

  get pid(): number {
    return this.child.pid as number
  }

  /** Waits until the program has printed what `pattern` matches. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null
    await until(() => {
      found = pattern.exec(this.stdout)
      if (found === null && (this.child.exitCode !== null || this.child.signalCode !== null)) {
        throw new Error(`the program ended without saying ${pattern}: ${this.stdout}\n${this.stderr}`)
      }
      return found !== null
    }, `the program says ${pattern}; it says '${this.stdout}'; '${this.stderr}'`)
    return found as unknown as RegExpExecArray
  }
}

/** The workers' process ids, which the program prints. */
export async function pidsOf(program: Program): Promise<number[]> {
  return (await program.says(/pids (.*)/))[1].split(' ').map(Number)
}

/**
 * Runs node with `args` to its end after the shell command `setup`, in a mount namespace of its own; the first line of
 * its output is 'ready'. Undefined where there can be no such namespace, and the test's log says so.
 */
export async function inNamespace(t: ExecutionContext, setup: string, ...args: string[]): Promise<Ended | undefined> {
  const script = `${setup} && echo ready && exec "$0" "$@"`
  const ended = await runProgram(['-m', 'sh', '-c', script, process.execPath, ...args], { command: 'unshare' })
  if (ended.stdout.startsWith('ready\n')) return ended
  t.log(`SKIPPED: no mount namespace here: ${ended.stderr.trim()}`)
  t.pass()
  return undefined
}

/** Runs a program to its end. */
export function runProgram(...args: ConstructorParameters<typeof Program>): Promise<Ended> {
  return new Program(...args).ended
}
