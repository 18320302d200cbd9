// One array, two languages: workers in TypeScript and a Python with NumPy compute on the same memory.
//
//   node build/examples/numpy-round-trip.mjs [--python <interpreter>]
//
// A shared array is a .npy file in /dev/shm, so `np.load(path, mmap_mode='r+')` maps the very bytes that the workers
// see: nothing is copied, and a write on either side is there for the other. An array with the option `file` is a
// .npy file on disk that outlives the program.
import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { Cluster, type Resource, SharedArray } from 'tsdsm'

const ROWS = 4
const COLUMNS = 3

/** What each worker runs: fills its rows. */
export function fill(res: Resource): void {
  const A = res.getShared('A', 'float64')
  for (const i of res.splitIndices(ROWS, { random: false })) {
    for (let j = 0; j < COLUMNS; j++) A.setItem(i, j, 10 * i + j)
  }
}

// Python says what it sees, waits for a line, looks again, and writes.
const LIVE = `
import sys, numpy as np
a = np.load(sys.argv[1], mmap_mode='r+')
print(f'Python maps {a.dtype} {a.shape}, sum {a.sum():g}', flush=True)
sys.stdin.readline()
print(f'Python reads a[0, 0] = {a[0, 0]:g}', flush=True)
a *= 2
print(f'Python doubles all', flush=True)
sys.stdin.readline()
`

// The file on disk is an ordinary one: Python loads it into its own memory, and changes it through a map.
const FILE = `
import sys, numpy as np
print('Python loads', np.load(sys.argv[1]).tolist(), flush=True)
a = np.load(sys.argv[1], mmap_mode='r+')
a += 0.5
a.flush()
`

/** Runs a Python program, and gives its lines of output one by one. */
function python(interpreter: string, program: string, argument: string) {
  const child = spawn(interpreter, ['-c', program, argument], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => (code === 0 ? resolve() : reject(new Error(`${interpreter} ended with ${code}`))))
  })
  ended.catch(() => {}) // whoever waits for the end is told
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    async echo(): Promise<void> {
      const { value, done } = await lines.next()
      if (done) await ended
      else console.log(value)
    },
    goOn: () => child.stdin.write('\n'),
    ended,
  }
}

async function live(interpreter: string): Promise<void> {
  await Cluster.run(2, async cluster => {
    const A = cluster.createShared('A', [ROWS, COLUMNS], 'float64')
    await cluster.runProcesses(fill)
    const process = python(interpreter, LIVE, `/dev/shm/${A.handle().segment}`)
    await process.echo()
    A[0] = 1000 // Python has the array mapped already, and sees this
    process.goOn()
    await process.echo()
    await process.echo()
    console.log('TypeScript reads', A.toNested())
    process.goOn()
    await process.ended
  })
}

async function file(interpreter: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  rmSync(path, { force: true })
  await Cluster.run(2, async cluster => {
    cluster.createShared('A', [ROWS, COLUMNS], 'float64', { file: path })
    await cluster.runProcesses(fill)
  })
  console.log('The cluster is closed, the file stays')
  const process = python(interpreter, FILE, path)
  await process.echo()
  await process.ended
  console.log('TypeScript reads', SharedArray.attach(path).toNested())
}

if (Cluster.isMain(import.meta.url)) {
  const venv = '.cache/venv/bin/python'
  const options = new Command('numpy-round-trip')
    .option(
      '--python <interpreter>',
      'a Python that has NumPy',
      process.env.TSDSM_PYTHON ?? (existsSync(venv) ? venv : 'python3'),
    )
    .option('--file <path>', 'where to put the file', 'examples/out/round-trip.npy')
    .parse()
    .opts<{ python: string; file: string }>()
  await live(options.python)
  await file(options.python, options.file)
}
