// npm run bench [-- section... --rounds N --quick --write]
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Argument, Command } from 'commander'
import type { Options, Row } from './harness.mts'
import { idleShare, machine } from './machine.mts'
import { lines, markdown, type Results, writeJson, writeReadme } from './report.mts'

const names = ['run', 'start', 'segments', 'loops', 'speedup', 'seed', 'primes']
const root = new URL('../../', import.meta.url)

const command = new Command('bench')
  .description('Measures tsdsm against its peers, in turn, and prints a table.')
  .addArgument(new Argument('[sections...]', 'what to measure; everything unless told').choices(names))
  .option('--rounds <n>', 'how often each side is measured', Number, 7)
  .option('--quick', 'small sizes: to see that everything runs, not to measure', false)
  .option('--write', 'put the table into README.md and the figures into benchmark/results', false)
  .parse()
const { rounds, quick, write } = command.opts<Options & { write: boolean }>()
const chosen = command.args.length > 0 ? command.args : names

const results: Results & { sections: { name: string; idle: number; rows: readonly Row[] }[] } = {
  machine: machine(),
  peers: peerVersions(),
  sections: [],
}
for (const name of chosen) {
  const section: { default: (options: Options) => Promise<Row[]> } = await import(`./sections/${name}.mjs`)
  const idle = await idleShare()
  console.log(`\n${name}: the cores are ${Math.round(100 * idle)} % idle`)
  const rows = await section.default({ rounds, quick })
  console.log(lines(rows).join('\n'))
  results.sections.push({ name, idle, rows })
}

const table = markdown(results, rounds)
console.log(`\n${table}`)
if (write) {
  writeReadme(new URL('README.md', root), table)
  console.log(`\nwritten: README.md, ${writeJson(new URL('benchmark/results/', root), results).pathname}`)
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
  return versions
}
