import test from 'ava'
import {
  BrokenBarrierError,
  ClosedError,
  DeadlockError,
  InvalidArgumentError,
  NotFoundError,
  TaskError,
  TimeoutError,
  WorkerDiedError,
} from 'tsdsm'
import { describe, ref } from './fixtures/sync.mjs'
import { rejection, start } from './helpers/sync.mjs'

for (const n of [2, 3, 8]) {
  test(`rounds of ${n} workers never overlap, and the arrival indices are a permutation`, async t => {
    await using world = await start(n)
    t.is(world.barrier.parties, n)
    t.deepEqual(await world.cluster.runProcesses(ref.rounds, [100]), Array(n).fill([]))
  })
}

test('asynchronous rounds give each party an index of its own', async t => {
  await using world = await start(3)
  t.deepEqual(await world.cluster.runProcesses(ref.roundsAsync, [50]), Array(3).fill([]))
})

const LEAVINGS = { return: 'returned', throw: 'threw', die: 'died' } as const
for (const [what, reason] of Object.entries(LEAVINGS)) {
  test(`a party that leaves the run's barrier waiting (${what}) frees the others and is named`, async t => {
    await using world = await start(3)
    const run = world.cluster.runProcesses(ref.waitUnless, [what as keyof typeof LEAVINGS, false])
    if (what === 'return') await run
    else if (what === 'throw') await t.throwsAsync(run, { instanceOf: TaskError })
    else await t.throwsAsync(run, { instanceOf: WorkerDiedError })
    for (const id of [0, 2]) {
      t.is(await world.noteOf(id), `BrokenBarrierError ${reason} by 1, missing ${what === 'die' ? '' : '1'}`)
    }
    // The next run has a fresh one.
    await world.cluster.runProcesses(ref.waitUnless, ['return', false])
  })
}

test('the death of a party breaks a named barrier until it is reset', async t => {
  await using world = await start(3)
  await t.throwsAsync(world.cluster.runProcesses(ref.waitUnless, ['die', true]), { instanceOf: WorkerDiedError })
  t.regex(await world.noteOf(0), /^BrokenBarrierError died by 1/)
  t.regex(await world.noteOf(2), /^BrokenBarrierError died by 1/)
  t.true(world.barrier.broken)
  t.true((await world.cluster.runProcesses(ref.waitOnce)).every(got => got.startsWith('BrokenBarrierError died by 1')))
  world.barrier.reset()
  t.false(world.barrier.broken)
  t.deepEqual((await world.cluster.runProcesses(ref.waitOnce)).sort(), ['0', '1', '2'])
})

test('a time-out breaks the barrier for all', async t => {
  await using world = await start(2)
  t.deepEqual(await world.cluster.runProcesses(ref.comeLate), [
    'TimeoutError',
    'BrokenBarrierError timeout by 0, missing 1',
  ])
  world.barrier.reset()
  const error = t.throws(() => world.barrier.wait({ timeout: 0 }), { instanceOf: TimeoutError })
  t.is(error?.code, 'ERR_TSDSM_TIMEOUT')
  world.barrier.reset()
  await t.throwsAsync(world.barrier.waitAsync({ timeout: 20 }), { instanceOf: TimeoutError })
  t.true(world.barrier.broken)
})

test('an asynchronous wait does not block the event loop, and main can be a party', async t => {
  await using world = await start(2)
  const barrier = world.cluster.createBarrier('main too', { parties: 1 })
  t.is(await barrier.waitAsync(), 0)
  t.is(barrier.wait(), 0)

  let passed = false
  const waiting = world.barrier.waitAsync().then(index => {
    passed = true
    return index
  })
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setTimeout(resolve, 1))
  t.false(passed)
  // Two parties: main, and whichever worker is first; the other one is alone then.
  const [a, b] = await world.cluster.runProcesses(ref.waitOnce, [500])
  t.is(await waiting, 0)
  t.true((a === '1') !== (b === '1'), `${a} and ${b}`)
})

