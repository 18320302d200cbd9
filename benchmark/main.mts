// npm run bench [-- section... --rounds N --quick --write]
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Argument, Command } from 'commander'
import type { Options, Row } from './harness.mts'
import { machine } from './machine.mts'
import { markdown, type Results, readJson, resultsFile, writeJson, writeReadme } from './report.mts'

const titles = {
  run: 'Running a task',
  start: 'Starting, and memory',
  segments: 'Creating and attaching arrays',
  loops: 'Loops in JavaScript over shared arrays',
  speedup: 'Speed-up by workers',
  sync: 'Locks, barriers, and deaths',
  seed: 'The programs of py-dsm',
  primes: 'Primes',
  kernels: 'Kernels',
  sizes: 'Kernels from small to large',
}
const names = Object.keys(titles) as (keyof typeof titles)[]
const root = new URL('../../', import.meta.url)

const command = new Command('bench')
  .description('Measures tsdsm against its peers, in turn, and prints tables.')
  .addArgument(new Argument('[sections...]', 'what to measure; everything unless told').choices(names))
  .option('--rounds <n>', 'how often each side is measured', Number, 7)
  .option('--quick', 'small sizes: to see that everything runs, not to measure', false)
  .option(
    '--write',
    "put the tables into README.md and the figures into benchmark/results, beside the day's others",
    false,
  )
  .parse()
const { rounds, quick, write } = command.opts<Options & { write: boolean }>()
const chosen = command.args.length > 0 ? names.filter(name => command.args.includes(name)) : names

const here = machine()
const results: Results = { machine: here, peers: peerVersions(), sections: [] }
const folder = new URL(write ? 'benchmark/results/' : 'build/benchmark/', root)
mkdirSync(folder, { recursive: true })
for (const name of chosen) {
  const { picture, ...measured } = await measure(name, { rounds, quick })
  const file = picture && `${name}.svg`
  if (picture && file) {
    writeFileSync(new URL(file, folder), picture)
    console.log(`picture: ${fileURLToPath(new URL(file, folder))}`)
  }
  results.sections.push({ name, title: titles[name], rounds, ...measured, picture: file })
}

if (write) {
  const file = resultsFile(folder, here)
  const before = readJson(file)?.sections ?? []
  const sections = [...before.filter(({ name }) => !chosen.some(other => other === name)), ...results.sections]
  sections.sort((a, b) => names.indexOf(a.name as keyof typeof titles) - names.indexOf(b.name as keyof typeof titles))
  const all = { ...results, sections }
  writeJson(file, all)
  writeReadme(new URL('README.md', root), markdown(all))
  console.log(`\nwritten: README.md, ${file.pathname}`)
} else {
  console.log(`\n${markdown(results)}`)
}

/** Measures a section in a process of its own. */
async function measure(name: string, options: Options): Promise<{ idle: number; rows: Row[]; picture?: string }> {
  const child = fork(new URL('section.mjs', import.meta.url), [name, JSON.stringify(options)])
  const [[message], [status]] = await Promise.all([
    Promise.race([once(child, 'message'), once(child, 'exit').then(() => [])]),
    once(child, 'exit'),
  ])
  if (status !== 0 || message === undefined) throw new Error(`the section '${name}' ended with ${status}`)
  return message
}

function peerVersions(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(new URL('node_modules/piscina/package.json', root), 'utf8'))
  const versions: Record<string, string> = { piscina: version }
  try {
    const python = fileURLToPath(new URL('.cache/venv-bench/bin/python', root))
    const said = execFileSync(python, ['--version'], { encoding: 'utf8' })
    versions.Python = said.replace('Python', '').trim()
    for (const line of readFileSync(new URL('.cache/venv-bench/installed', root), 'utf8').trim().split('\n')) {
      const [name, pinned] = line.split('==')
      versions[name] = pinned
    }
  } catch {
    // Without the virtual environment these peers are reported as skipped.
  }
  try {
    const [, primesieve] =
      /^primesieve ([\d.]+)/.exec(execFileSync('primesieve', ['--version'], { encoding: 'utf8' })) ?? []
    versions.primesieve = primesieve
  } catch {
    // The same.
  }
  return versions
}
