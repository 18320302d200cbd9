import test from 'ava'
import {
  ClosedError,
  DeadlockError,
  InvalidArgumentError,
  type Lock,
  NotOwnerError,
  OwnerDiedError,
  TimeoutError,
  WorkerDiedError,
} from 'tsdsm'
import { ref } from './fixtures/sync.mjs'
import { fixture, freshName, runProgram, segmentsOf, until } from './helpers/process.mjs'
import { rejection, start } from './helpers/sync.mjs'

for (const n of [2, 8]) {
  test(`a count under the lock is exact over ${n} workers`, async t => {
    await using world = await start(n)
    await world.cluster.runProcesses(ref.count, [5000])
    t.is(world.counter[0], n * 5000)
    t.false(world.lock.held)
  })
}

test('blocking and asynchronous sections of several threads exclude each other', async t => {
  await using world = await start(3)
  await world.cluster.runProcesses(ref.countAsync, [300])
  t.is(world.counter[0], 3 * 3 * 300)
})

test('a fair lock is given in the order in which it was asked for, and nobody overtakes', async t => {
  await using world = await start(4)
  const lock = world.cluster.createLock('F', { fair: true })
  t.true(lock.fair)
  t.false(world.lock.fair)
  t.is(world.lock.waiting, null)
  const turns = [2, 0, 3, 1]
  for (let round = 0; round < 5; round++) {
    world.flags.fill(0)
    lock.acquire()
    const run = world.cluster.runProcesses(ref.queueUp, [turns])
    for (const place of turns.keys()) {
      Atomics.store(world.flags, 0, place + 1)
      await until(() => lock.waiting === place + 1, `${place + 1} wait`)
    }
    t.false(lock.tryAcquire())
    lock.release()
    // This thread asks last: what it had a moment ago is for those who wait.
    await lock.acquireAsync()
    t.is(lock.waiting, 0)
    lock.release()
    await run
    t.deepEqual(Array.from(world.cluster.getShared('at')), turns)
    turns.reverse()
  }
})

test('the death of one that waits for a fair lock, or an abort, lets the next in', async t => {
  await using world = await start(2)
  const lock = world.cluster.createLock('F', { fair: true })
  lock.acquire()
  const run = rejection(world.cluster.runProcesses(ref.queueUp, [[1, 7]]))
  Atomics.store(world.flags, 0, 1)
  await until(() => lock.waiting === 1, 'worker 1 waits')
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  await until(() => lock.waiting === 0, 'its ticket is gone')
  lock.release()
  t.true(lock.tryAcquire(), 'a death without the lock poisons nothing')

  const abort = new AbortController()
  const first = lock.acquireAsync({ signal: abort.signal })
  const second = lock.acquireAsync()
  abort.abort()
  t.is(await rejection(first), abort.signal.reason)
  lock.release()
  await second
  lock.release()
})

test('main and the workers share one lock', async t => {
  await using world = await start(2)
  const run = world.cluster.runProcesses(ref.count, [2000])
  for (let i = 0; i < 500; i++) {
    await world.lock.acquireAsync()
    world.counter[0] += 1
    world.lock.release()
  }
  await run
  t.is(world.counter[0], 2 * 2000 + 500)
})

