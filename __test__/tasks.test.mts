import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { Cluster, InvalidArgumentError, TaskNotFoundError, task } from 'tsdsm'
import { identity } from './fixtures/tasks.mjs'
import { type Ended, fixture, Program, ROOT, runProgram } from './helpers/process.mjs'

const OUTPUT = '[9,9]\n0 1 4 9\n[[false,true],[false,true]]\narguments'

/** The program ran, with these arguments. */
function ran(t: ExecutionContext, { code, stdout, stderr }: Ended, args = ''): void {
  t.is(stdout, `${OUTPUT} ${args}\n`, stderr)
  t.is(code, 0)
}

/** A folder with the package installed. */
function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(ROOT, 'build', 'entry-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  mkdirSync(join(path, 'node_modules'))
  symlinkSync(ROOT, join(path, 'node_modules', 'tsdsm'))
  return path
}

test.serial('bare functions of the entry run, and the workers are not the main program', async t => {
  ran(t, await runProgram([fixture('program.mjs'), 'a', 'b']), 'a b')
})

test.serial('a CommonJS entry runs, with bare functions and with task(module, fn)', async t => {
  const { code, stdout, stderr } = await runProgram([fixture('program-commonjs.cjs'), 'a'])
  t.is(stdout, '[9,9]\n0 1 4 9\n[9,9]\narguments a\n', stderr)
  t.is(code, 0)
})

test.serial('the entry is found through a symbolic link', async t => {
  const link = join(folder(t), 'link.mjs')
  symlinkSync(fixture('program.mjs'), link)
  ran(t, await runProgram([link]))
})

test.serial('the entry is found by `node .`, through package.json', async t => {
  const cwd = folder(t)
  copyFileSync(fixture('program.mjs'), join(cwd, 'start.mjs'))
  writeFileSync(join(cwd, 'package.json'), '{ "main": "start.mjs" }')
  ran(t, await runProgram(['.'], { cwd }))
})

test.serial('the entry is found by `node .`, through an index file, and without its extension', async t => {
  const cwd = folder(t)
  copyFileSync(fixture('program-commonjs.cjs'), join(cwd, 'index.js'))
  for (const name of ['.', 'index', './index']) {
    const { code, stdout, stderr } = await runProgram([name], { cwd })
    t.is(stdout, '[9,9]\n0 1 4 9\n[9,9]\narguments \n', stderr)
    t.is(code, 0)
  }
})

test.serial('--inspect, in the arguments and in NODE_OPTIONS, does not collide in the workers', async t => {
  for (const args of [['--inspect=0'], ['--inspect-port', '0', '--inspect']]) {
    const ended = await runProgram([...args, fixture('program.mjs')])
    ran(t, ended)
    t.is(ended.stderr.match(/Debugger listening/g)?.length, 1)
  }
  const ended = await runProgram([fixture('program.mjs')], { env: { NODE_OPTIONS: '--inspect=0 --no-warnings' } })
  ran(t, ended)
  t.is(ended.stderr.match(/Debugger listening/g)?.length, 1)
})

test.serial('--watch is for the program, not for its workers', async t => {
  const watched = new Program(['--watch', '--watch-preserve-output', fixture('program.mjs'), 'a'])
  t.teardown(() => watched.child.kill('SIGKILL'))
  await watched.says(/arguments a\n/)
  t.true(watched.stdout.startsWith('[9,9]\n'), watched.stdout)
})

test.serial('a copy of the library without its worker program, as a bundler makes it, says what to do', async t => {
  const path = folder(t)
  cpSync(join(ROOT, 'dist'), join(path, 'dist'), { recursive: true })
  rmSync(join(path, 'dist', 'worker.js'))
  const { Cluster: Bundled } = (await import(pathToFileURL(join(path, 'dist', 'index.mjs')).href)) as {
    Cluster: typeof Cluster
  }
  await t.throwsAsync(Bundled.start(1), { code: 'ERR_TSDSM_UNSUPPORTED', message: /bundled.*external/ })
})

const INLINE = `
import { Cluster } from 'tsdsm'
await Cluster.run(2, async cluster => {
  const ids = await cluster.runProcesses({ module: ${JSON.stringify(pathToFileURL(fixture('tasks.mjs')).href)}, name: 'identity' })
  console.log(ids.map(each => each.id).join(), Cluster.isMain(import.meta.url))
  console.log(await cluster.runProcesses(res => res.id).catch(error => error.name + ': ' + error.message))
})`

