import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { insideWorker } from './worker-mark.js'

/** The file that the program was started with, or why there is none that the workers could import. */
export type Entry = { file: string } | { file: undefined; why: string }

/** Programs of others that load the user's file: what is exported in *their* entry is not the user's. */
const RUNNERS = new Set([
  'ava',
  'vitest',
  'jest',
  'jest-cli',
  'jest-worker',
  'jest-circus',
  'mocha',
  'tap',
  '@tapjs/run',
  'uvu',
  'jasmine',
  'karma',
  'pm2',
  'tinypool',
])

/** Extensions that a loader may add to a path without one, beside those that `require` knows. */
const EXTENSIONS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.tsx', '.jsx']

// Read when the module is loaded: a program may change process.argv and its working directory later.
const script = process.argv[1]
const startedIn = process.cwd()

let found: Entry | undefined

/** Finds the program's entry file: through `node .`, a symbolic link, or a path without extension. */
export function findEntry(): Entry {
  found ??= lookForEntry()
  return found
}

/**
 * Whether `module` (an `import.meta.url`, or CommonJS' `module`) is the program's entry, in the main process.
 * Code given by `-e`, on standard input or in a REPL counts as the entry.
 */
export function isEntry(module: string | URL | NodeModule): boolean {
  // The mark, not a flag of this module: a bundled second copy of this library must see it too.
  if (insideWorker() || !isMainThread) return false
  if (typeof module === 'object' && !(module instanceof URL)) {
    return module === require.main || isNamelessSource(module.id)
  }
  const url = new URL(module)
  if (url.protocol !== 'file:') return isNamelessSource(url.pathname)
  url.search = ''
  url.hash = ''
  const path = fileURLToPath(url)
  if (isNamelessSource(path.slice(path.lastIndexOf(sep) + 1))) return true
  const entry = findEntry()
  return entry.file !== undefined && realpath(path) === entry.file
}

/** Node's own names for a program that is no file: `[eval]`, `[eval1]`, `[stdin]`, `<repl>`. */
function isNamelessSource(id: string): boolean {
  return /^(\[(eval|stdin)\d*\]|<repl>|REPL\d*)(-wrapper)?$/.test(id)
}

function lookForEntry(): Entry {
  const inline = (process as { _eval?: string })._eval !== undefined
  if (inline || script === undefined || script === '-') {
    return {
      file: undefined,
      why: inline
        ? 'the program was given by -e, -p or on standard input'
        : 'the program was read from standard input or typed into a REPL',
    }
  }
  if (usesNodeTest()) return { file: undefined, why: "the program's entry runs tests of node:test" }
  const file = resolveScript(script)
  if (file === undefined) return { file: undefined, why: `the program's entry '${script}' was not found` }
  const runner = runnerOf(file)
  if (runner !== undefined) return { file: undefined, why: `the program's entry is a file of '${runner}', not yours` }
  return { file }
}

/**
 * Whether node:test was loaded: importing such an entry in a worker would run its tests there. (The environment variable
 * NODE_TEST_CONTEXT says less: every program that a test starts inherits it.)
 */
function usesNodeTest(): boolean {
  const loaded = (process as { moduleLoadList?: string[] }).moduleLoadList
  return loaded?.includes('NativeModule internal/test_runner/harness') ?? false
}

/** The package of a known runner that `file` belongs to. */
function runnerOf(file: string): string | undefined {
  const parts = file.split(sep)
  const at = parts.lastIndexOf('node_modules')
  if (at < 0) return undefined
  const first = parts[at + 1] ?? ''
  const name = first.startsWith('@') ? `${first}/${parts[at + 2]}` : first
  return RUNNERS.has(name) ? name : undefined
}

/** Resolves `script` as `node script` does: a folder by its package.json or index file, extensions added, links followed. */
function resolveScript(path: string): string | undefined {
  const from = createRequire(`${startedIn}${sep}`)
  for (const extension of EXTENSIONS) {
    try {
      return realpath(from.resolve(path + extension))
    } catch {
      // not this one
    }
  }
  return undefined
}

function realpath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