test('the death of the holder is an OwnerDiedError that names it, and recover takes the lock over', async t => {
  await using world = await start(3)
  const run = t.throwsAsync(world.cluster.runProcesses(ref.dieHolding), { instanceOf: WorkerDiedError })
  await world.raised(1, 2)
  await until(() => lockHasWaiters(world.lock), 'somebody waits for the lock')
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  t.is(await world.noteOf(0), 'OwnerDiedError 1')
  t.is(await world.noteOf(2), 'OwnerDiedError 1')

  t.true(world.lock.poisoned)
  const error = t.throws(() => world.lock.acquire(), { instanceOf: OwnerDiedError, code: 'ERR_TSDSM_OWNER_DIED' })
  t.is(error?.workerId, 1)
  t.is(error?.lockName, 'L')
  t.false(world.lock.held)
  t.throws(() => world.lock.tryAcquire(), { instanceOf: OwnerDiedError })
  await t.throwsAsync(world.lock.acquireAsync(), { instanceOf: OwnerDiedError })
  t.throws(() => world.lock.withLock(() => t.fail('it must not run')), { instanceOf: OwnerDiedError })

  t.true(world.lock.acquire({ recover: true }))
  world.lock.release()
  t.throws(() => world.lock.acquire(), { instanceOf: OwnerDiedError }, 'nobody has cleared it')
  t.deepEqual((await world.cluster.runProcesses(ref.tryLock))[0], 'OwnerDiedError 1')
  t.true(await world.lock.acquireAsync({ recover: true }))
  world.lock.clearPoison()
  world.lock.release()
  t.false(world.lock.poisoned)
  t.false(world.lock.acquire({ recover: true }), 'nothing to recover')
  world.lock.release()
})

/** Whether somebody may be asleep in front of the lock: it is not to be had, and says so in time. */
function lockHasWaiters(lock: Lock): boolean {
  return !lock.tryAcquire()
}

test('a timeout ends a wait, and the lock is as it was', async t => {
  await using world = await start(1)
  const run = world.cluster.runProcesses(ref.hold)
  await world.raised(0, 1)
  for (const timeout of [0, 30]) {
    const begin = performance.now()
    const error = t.throws(() => world.lock.acquire({ timeout }), { instanceOf: TimeoutError })
    t.is(error?.code, 'ERR_TSDSM_TIMEOUT')
    // Timers may fire within the millisecond before.
    t.true(performance.now() - begin >= timeout - 1)
    await t.throwsAsync(world.lock.acquireAsync({ timeout }), { instanceOf: TimeoutError })
  }
  t.false(world.lock.tryAcquire())
  Atomics.store(world.flags, 1, 1)
  await run
  t.true(world.lock.tryAcquire())
  world.lock.release()
})

test('an asynchronous acquire does not block the event loop', async t => {
  await using world = await start(1)
  const run = world.cluster.runProcesses(ref.hold)
  await world.raised(0, 1)
  let got = false
  const acquired = world.lock.acquireAsync().then(() => {
    got = true
  })
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setTimeout(resolve, 1))
  t.false(got)
  Atomics.store(world.flags, 1, 1)
  await acquired
  t.true(world.lock.held)
  world.lock.release()
  await run
})

test('an abort ends an asynchronous acquire with its reason, and the lock is not taken later', async t => {
  await using world = await start(1)
  const run = world.cluster.runProcesses(ref.hold)
  await world.raised(0, 1)
  const abort = new AbortController()
  const waiting = world.lock.acquireAsync({ signal: abort.signal })
  const behind = world.lock.acquireAsync()
  const reason = new Error('changed my mind')
  abort.abort(reason)
  t.is(await t.throwsAsync(waiting), reason)
  const aborted = AbortSignal.abort()
  t.is(await rejection(world.lock.acquireAsync({ signal: aborted })), aborted.reason)
  Atomics.store(world.flags, 1, 1)
  await behind
  await run
  t.true(world.lock.held)
  world.lock.release()
  t.deepEqual(await world.cluster.runProcesses(ref.tryLock), ['true'])
})

test('asynchronous acquires of one thread are served in their order, also while it holds the lock', async t => {
  await using world = await start(1)
  const order: number[] = []
  world.lock.acquire()
  const waiting = [0, 1, 2, 3].map(async i => {
    await world.lock.acquireAsync()
    order.push(i)
    await new Promise(resolve => setImmediate(resolve))
    world.lock.release()
  })
  await new Promise(resolve => setImmediate(resolve))
  t.deepEqual(order, [])
  world.lock.release()
  await Promise.all(waiting)
  t.deepEqual(order, [0, 1, 2, 3])
})

