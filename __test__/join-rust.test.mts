// A program in Rust, without Node, joins a cluster of this one: crates/core/examples/join.rs.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { BrokenBarrierError, Cluster } from 'tsdsm'
import { freshName, Program, ROOT } from './helpers/process.mjs'
import { rejection } from './helpers/sync.mjs'

const PROGRAM = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'debug/examples/join')

// As `cargo test --workspace` has built it, where that was run before.
test.before(async () => {
  const cargo = ['build', '--quiet', '--locked', '--workspace', '--example', 'join']
  await promisify(execFile)('cargo', cargo, { cwd: ROOT })
})

/** A cluster with what the example uses, and the example, which joins it. */
async function start(t: ExecutionContext, parties = 2) {
  const cluster = await Cluster.start(1, { name: freshName('rust') })
  t.teardown(() => cluster.close())
  const squares = cluster.createShared('squares', 1000, 'float64')
  const step = cluster.createBarrier('step', { parties })
  const lock = cluster.createLock('ledger')
  const program = new Program([cluster.name], { command: PROGRAM })
  t.teardown(() => program.child.kill('SIGKILL'))
  return { cluster, squares, step, lock, program }
}

test.serial('a Rust program waits at the barrier of a cluster, fills an array, and takes the lock in turn', async t => {
  const { cluster, squares, step, lock, program } = await start(t)
  await lock.acquireAsync()
  await step.waitAsync()
  await step.waitAsync()
  t.deepEqual([...squares.subarray(0, 4), squares[999]], [0, 1, 4, 9, 998_001])
  t.is(program.stdout, '', 'it waits for the lock')
  lock.release()
  const { code, stdout, stderr } = await program.ended
  t.deepEqual([code, stderr], [0, ''])
  t.is(stdout, `filled 1000 elements of '${cluster.name}', beside 1 workers\n`)
  t.false(lock.poisoned)
})

test.serial('a Rust program that is killed breaks the barrier that it is a member of, and nothing else', async t => {
  const { cluster, step, lock, program } = await start(t, 3)
  using third = Cluster.join(cluster.name)
  await Promise.all([step.waitAsync(), third.getBarrier('step').waitAsync()])
  // The third does not come again: nobody passes before the death is known.
  const told = rejection(step.waitAsync())
  program.child.kill('SIGKILL')
  t.true((await told) instanceof BrokenBarrierError)
  await lock.withLockAsync(() => {})
})

test.serial('a Rust program that waits gets an error when main closes the cluster', async t => {
  const { cluster, step, program } = await start(t)
  await step.waitAsync()
  await cluster.close()
  const { code, stderr } = await program.ended
  t.is(code, 1)
  t.regex(stderr, /^ERR_TSDSM_CLOSED: cluster '.*', whose main process has ended, is closed\n$/)
})