test('an abort ends an asynchronous wait with its reason, and breaks the barrier for the others', async t => {
  await using world = await start(2)
  const abort = new AbortController()
  const waiting = world.barrier.waitAsync({ signal: abort.signal })
  const reason = new Error('enough')
  abort.abort(reason)
  t.is(await t.throwsAsync(waiting), reason)
  const got = await world.cluster.runProcesses(ref.waitOnce)
  t.true(got.every(text => text.startsWith('BrokenBarrierError timeout by null')))
  world.barrier.reset()
  const aborted = AbortSignal.abort()
  t.is(await rejection(world.barrier.waitAsync({ signal: aborted })), aborted.reason)
  t.false(world.barrier.broken, 'it had not arrived')
})

test('break and reset free whoever waits, and say which it was', async t => {
  await using world = await start(2)
  const broken = t.throwsAsync(world.barrier.waitAsync(), { instanceOf: BrokenBarrierError })
  world.barrier.break()
  const error = await broken
  t.is(describe(error), 'BrokenBarrierError broken by null, missing ')
  t.is(error?.barrierName, 'B')
  t.is(error?.code, 'ERR_TSDSM_BROKEN_BARRIER')
  t.throws(() => world.barrier.wait(), { instanceOf: BrokenBarrierError })

  world.barrier.reset()
  const thrownOut = t.throwsAsync(world.barrier.waitAsync(), { instanceOf: BrokenBarrierError })
  world.barrier.reset()
  t.is((await thrownOut)?.reason, 'reset')
  t.deepEqual((await world.cluster.runProcesses(ref.waitOnce)).sort(), ['0', '1'])
})

test('a thread waits in a barrier once at a time', async t => {
  await using world = await start(2)
  const waiting = world.barrier.waitAsync()
  t.throws(() => world.barrier.wait(), { instanceOf: DeadlockError })
  await t.throwsAsync(world.barrier.waitAsync(), { instanceOf: DeadlockError })
  world.barrier.break()
  await t.throwsAsync(waiting, { instanceOf: BrokenBarrierError })
})

test('process.exit of a party with an asynchronous wait pending frees the others', async t => {
  await using world = await start(2)
  world.cluster.createBarrier('of three', { parties: 3 })
  const error = await t.throwsAsync(world.cluster.runProcesses(ref.exitInBarrier), { instanceOf: WorkerDiedError })
  t.is((error as WorkerDiedError).exitCode, 3)
  t.regex(await world.noteOf(0), /^(BrokenBarrierError|AbortError)/)
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await start(1)
  const barrier = world.cluster.createBarrier('two', { parties: 2 })
  for (const options of [{ timeout: -1 }, { timeout: Number.NaN }, { timeout: '5' }, { tmeout: 5 }, 5]) {
    t.throws(() => barrier.wait(options as object), { instanceOf: InvalidArgumentError })
    await t.throwsAsync(barrier.waitAsync(options as object), { instanceOf: InvalidArgumentError })
  }
  await t.throwsAsync(barrier.waitAsync({ signal: 1 as never }), { instanceOf: InvalidArgumentError })
  t.false(barrier.broken)
  for (const parties of [0, -1, 1.5, Number.NaN, '2', 1e9]) {
    t.throws(() => world.cluster.createBarrier('odd', { parties: parties as number }), {
      instanceOf: InvalidArgumentError,
    })
  }
  t.throws(() => world.cluster.getBarrier('nowhere'), { instanceOf: NotFoundError })
})

test('a barrier of a closed cluster says so, and a pending wait rejects', async t => {
  const world = await start(2)
  const pending = t.throwsAsync(world.barrier.waitAsync(), { instanceOf: ClosedError })
  await world.cluster.close()
  await pending
  for (const use of [
    () => world.barrier.wait(),
    () => world.barrier.broken,
    () => world.barrier.parties,
    () => world.barrier.break(),
    () => world.barrier.reset(),
  ]) {
    t.throws(use, { instanceOf: ClosedError })
  }
})
