import test from 'ava'
import {
  ClosedError,
  DeadlockError,
  InvalidArgumentError,
  NameExistsError,
  NotFoundError,
  NotOwnerError,
  OwnerDiedError,
  TimeoutError,
  WorkerDiedError,
} from 'tsdsm'
import { ref } from './fixtures/primitives.mjs'
import { until } from './helpers/process.mjs'
import { start } from './helpers/sync.mjs'

async function startWith(n: number) {
  const world = await start(n)
  return Object.assign(world, { rw: world.cluster.createRwLock('X') })
}

/** Turns of the event loop in which something blocked would have shown. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setTimeout(resolve, 1))
}

test('no reader sees a half-done write, over blocking and asynchronous sections', async t => {
  await using world = await startWith(4)
  t.deepEqual(await world.cluster.runProcesses(ref.readAndWrite, [300]), [0, 0, 0, 0])
  t.is(world.flags[0], 600)
})

test('several read at a time, and a writer waits for all of them', async t => {
  await using world = await startWith(2)
  const { rw, cluster } = world
  rw.read.acquire()
  t.deepEqual(await cluster.runProcesses(ref.attempt, ['write']), ['false', 'false'])
  t.true((await cluster.runProcesses(ref.attempt, ['read'])).includes('true'))
  t.true(rw.readers >= 1)
  rw.read.release()
})

test('the death of the writer is an OwnerDiedError for readers and writers, until it is recovered', async t => {
  for (const wanted of ['read', 'write'] as const) {
    await using world = await startWith(3)
    const run = t.throwsAsync(world.cluster.runProcesses(ref.dieHolding, ['write', wanted]), {
      instanceOf: WorkerDiedError,
    })
    await world.raised(1, 2)
    process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
    await run
    t.is(await world.noteOf(0), 'OwnerDiedError 1')
    t.is(await world.noteOf(2), 'OwnerDiedError 1')

    const { rw } = world
    t.true(rw.poisoned)
    const error = t.throws(() => rw.read.acquire(), { instanceOf: OwnerDiedError })
    t.is(error?.workerId, 1)
    t.throws(() => rw.write.tryAcquire(), { instanceOf: OwnerDiedError })
    t.true(rw.read.acquire({ recover: true }), 'a look at what it left')
    t.throws(() => rw.clearPoison(), { instanceOf: NotOwnerError })
    rw.read.release()
    t.true(await rw.write.acquireAsync({ recover: true }))
    rw.clearPoison()
    rw.write.release()
    t.false(rw.poisoned)
    t.false(rw.read.acquire())
  }
})

test('the death of a reader lets the writers in, and poisons nothing', async t => {
  await using world = await startWith(3)
  const run = t.throwsAsync(world.cluster.runProcesses(ref.dieHolding, ['read', 'write']), {
    instanceOf: WorkerDiedError,
  })
  await world.raised(1, 2)
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  // One that the run's end reached first was called off.
  t.regex(await world.noteOf(0), /^(false|AbortError)$/)
  t.regex(await world.noteOf(2), /^(false|AbortError)$/)
  t.false(world.rw.poisoned)
  await world.rw.write.acquireAsync()
})

test('a timeout or an abort ends a wait, and the lock is as it was', async t => {
  await using world = await startWith(1)
  const { rw } = world
  const run = world.cluster.runProcesses(ref.hold, ['read'])
  await world.raised(0, 1)
  t.throws(() => rw.write.acquire({ timeout: 30 }), { instanceOf: TimeoutError, code: 'ERR_TSDSM_TIMEOUT' })
  t.throws(() => rw.write.acquire({ timeout: 0 }), { instanceOf: TimeoutError })
  await t.throwsAsync(rw.write.acquireAsync({ timeout: 30 }), { instanceOf: TimeoutError })
  const abort = new AbortController()
  const waiting = rw.write.acquireAsync({ signal: abort.signal })
  await turns()
  const reason = new Error('changed my mind')
  abort.abort(reason)
  t.is(await t.throwsAsync(waiting), reason)
  t.true(rw.read.tryAcquire(), 'who gave up keeps no reader out, also before its thread has noticed')
  t.true(rw.read.tryAcquire())
  rw.read.release()
  rw.read.release()
  Atomics.store(world.flags, 1, 1)
  await run
  t.true(rw.write.tryAcquire())
})

test('an asynchronous acquire does not block the event loop, and comes after a writer that waits', async t => {
  await using world = await startWith(1)
  const { rw } = world
  const run = world.cluster.runProcesses(ref.hold, ['read'])
  await world.raised(0, 1)
  rw.read.acquire()
  const order: string[] = []
  const writing = rw.write.withLockAsync(async () => {
    await turns()
    order.push('write')
  })
  const isKeptOut = async () => {
    try {
      await rw.read.acquireAsync({ timeout: 0 })
    } catch (error) {
      return error instanceof TimeoutError
    }
    rw.read.release()
    return false
  }
  await until(isKeptOut, 'the writer')
  const reading = rw.read.withLockAsync(() => order.push('read'))
  await turns()
  t.deepEqual(order, [])
  t.false(rw.read.acquire(), 'who reads already may read once more')
  rw.read.release()
  rw.read.release()
  Atomics.store(world.flags, 1, 1)
  await Promise.all([writing, reading, run])
  t.deepEqual(order, ['write', 'read'])
})

test('a thread that would wait for itself gets a DeadlockError', async t => {
  await using world = await startWith(1)
  const { rw } = world
  rw.read.acquire()
  t.throws(() => rw.write.acquire(), { instanceOf: DeadlockError })
  t.false(rw.write.tryAcquire())
  rw.read.release()
  rw.write.acquire()
  t.throws(() => rw.write.acquire(), { instanceOf: DeadlockError })
  t.throws(() => rw.read.acquire(), { instanceOf: DeadlockError })
  t.false(rw.read.tryAcquire())
  const reading = rw.read.acquireAsync()
  rw.write.release()
  await reading
  const writing = rw.write.acquireAsync()
  rw.read.release()
  await writing
  t.true(rw.write.held)
})

test('a blocking acquire behind an asynchronous one of the same thread is a DeadlockError, not a hang', async t => {
  await using world = await startWith(1)
  const { rw } = world
  const run = world.cluster.runProcesses(ref.hold, ['write'])
  await world.raised(0, 1)
  const writing = rw.write.acquireAsync()
  t.throws(() => rw.write.acquire(), { instanceOf: DeadlockError, message: /asynchronously/ })
  t.throws(() => rw.read.acquire(), { instanceOf: DeadlockError, message: /asynchronously/ })
  Atomics.store(world.flags, 1, 1)
  await writing
  await run
})

test('what is not held cannot be released, and guards release', async t => {
  await using world = await startWith(1)
  const { read, write } = world.rw
  for (const side of [read, write]) {
    t.throws(() => side.release(), { instanceOf: NotOwnerError, code: 'ERR_TSDSM_NOT_OWNER' })
    t.is(
      side.withLock(() => {
        t.true(side.held)
        return 7
      }),
      7,
    )
    t.false(side.held)
    {
      using guard = side.guard()
      t.false(guard.recovered)
      t.true(side.held)
    }
    {
      using _ = await side.guardAsync()
      t.true(side.held)
    }
    t.false(side.held)
  }
  t.throws(() => world.rw.clearPoison(), { instanceOf: NotOwnerError })
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await startWith(1)
  const { read, write } = world.rw
  for (const options of [{ timeout: -1 }, { timeout: '5' }, { recover: 1 }, { tmeout: 5 }, 5]) {
    for (const side of [read, write]) {
      t.throws(() => side.acquire(options as object), { instanceOf: InvalidArgumentError })
      await t.throwsAsync(side.acquireAsync(options as object), { instanceOf: InvalidArgumentError })
    }
  }
  t.throws(() => world.cluster.createRwLock('X'), { instanceOf: NameExistsError })
  t.throws(() => world.cluster.createRwLock(''), { instanceOf: InvalidArgumentError })
  t.throws(() => world.cluster.getRwLock('nowhere'), { instanceOf: NotFoundError })
  t.is(world.cluster.rwLocks.X, world.rw)
})

test('locks of one name in two clusters have nothing to do with each other, and a closed one says so', async t => {
  const one = await startWith(1)
  await using other = await startWith(1)
  one.rw.write.acquire()
  t.true(other.rw.write.tryAcquire())
  const pending = t.throwsAsync(one.rw.read.acquireAsync(), { instanceOf: ClosedError })
  await one.cluster.close()
  await pending
  for (const use of [
    () => one.rw.read.acquire(),
    () => one.rw.write.tryAcquire(),
    () => one.rw.write.release(),
    () => one.rw.read.held,
    () => one.rw.poisoned,
    () => one.rw.readers,
    () => one.rw.clearPoison(),
  ]) {
    t.throws(use, { instanceOf: ClosedError })
  }
  t.true(other.rw.write.held)
})
