// The tables of results: on the terminal, in the README, and as JSON.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type Figures, isSkipped, type Row, type Target, type Unit } from './harness.mts'
import type { Machine } from './machine.mts'

export interface Results {
  readonly machine: Machine
  readonly peers: Readonly<Record<string, string>>
  readonly sections: SectionResults[]
}

export interface SectionResults {
  readonly name: string
  readonly title: string
  /** The share of the cores' time that was idle before. */
  readonly idle: number
  readonly rounds: number
  readonly rows: readonly Row[]
  /** The name of the picture's file, beside the figures. */
  readonly picture?: string
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

/** The whole report. */
export function markdown({ machine, peers, sections }: Results): string {
  const idle = sections.map(section => Math.round(100 * section.idle))
  const rounds = [...new Set(sections.map(section => section.rounds))]
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`)
  return [
    `Taken on ${machine.date} by \`npm run bench\`: Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores, ${machine.kernel}; ` +
      `the cores were ${Math.min(...idle)} to ${Math.max(...idle)} % idle before each section. ` +
      `Peers: ${versions.join(', ')}.`,
    `Each side is measured ${rounds.join(' or ')} times after a warm-up, in turn with its peers; figures are minimum / median, the ratio is ours to the peer's, of medians.`,
    ...sections.flatMap(({ title, rows, picture }) => [
      '',
      `### ${title}`,
      '',
      ...(picture
        ? [`![${title}](benchmark/results/${picture})`]
        : [
            '| work | tsdsm | peer | its figures | ratio | target | |',
            '|---|---|---|---|---|---|---|',
            ...lines(rows),
          ]),
    ]),
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

/** Where the figures of a day and a release of Node are kept. */
export function resultsFile(folder: URL, { date, node }: Machine): URL {
  return new URL(`${date}-node-${node.slice(1).split('.')[0]}.json`, folder)
}

/** What is there already. */
export function readJson(file: URL): Results | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

export function writeJson(file: URL, results: Results): void {
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
}