test('one that gives up in the queue does not hold up those behind it', async t => {
  await using world = await start(1)
  world.lock.acquire()
  const abort = new AbortController()
  const first = world.lock.acquireAsync({ signal: abort.signal })
  const second = world.lock.acquireAsync({ timeout: 1 })
  const third = world.lock.acquireAsync()
  abort.abort()
  t.is(await rejection(first), abort.signal.reason)
  await t.throwsAsync(second, { instanceOf: TimeoutError })
  world.lock.release()
  await third
  world.lock.release()
})

test('a second acquire by the holder is a DeadlockError, also where an asynchronous section holds', async t => {
  await using world = await start(1)
  world.lock.acquire()
  t.throws(() => world.lock.acquire(), { instanceOf: DeadlockError, code: 'ERR_TSDSM_DEADLOCK' })
  t.throws(() => world.lock.acquire({ timeout: 10 }), { instanceOf: DeadlockError })
  t.false(world.lock.tryAcquire())
  t.true(world.lock.held)
  world.lock.release()

  const section = world.lock.withLockAsync(async () => {
    t.throws(() => world.lock.acquire(), { instanceOf: DeadlockError })
    await new Promise(resolve => setImmediate(resolve))
  })
  await new Promise(resolve => setImmediate(resolve))
  t.throws(() => world.lock.acquire(), { instanceOf: DeadlockError })
  await section
  world.lock.acquire()
  world.lock.release()
})

test('a blocking acquire behind an asynchronous one of the same thread is a DeadlockError, not a hang', async t => {
  await using world = await start(1)
  const run = world.cluster.runProcesses(ref.hold)
  await world.raised(0, 1)
  const waiting = world.lock.acquireAsync()
  t.throws(() => world.lock.acquire(), { instanceOf: DeadlockError, message: /asynchronously/ })
  Atomics.store(world.flags, 1, 1)
  await waiting
  world.lock.release()
  await run
})

test('what is not held cannot be released or cleared', async t => {
  await using world = await start(1)
  t.throws(() => world.lock.release(), { instanceOf: NotOwnerError, code: 'ERR_TSDSM_NOT_OWNER' })
  t.throws(() => world.lock.clearPoison(), { instanceOf: NotOwnerError })
  const run = world.cluster.runProcesses(ref.hold)
  await world.raised(0, 1)
  t.throws(() => world.lock.release(), { instanceOf: NotOwnerError }, 'a worker holds it')
  Atomics.store(world.flags, 1, 1)
  await run
})

test('withLock and guards give the lock back, whatever happens inside', async t => {
  await using world = await start(1)
  const { lock } = world
  t.is(
    lock.withLock(() => {
      t.true(lock.held)
      return 7
    }),
    7,
  )
  t.false(lock.held)
  t.throws(
    () =>
      lock.withLock(() => {
        throw new RangeError('inside')
      }),
    { instanceOf: RangeError },
  )
  t.false(lock.held)

  const later = lock.withLock(async () => {
    await new Promise(resolve => setImmediate(resolve))
    t.true(lock.held)
    return 8
  })
  t.true(lock.held, 'until the promise settles')
  t.is(await later, 8)
  t.false(lock.held)
  await t.throwsAsync(
    lock.withLockAsync(async () => {
      throw new RangeError('inside')
    }),
    { instanceOf: RangeError },
  )
  t.false(lock.held)

  {
    using guard = lock.guard()
    t.false(guard.recovered)
    t.true(lock.held)
  }
  t.false(lock.held)
  {
    using guard = await lock.guardAsync()
    guard.release()
    t.false(lock.held)
  }
  lock.apply()
  lock.release()
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await start(1)
  const { lock } = world
  for (const options of [
    { timeout: -1 },
    { timeout: Number.NaN },
    { timeout: '5' },
    { recover: 1 },
    { tmeout: 5 },
    5,
  ]) {
    const wrong = options as object
    t.throws(() => lock.acquire(wrong), { instanceOf: InvalidArgumentError })
    t.throws(() => lock.withLock(() => t.fail(), wrong), { instanceOf: InvalidArgumentError })
    t.throws(() => lock.guard(wrong), { instanceOf: InvalidArgumentError })
    await t.throwsAsync(lock.acquireAsync(wrong), { instanceOf: InvalidArgumentError })
  }
  t.throws(() => lock.tryAcquire({ timeout: 5 } as object), { instanceOf: InvalidArgumentError })
  t.throws(() => lock.acquire({ signal: AbortSignal.abort() } as object), { instanceOf: InvalidArgumentError })
  await t.throwsAsync(lock.acquireAsync({ signal: {} as AbortSignal }), { instanceOf: InvalidArgumentError })
  t.throws(() => lock.withLock(3 as never), { instanceOf: InvalidArgumentError })
  for (const options of [{ fair: 1 }, { fare: true }, true]) {
    t.throws(() => world.cluster.createLock('odd', options as never), { instanceOf: InvalidArgumentError })
  }
  t.false(lock.held)
  lock.acquire({ timeout: Number.POSITIVE_INFINITY })
  lock.release()
})

