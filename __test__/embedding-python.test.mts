// Python programs, with NumPy, take part in a cluster of Node processes.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { BrokenBarrierError, Cluster, OwnerDiedError } from 'tsdsm'
import { freshName, Program, ROOT, segmentsOf } from './helpers/process.mjs'

const PYTHON = join(ROOT, '.cache/venv/bin/python')
const JOINER = join(ROOT, '__test__/fixtures/joiner.py')
const env = { PYTHONPATH: join(ROOT, 'python'), TSDSM_LIBRARY: join(ROOT, 'target/debug/libtsdsm.so') }

/** Only to keep a broken promise from hanging the tests. */
const LIMIT = { timeout: 60_000 }

test.before('the C library is built', async t => {
  t.timeout(600_000)
  await promisify(execFile)('cargo', ['build', '--quiet', '--locked', '--package', 'tsdsm-c'], { cwd: ROOT })
})

/** A cluster without work for its worker, whose lock and barrier Python programs take part in. */
async function start(t: ExecutionContext) {
  const cluster = await Cluster.start(1, { name: freshName('python') })
  t.teardown(() => cluster.close())
  const a = cluster.createShared('A', [3, 4], 'float64')
  const lock = cluster.createLock('ledger')
  const barrier = cluster.createBarrier('both', { parties: 2 })
  const run = (what: string) => new Program([JOINER, what, cluster.name], { command: PYTHON, env })
  return { cluster, a, lock, barrier, run }
}

test('Python has the same arrays, lock and barrier', async t => {
  const { cluster, a, lock, barrier, run } = await start(t)
  const python = run('work')
  await lock.withLockAsync(() => a.fill(10))
  const index = await barrier.waitAsync(LIMIT)
  const { code, stdout, stderr } = await python.ended
  t.deepEqual([code, stderr], [0, ''])
  t.deepEqual(stdout.split('\n'), [`arrives as ${1 - index}`, 'lock: ClosedError ERR_TSDSM_CLOSED', ''])
  // Before or after the 10s were written: both under the lock, so all elements tell the same.
  t.true(a.every(value => value === a[0]) && (a[0] === 10 || a[0] === 11))
  const p = cluster.getShared('P', 'float32')
  t.deepEqual(
    [p.shape, p.toNested()],
    [
      [2, 3],
      [
        [0, 0, 0],
        [1.5, 0, 2.5],
      ],
    ],
  )
})

test('Python gets typed errors, on other threads and after a fork, too', async t => {
  const { run } = await start(t)
  const { code, stdout, stderr } = await run('refuse').ended
  t.deepEqual([code, stderr], [0, ''])
  t.deepEqual(stdout.trim().split('\n'), [
    'NotFoundError ERR_TSDSM_NOT_FOUND',
    'InvalidArgumentError ERR_TSDSM_INVALID_ARGUMENT',
    'NotFoundError ERR_TSDSM_NOT_FOUND',
    'InvalidArgumentError ERR_TSDSM_INVALID_ARGUMENT',
    'InvalidArgumentError ERR_TSDSM_INVALID_ARGUMENT',
    'NameExistsError ERR_TSDSM_NAME_EXISTS',
    'NameExistsError ERR_TSDSM_NAME_EXISTS',
    'NotOwnerError ERR_TSDSM_NOT_OWNER',
    'DeadlockError ERR_TSDSM_DEADLOCK',
    'NotOwnerError ERR_TSDSM_NOT_OWNER',
    'TimeoutError ERR_TSDSM_TIMEOUT',
    'BrokenBarrierError ERR_TSDSM_BROKEN_BARRIER',
    'nothing',
    'thread: InvalidArgumentError ERR_TSDSM_INVALID_ARGUMENT',
    'fork: UnsupportedError ERR_TSDSM_UNSUPPORTED',
    'parent: holds it',
  ])
})

test('a Python program that is killed holding the lock leaves an answer', async t => {
  const { lock, run } = await start(t)
  const python = run('hold')
  await python.says(/ready/)
  const waiting = lock.acquireAsync(LIMIT)
  python.child.kill('SIGKILL')
  await t.throwsAsync(waiting, { instanceOf: OwnerDiedError })
  t.true(await lock.acquireAsync({ recover: true, ...LIMIT }))
  lock.clearPoison()
  lock.release()
  t.is((await run('die').ended).code, 1)
  await t.throwsAsync(lock.acquireAsync(LIMIT), { instanceOf: OwnerDiedError }, 'so does an exception')
})

test('a Python program that is killed breaks the barrier that it belongs to', async t => {
  const { barrier, run } = await start(t)
  const python = run('party')
  await barrier.waitAsync(LIMIT)
  await python.says(/ready/)
  const waiting = barrier.waitAsync(LIMIT)
  python.child.kill('SIGKILL')
  await t.throwsAsync(waiting, { instanceOf: BrokenBarrierError })
})

test('Ctrl-C ends a wait of Python, which then goes on', async t => {
  const { lock, run } = await start(t)
  await lock.acquireAsync(LIMIT)
  const python = run('interrupted')
  await python.says(/ready/)
  // The handler may be called before the wait has begun: then that is where the exception comes from.
  python.child.kill('SIGINT')
  await python.says(/interrupted/)
  lock.release()
  await python.says(/and has it/)
  t.is((await python.ended).code, 0)
})

test("main's end is an error in Python, and not its end", async t => {
  const { cluster, a, run } = await start(t)
  a[0] = 7
  const python = run('outlive')
  await python.says(/ready/)
  await cluster.close()
  const { code, stdout } = await python.ended
  t.is(code, 0)
  t.deepEqual(stdout.trim().split('\n').slice(1), [
    'ClosedError ERR_TSDSM_CLOSED',
    'True ClosedError ERR_TSDSM_CLOSED 7.0',
  ])
})

test('the programs of the documentation run: with the module, and with NumPy alone', async t => {
  const docs = await readFile(join(ROOT, 'docs/embedding.md'), 'utf8')
  const programs = [...docs.matchAll(/^```python\n(.*?)^```$/gms)].map(match => match[1])
  t.is(programs.length, 2)
  const { cluster } = await start(t)
  const field = cluster.createShared('field', [4], 'float64')
  cluster.createBarrier('step', { parties: 1 })
  for (const [nth, program] of programs.entries()) {
    const source = program.replaceAll('simulation', cluster.name)
    const { code, stderr } = await new Program(['-c', source], { command: PYTHON, env }).ended
    t.deepEqual([code, stderr], [0, ''])
    t.is(field[0], nth + 1)
  }
  t.true(segmentsOf(cluster.name).includes(`tsdsm.${cluster.name}.field`), 'Python has taken nothing away')
})
