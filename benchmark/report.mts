// The table of results: on the terminal, in the README, and as JSON.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type Figures, isSkipped, type Row, type Target, type Unit } from './harness.mts'
import type { Machine } from './machine.mts'

export interface Results {
  readonly machine: Machine
  readonly peers: Readonly<Record<string, string>>
  readonly sections: readonly { readonly name: string; readonly idle: number; readonly rows: readonly Row[] }[]
}

const scales: Record<Unit, readonly [number, string][]> = {
  ns: [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
    [1, 'ns'],
  ],
  bytes: [
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
    [1, 'B'],
  ],
}

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

function quantity(value: number, unit: Unit): string {
  const [scale, name] = scales[unit].find(([size]) => value >= size) ?? scales[unit][scales[unit].length - 1]
  return `${digits(value / scale)} ${name}`
}

const figures = ({ min, median }: Figures, unit: Unit): string => `${quantity(min, unit)} / ${quantity(median, unit)}`

const wanted = (target: Target): string =>
  (target.stretch ? 'stretch: ' : '') +
  ('atMost' in target ? `≤ ${target.atMost} ×` : `≥ ${target.timesAsFast} × as fast`)

function achieved(ratio: number, target: Target | undefined): string {
  return target && 'timesAsFast' in target ? `${digits(ratio)} × as fast` : `${digits(ratio)} ×`
}

/** The rows of one section as lines of a Markdown table. */
export function lines(rows: readonly Row[]): string[] {
  return rows.flatMap(row =>
    row.peers.map(({ peer, ratio, target, hit }, at) => {
      const cells = [
        at > 0 ? '' : row.note ? `${row.work} (${row.note})` : row.work,
        at === 0 ? figures(row.ours, row.unit) : '',
        peer.name,
        isSkipped(peer) ? `skipped: ${peer.skipped}` : figures(peer, row.unit),
        ratio === undefined ? '' : achieved(ratio, target),
        target ? wanted(target) : '',
        hit === undefined ? '' : hit ? 'hit' : target?.stretch ? 'not reached' : '**missed**',
      ]
      return `| ${cells.join(' | ')} |`
    }),
  )
}

export function markdown({ machine, peers, sections }: Results, rounds: number): string {
  const idle = sections.map(section => Math.round(100 * section.idle))
  return [
    `Taken on ${machine.date} by \`npm run bench\`: Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores, ${machine.kernel}; ` +
      `the cores were ${Math.min(...idle)} to ${Math.max(...idle)} % idle before each section. ` +
      `Peers: ${Object.entries(peers)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}.`,
    `Each side is measured ${rounds} times after a warm-up, in turn with its peers; figures are minimum / median, the ratio is ours to the peer's, of medians.`,
    '',
    '| work | tsdsm | peer | its figures | ratio | target | |',
    '|---|---|---|---|---|---|---|',
    ...sections.flatMap(section => lines(section.rows)),
  ].join('\n')
}

const START = '<!-- bench:start -->'
const END = '<!-- bench:end -->'

/** Puts the table between the README's markers. */
export function writeReadme(file: URL, table: string): void {
  const text = readFileSync(file, 'utf8')
  const from = text.indexOf(START)
  const to = text.indexOf(END)
  if (from < 0 || to < from) throw new Error(`README.md has no ${START} … ${END}`)
  writeFileSync(file, `${text.slice(0, from + START.length)}\n${table}\n${text.slice(to)}`)
}

export function writeJson(folder: URL, results: Results): URL {
  mkdirSync(folder, { recursive: true })
  const file = new URL(`${results.machine.date}-node-${results.machine.node.slice(1).split('.')[0]}.json`, folder)
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
  return file
}