test('a lock of a closed cluster says so, and pending acquires reject', async t => {
  const world = await start(1)
  world.lock.acquire()
  const pending = t.throwsAsync(world.lock.acquireAsync(), { instanceOf: ClosedError })
  await world.cluster.close()
  await pending
  const { lock } = world
  for (const use of [
    () => lock.acquire(),
    () => lock.tryAcquire(),
    () => lock.release(),
    () => lock.clearPoison(),
    () => lock.held,
    () => lock.poisoned,
    () => lock.fair,
    () => lock.waiting,
  ]) {
    t.throws(use, { instanceOf: ClosedError })
  }
  await t.throwsAsync(lock.acquireAsync(), { instanceOf: ClosedError })
})

test('a run that is called off frees the workers that block in a lock', async t => {
  await using world = await start(2, { grace: 60_000 })
  await world.lock.acquireAsync()
  const abort = new AbortController()
  const pids = world.cluster.workers.map(worker => worker.pid)
  const run = rejection(world.cluster.runProcesses(ref.blockInLock, [], { signal: abort.signal }))
  await world.raised(0, 2)
  abort.abort()
  t.is(await run, abort.signal.reason)
  t.is(await world.noteOf(0), 'AbortError')
  t.is(await world.noteOf(1), 'AbortError')
  t.deepEqual(
    world.cluster.workers.map(worker => worker.pid),
    pids,
    'nobody had to be killed',
  )
  world.lock.release()
})

test('a run that is called off frees the tasks that await a lock', async t => {
  await using world = await start(2, { grace: 60_000 })
  await world.lock.acquireAsync()
  const abort = new AbortController()
  const run = rejection(world.cluster.runProcesses(ref.waitInLockAsync, [], { signal: abort.signal }))
  await world.raised(0, 2)
  abort.abort()
  t.is(await run, abort.signal.reason)
  world.lock.release()
})

test('an acquire that a task leaves behind does not reach into the next run', async t => {
  await using world = await start(2)
  await world.cluster.runProcesses(ref.leaveWaiting)
  world.flags.fill(0)
  t.deepEqual(await world.cluster.runProcesses(ref.leaveWaiting), ['left', 'undefined'])
})

test('workers that block in a lock end with the cluster', async t => {
  const name = freshName('blocked')
  const world = await start(2, { name })
  await world.lock.acquireAsync()
  const run = t.throwsAsync(world.cluster.runProcesses(ref.blockInLock), { instanceOf: ClosedError })
  await world.raised(0, 2)
  await world.cluster.close()
  await run
  t.deepEqual(segmentsOf(name), [])
})

test('process.exit with an asynchronous acquire pending ends the program at once, and leaves nothing', async t => {
  const name = freshName('exit')
  const ended = await runProgram([fixture('exit-waiting.mjs'), name])
  t.is(ended.stderr, '')
  t.is(ended.code, 7)
  t.deepEqual(segmentsOf(name), [])
})

test('a worker thread that blocks in a lock can be terminated', async t => {
  const ended = await runProgram([fixture('terminate-waiting.mjs'), freshName('terminate')])
  t.is(ended.stderr, '')
  t.is(ended.stdout, 'terminated\n')
})