/** A program that is no file ran its task, and a bare function was refused with the way out. */
function inlineRan(t: ExecutionContext, { code, stdout, stderr }: Ended): void {
  t.regex(stdout, /^0,1 true\nTaskNotFoundError: .*(-e|standard input).*task\(import\.meta\.url/, stderr)
  t.is(code, 0)
}

test.serial('a cluster starts from -e, and the code is not run again in the workers', async t => {
  inlineRan(t, await runProgram(['--input-type=module', '-e', INLINE]))
  inlineRan(t, await runProgram(['--input-type', 'module', '--eval', INLINE, 'some', 'arguments']))
})

test.serial('a cluster starts from standard input', async t => {
  inlineRan(t, await runProgram(['--input-type=module', '-'], { stdin: INLINE }))
  inlineRan(t, await runProgram(['--input-type=module'], { stdin: INLINE }))
})

test.serial('a cluster starts from -p and from a REPL', async t => {
  const module = JSON.stringify(pathToFileURL(fixture('tasks.mjs')).href)
  const code = `const { Cluster } = require('tsdsm'); const main = Cluster.isMain(module); Cluster.run(1, async c =>
    console.log((await c.runProcesses({ module: ${module}, name: 'identity' })).length, main))`
  const printed = await runProgram(['-p', code])
  t.regex(printed.stdout, /1 true/, printed.stderr)
  const repl = new Program(['-i'], { stdin: `${code.replaceAll('\n', ' ')}\n`, keepStdin: true })
  await repl.says(/1 true/)
  repl.child.stdin?.end()
  t.is((await repl.ended).code, 0)
})

test.serial('tsx programs run, and their workers load TypeScript as main does', async t => {
  const { code, stdout, stderr } = await runProgram([
    '--import',
    'tsx',
    join(ROOT, '__test__', 'fixtures', 'types.mts'),
  ])
  t.is(stdout, '[{"id":0,"text":"typed"},{"id":1,"text":"typed"}]\n', stderr)
  t.is(code, 0)
})

test.serial('programs run by Node’s own type stripping, where it has that', async t => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 6)) {
    t.pass('this Node cannot strip types')
    return
  }
  const { code, stdout, stderr } = await runProgram([
    ...(major === 22 && minor < 18 ? ['--experimental-strip-types'] : []),
    join(ROOT, '__test__', 'fixtures', 'types.mts'),
  ])
  t.is(stdout, '[{"id":0,"text":"typed"},{"id":1,"text":"typed"}]\n', stderr)
  t.is(code, 0)
})

test.serial('a program without Cluster.isMain is no fork bomb, but a clear error', async t => {
  const { stdout } = await runProgram([fixture('program-unguarded.mjs')])
  t.regex(stdout, /^TaskNotFoundError: .*Cluster\.start was called in a worker.*Cluster\.isMain\(import\.meta\.url\)/)
})

test.serial(
  'closures, hidden, bound, ambiguous and missing functions are refused with the way out; nothing runs',
  async t => {
    const { stdout, stderr, code } = await runProgram([fixture('program-refused.mjs')])
    t.is(code, 0, stderr)
    const said = new Map(stdout.split('\n').map(line => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
    t.regex(said.get('closure') ?? '', /^true .*unnamed function.*export the function at the top level.*closure/)
    t.regex(said.get('hidden') ?? '', /^true .*does not export function 'hidden'.*task\(import\.meta\.url, fn\)/)
    t.regex(said.get('hidden task') ?? '', /^true .*does not export function 'hidden'/)
    t.regex(said.get('bound') ?? '', /^true .*bound or native/)
    t.regex(said.get('native') ?? '', /^true .*bound or native/)
    t.regex(said.get('ambiguous') ?? '', /^true .*'first', 'second'.*\{ module: import\.meta\.url, name: '…' \}/)
    t.regex(said.get('no export') ?? '', /^true .*exports no 'nowhere'; it exports .*'shown'/)
    t.regex(said.get('no function') ?? '', /^true .*'notAFunction'.*is number, not a function/)
    t.regex(said.get('no module') ?? '', /^true .*nowhere\.mjs cannot be imported/)
    t.regex(said.get('bad module') ?? '', /^true .*RangeError: this module cannot be imported/)
    t.regex(stdout, /then \[ 0, 1 \] \[ 1, 2 \]\n$/)
  },
)

test.serial('an export under another name is found by its source text', async t => {
  const { stdout, stderr } = await runProgram([fixture('program-renamed.mjs')])
  t.is(stdout, '[ 0, 3 ] [ 0, 5 ]\n', stderr)
})

test.serial('a module and a name are enough, also as a URL, for a default export, and for CommonJS', async t => {
  await using cluster = await Cluster.start(2)
  const run = (name: string, file: string, url = true) => {
    const module = pathToFileURL(fixture(file))
    return cluster.runProcesses({ module: url ? module : module.href, name }) as Promise<unknown[]>
  }
  t.deepEqual(await run('default', 'program.mjs'), [
    [false, true],
    [false, true],
  ])
  cluster.createShared('A', 4)
  const module = pathToFileURL(fixture('program-commonjs.cjs')).href
  t.deepEqual(await cluster.runProcesses({ module, name: 'square' }, [4]), [9, 9])
  t.is((await run('identity', 'tasks.mjs', false)).length, 2)
})

test.serial('under a test runner a bare function is refused, since the entry is the runner’s', async t => {
  await using cluster = await Cluster.start(1)
  await t.throwsAsync(cluster.runProcesses(identity), {
    instanceOf: TaskNotFoundError,
    message: /'identity'.*'ava'.*task\(import\.meta\.url, fn\)/s,
  })
})

test.serial('a file of node:test is not imported as an entry, which would run its tests in the workers', async t => {
  const file = join(folder(t), 'x.test.mjs')
  writeFileSync(
    file,
    `import test from 'node:test'
     import assert from 'node:assert'
     import { Cluster } from 'tsdsm'
     export function own(res) { return res.id }
     test('runs', () => Cluster.run(1, async cluster => {
       await assert.rejects(cluster.runProcesses(own), /node:test/)
       console.log('done')
     }))`,
  )
  for (const args of [['--test', file], [file]]) {
    const { code, stdout, stderr } = await runProgram(args)
    t.is(stdout.match(/done/g)?.length, 1, stdout + stderr)
    t.is(code, 0)
  }
})

test('task() refuses what is no module or no function', t => {
  for (const module of ['./x.js', 'package', '', 5, null, new URL('https://example.org/x.js')]) {
    t.throws(() => task(module as string, identity), { instanceOf: InvalidArgumentError })
  }
  for (const fn of [undefined, null, 'identity', {}]) {
    t.throws(() => task(import.meta.url, fn as never), { instanceOf: InvalidArgumentError })
  }
})
