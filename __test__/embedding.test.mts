// An addon of somebody else's works on shared arrays as the thread that calls it, beside addons of other versions.
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { Cluster, OwnerDiedError, SharedArray, type TaskFunction, task, WorkerDiedError } from 'tsdsm'
import * as tasks from './fixtures/embedding.mjs'
import { addon, codeOf } from './fixtures/embedding.mjs'
import { freshName, ROOT, segmentsOf } from './helpers/process.mjs'

const run = promisify(execFile)
const here = new URL('fixtures/embedding.mjs', import.meta.url)
const of = <P extends unknown[], R>(fn: TaskFunction<P, R>) => task(here, fn)

/** The commands of the README's section, with this very Node. */
async function commands(): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const [, block] = readme.match(/^## Embedding\n.*?^```sh\n(.*?)^```$/ms) as RegExpMatchArray
  return block
}

let said = ''
test.before('the commands of the README build and run the example', async t => {
  t.timeout(600_000)
  const PATH = `${dirname(process.execPath)}:${process.env.PATH}`
  const { stdout } = await run('bash', ['-ec', await commands()], { cwd: ROOT, env: { ...process.env, PATH } })
  said = stdout
})

test('the example blurs in Rust what workers have painted in TypeScript', t => {
  t.regex(said, /^light painted in TypeScript: 285978$/m)
  t.regex(
    said,
    /^light after two blurs in Rust: 285963\.703125, of which 142555\.96875 and 143407\.734375 by each worker$/m,
  )
  t.regex(said, /^light of both, counted under the lock: 571934\.328125$/m)
})

// The same on every Node.
const once = process.versions.node.startsWith('20.') ? test : test.skip
once('the example fits the types that its build has made', async t => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  await t.notThrowsAsync(run(process.execPath, [tsc, '-p', 'examples/embedding'], { cwd: ROOT }))
})

test("the binding's functions and types are a part of the addon", async t => {
  const types = await readFile(join(ROOT, 'examples/embedding/index.d.ts'), 'utf8')
  for (const name of ['blur', 'withLock', 'segmentsList', 'waitSlice', 'kernelRun']) {
    t.true(types.includes(`export declare function ${name}(`), name)
  }
  for (const name of ['ParticipantHandle', 'ArrayHandle', 'SegmentInfo']) {
    t.true(types.includes(`export interface ${name} {`), name)
  }
  await using cluster = await Cluster.start(1, { name: freshName('embedded') })
  t.true(
    addon()
      .segmentsList()
      .some(found => found.cluster === cluster.name && !found.stale),
  )
})

test('Rust computes on what TypeScript has made, and TypeScript finds what Rust has made', async t => {
  await using cluster = await Cluster.start(2)
  const [rows, columns] = [37, 23]
  const image = cluster.createShared('image', [rows, columns], 'float32')
  cluster.createShared('total', 1, 'float64')
  for (let i = 0; i < image.length; i++) image[i] = Math.sin(i) * 100
  const shares = await cluster.runProcesses(of(tasks.blurAll), [image, 'blurred'])
  const blurred = cluster.getShared('blurred', 'float32')
  const round = Math.fround
  const expected = new Float32Array(image)
  for (let y = 1; y < rows - 1; y++) {
    for (let x = 1; x < columns - 1; x++) {
      const at = y * columns + x
      let sum = round(image[at] * 0.5)
      for (const other of [at - columns, at + columns, at - 1, at + 1]) sum = round(sum + round(image[other] * 0.125))
      expected[at] = sum
    }
  }
  t.deepEqual(Array.from(blurred), Array.from(expected))
  t.true(Math.abs(shares[0] + shares[1] - cluster.getShared('total', 'float64')[0]) < 1e-9)
  // A view with strides of its own is one, too.
  await cluster.runProcesses(of(tasks.blurAll), [image.transpose(), 'turned'])
  const turned = cluster.getShared('turned', 'float32')
  t.deepEqual([turned.item(5, 30), turned.shape], [turned.row(5)[30], [columns, rows]])
})

