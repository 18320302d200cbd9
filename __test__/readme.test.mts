// What the README shows is true: its program prints what it says, its snippets compile, its commands and errors exist.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import * as tsdsm from 'tsdsm'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const README = await readFile(join(ROOT, 'README.md'), 'utf8')
// Inside the package, so that 'tsdsm' is found; one folder per process, since several Node releases may test at once.
const OUT = join(ROOT, 'build', `readme-${process.pid}`)

test.before(() => mkdir(OUT, { recursive: true }))
test.after.always(() => rm(OUT, { recursive: true, force: true }))

/** The contents of the README's code blocks in a language. */
function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(match => match[1])
}

async function runProgram(...loader: string[]): Promise<{ stdout: string; stderr: string }> {
  const [program] = blocks('ts')
  const file = join(OUT, 'vec-add.mts')
  await writeFile(file, program)
  return promisify(execFile)(process.execPath, [...loader, file], { cwd: ROOT })
}

test.serial('the first program prints what the README says, by tsx', async t => {
  t.true(blocks('ts')[0].startsWith('// vec-add.mts\n'))
  const { stdout, stderr } = await runProgram('--import', 'tsx')
  t.is(stderr, '')
  t.is(stdout, blocks('text')[0])
})

// Node strips types by itself from 22.18 on.
const strips = Boolean((process.features as { typescript?: unknown }).typescript)
const onNodeThatStrips = strips ? test.serial : test.serial.skip
onNodeThatStrips('the first program prints what the README says, by Node itself', async t => {
  t.is((await runProgram()).stdout, blocks('text')[0])
})

test('the snippets compile', async t => {
  // What a snippet may take for granted.
  const given = `
import { Cluster, kernels, SharedArray, type Resource, task } from 'tsdsm'
declare const cluster: Cluster, res: Resource, n: number
declare const A: Int32Array, B: Int32Array, C: Int32Array, total: Int32Array
declare function sumOfRows(res: Resource, rows: number): number
`
  const [program, ...snippets] = blocks('ts')
  t.true(snippets.length > 4)
  const wrapped = snippets.map((snippet, i) => `export async function snippet${i}() {\n${snippet}}\n`)
  const files = [join(OUT, 'program.mts'), join(OUT, 'snippets.mts')]
  await writeFile(files[0], program)
  await writeFile(files[1], `${given}${wrapped.join('\n')}void [kernels, SharedArray, task]\n`)
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT)
  const checked = ts.createProgram(files, { ...options, noEmit: true, noUnusedLocals: false })
  const problems = ts.getPreEmitDiagnostics(checked).map(({ file, start = 0, messageText }) => {
    const line = file ? file.text.slice(start).split('\n', 1)[0] : ''
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
  t.deepEqual(problems, [])
})

test('the commands exist', async t => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const commands = [...README.matchAll(/npm (?:run )?(test|demo|build[\w:]*|bench)\b/g)].map(match => match[1])
  t.deepEqual(
    commands.filter(name => !(name in scripts)),
    [],
  )
  t.true(['test', 'demo', 'build', 'bench'].every(name => commands.includes(name)))
  const examples = [...README.matchAll(/node build\/examples\/([\w-]+)\.mjs/g)].map(match => match[1])
  t.true(examples.length >= 10)
  t.deepEqual(
    examples.filter(name => !existsSync(join(ROOT, 'examples', `${name}.mts`))),
    [],
  )
})

test('the links go to files that exist', t => {
  const targets = [...README.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(match => match[1])
  t.true(targets.length > 0)
  t.deepEqual(
    targets.filter(target => !existsSync(join(ROOT, target))),
    [],
  )
})

test('the table of errors has every class with its code', t => {
  const listed = [...README.matchAll(/^\| `(\w+Error)` \| `(ERR_TSDSM_\w+)` \|/gm)].map(match => [match[1], match[2]])
  const exported = Object.entries(tsdsm as unknown as Record<string, unknown>)
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof tsdsm.TsdsmError)
    .map(([name, value]) => [
      name,
      new (value as new (message: string, details: object) => tsdsm.TsdsmError)('', {}).code,
    ])
  t.deepEqual(listed.sort(), exported.sort())
})

test('the place for the results of the benchmarks is marked', t => {
  t.regex(README, /^<!-- bench:start -->\n(?:.*\n)*<!-- bench:end -->$/m)
})