test("TypeScript and Rust exclude each other from the cluster's lock", async t => {
  await using cluster = await Cluster.start(2)
  cluster.createLock('ledger')
  const total = cluster.createShared('total', 1, 'float64')
  await cluster.runProcesses(of(tasks.deposit), [1000])
  t.is(total[0], 4000)
})

test('a thread that would wait for itself is told, whichever language holds the lock', async t => {
  await using cluster = await Cluster.start(1)
  cluster.createLock('ledger')
  const [seen] = await cluster.runProcesses(of(tasks.standInOnesOwnWay))
  const [deadlock, notOwner] = ['ERR_TSDSM_DEADLOCK', 'ERR_TSDSM_NOT_OWNER']
  t.deepEqual(seen, [deadlock, notOwner, deadlock, deadlock, 'MINE', 'nothing'])
})

test('the death of a worker that holds the lock in Rust is an answer in both languages', async t => {
  await using cluster = await Cluster.start(2)
  cluster.createLock('ledger')
  await t.throwsAsync(cluster.runProcesses(of(tasks.dieInside)), { instanceOf: WorkerDiedError })
  const lock = cluster.getLock('ledger')
  const { workerId } = (await t.throwsAsync(lock.acquireAsync(), { instanceOf: OwnerDiedError })).details
  t.is(workerId, 1)
  const died = 'ERR_TSDSM_OWNER_DIED'
  t.deepEqual(await cluster.runProcesses(of(tasks.find)), [
    [died, died],
    [died, died],
  ])
})

test("a worker that waits in the run's barrier in Rust is told when another leaves", async t => {
  await using cluster = await Cluster.start(2)
  const image = cluster.createShared('image', [8, 8], 'float32')
  cluster.createShared('total', 1, 'float64')
  t.deepEqual(await cluster.runProcesses(of(tasks.leaveTheOther), [image]), ['ERR_TSDSM_BROKEN_BARRIER', 'gone'])
})

test('handles that are of another run, thread, cluster or version are refused', async t => {
  const cluster = await Cluster.start(1)
  cluster.createLock('ledger')
  const image = cluster.createShared('image', [8, 8], 'float32')
  const total = cluster.createShared('total', 1, 'float64')
  await cluster.runProcesses(of(tasks.keepHandle))
  t.deepEqual(await cluster.runProcesses(of(tasks.useKeptHandle), [image]), ['ERR_TSDSM_CLOSED'])
  t.deepEqual(await cluster.runProcesses(of(tasks.onAnotherThread)), ['ERR_TSDSM_INVALID_ARGUMENT'])

  const me = cluster.handle()
  const withLock = (change: object) => codeOf(() => addon().withLock({ ...me, ...change }, 'ledger', () => {}))
  t.is(withLock({}), 'nothing')
  t.is(withLock({ abi: me.abi + 1 }), 'ERR_TSDSM_INCOMPATIBLE_SEGMENT')
  t.is(withLock({ uuid: '0'.repeat(32) }), 'ERR_TSDSM_CLOSED')
  t.is(withLock({ participant: 1 }), 'ERR_TSDSM_CLOSED')
  t.is(withLock({ cluster: 'a/b' }), 'ERR_TSDSM_INVALID_ARGUMENT')
  const blur = (change: object) =>
    codeOf(() => addon().blur(me, { ...image.handle(), ...change }, 'out', total.handle()))
  t.is(blur({ tsdsm: 2 }), 'ERR_TSDSM_INVALID_ARGUMENT')
  t.is(blur({ offset: 1 }), 'ERR_TSDSM_INVALID_ARGUMENT')
  t.is(blur({ shape: [8.5, 8] }), 'ERR_TSDSM_INVALID_ARGUMENT')
  t.is(blur({ dtype: 'complex64' }), 'ERR_TSDSM_INVALID_ARGUMENT')
  t.is(blur({ id: '1:1' }), 'ERR_TSDSM_INCOMPATIBLE_SEGMENT')
  t.is(blur({ segment: 'tsdsm.none.A' }), 'ERR_TSDSM_NOT_FOUND')
  await cluster.close()
  t.is(withLock({}), 'ERR_TSDSM_CLOSED')
})

interface OtherVersion {
  abi(): number
  start(name: string): void
  add(value: number): number
  close(): void
  join(name: string): void
  adopt(cluster: string, uuid: string, abi: number, participant: number, run: number): void
}

/** Not what is there already: cargo goes by the time. */
async function write(file: string, text: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => '')) !== text) await writeFile(file, text)
}

/** An addon with a core whose layout has another version, as a later release may have it. */
async function buildOtherVersion(): Promise<OtherVersion> {
  const folder = join(ROOT, 'build/other-version')
  const workspace = (await readFile(join(ROOT, 'Cargo.toml'), 'utf8')).replace(
    /^members = .*$/m,
    'members = ["core", "addon"]',
  )
  const layout = 'crates/core/src/layout.rs'
  const source = await readFile(join(ROOT, layout), 'utf8')
  await mkdir(join(folder, 'core/src'), { recursive: true })
  await write(join(folder, 'Cargo.toml'), workspace.replace('"crates/core"', '"core"'))
  await write(join(folder, 'core/src/layout.rs'), source.replace('pub const ABI: u32 = 1;', 'pub const ABI: u32 = 2;'))
  const copy = { recursive: true, preserveTimestamps: true, filter: (from: string) => !from.endsWith(layout) }
  await cp(join(ROOT, 'Cargo.lock'), join(folder, 'Cargo.lock'), copy)
  await cp(join(ROOT, '__test__/fixtures/other-version'), join(folder, 'addon'), copy)
  await cp(join(ROOT, 'crates/core'), join(folder, 'core'), copy)
  const target = join(ROOT, 'target')
  await run('cargo', ['build', '--quiet', '--package', 'other-version', '--target-dir', target], { cwd: folder })
  const file = join(folder, `other-version-${process.pid}.node`)
  await cp(join(target, 'debug/libother_version.so'), file)
  return createRequire(import.meta.url)(file)
}

test('two versions in one process do not disturb each other', async t => {
  t.timeout(600_000)
  const other = await buildOtherVersion()
  await using cluster = await Cluster.start(1, { name: freshName('this-version') })
  t.deepEqual([cluster.handle().abi, other.abi()], [1, 2])
  cluster.createLock('ledger')
  const ours = cluster.createShared('A', 1, 'float64')
  const theirs = freshName('other-version')
  other.start(theirs)

  // Each works on its own, under the same names.
  for (let i = 1; i <= 3; i++) {
    addon().withLock(cluster.handle(), 'ledger', () => {
      ours[0] += 1
    })
    t.deepEqual([ours[0], other.add(10)], [i, 10 * i])
  }
  // An array's file has no version: it is NumPy's format.
  const array = SharedArray.attach(`tsdsm.${theirs}.A`)
  t.is(array[0], 30)
  array.close()

  // What is of the other version is refused by name, in both directions.
  const refused = { message: /ERR_TSDSM_INCOMPATIBLE_SEGMENT.*layout version is 1, this program's is 2/ }
  const { cluster: name, uuid, abi, participant, run } = cluster.handle()
  t.throws(() => other.join(name), refused)
  t.throws(() => other.adopt(name, uuid, abi, participant, run), refused)
  const foreign = { ...cluster.handle(), cluster: theirs }
  t.is(
    codeOf(() => addon().withLock(foreign, 'ledger', () => {})),
    'ERR_TSDSM_INCOMPATIBLE_SEGMENT',
  )

  // Nobody takes the other's segments for rubbish.
  t.deepEqual(
    Cluster.prune().filter(segment => segment.includes(theirs)),
    [],
  )
  t.deepEqual([other.add(0), segmentsOf(theirs).length], [30, 2])
  other.close()
  t.deepEqual(segmentsOf(theirs), [])
  t.is(ours[0], 3)
})
