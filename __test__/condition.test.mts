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
import { ref as sync } from './fixtures/sync.mjs'
import { until } from './helpers/process.mjs'
import { rejection, start } from './helpers/sync.mjs'

async function startWith(n: number, options?: Parameters<typeof start>[1]) {
  const world = await start(n, options)
  const condition = world.cluster.createCondition('X', world.lock)
  const waiting = (count: number) => until(() => condition.waiting === count, `${count} wait`)
  return Object.assign(world, { condition, waiting })
}

test('workers hand over through one place, blocking or not, and none waits for ever', async t => {
  await using world = await startWith(4)
  await world.cluster.runProcesses(ref.handOver, [300])
  t.is(world.counter[0], 0)
  t.is(world.condition.waiting, 0)
})

test('each notification ends one wait, in the order of the waits', async t => {
  await using world = await startWith(1)
  const { condition } = world
  const order: number[] = []
  const waits = [0, 1, 2, 3].map(i =>
    condition.lock.withLockAsync(async () => {
      await condition.waitAsync()
      t.true(condition.lock.held)
      order.push(i)
    }),
  )
  await world.waiting(4)
  for (const done of [0, 1]) {
    t.is(condition.notify(), 1)
    await waits[done]
    t.deepEqual(order, [0, 1].slice(0, done + 1))
  }
  t.is(condition.notify(7), 2)
  await Promise.all(waits)
  t.deepEqual(order, [0, 1, 2, 3])
  t.is(condition.notifyAll(), 0, 'nobody waits')
})

test('all workers that wait are notified together', async t => {
  await using world = await startWith(3)
  const run = world.cluster.runProcesses(ref.waitIn)
  await world.waiting(3)
  t.is(world.condition.notifyAll(), 3)
  await run
  for (const id of [0, 1, 2]) t.is(await world.noteOf(id), 'false, held')
})

test('a notification that comes before the sleep is seen', async t => {
  await using world = await startWith(1)
  const { condition, lock } = world
  lock.acquire()
  const waiting = condition.waitAsync()
  t.false(lock.held)
  t.is(condition.notify(), 1)
  t.false(await waiting)
  t.true(lock.held)
  lock.release()
})

for (const recover of [false, true]) {
  test(`the death of the holder is an answer to those who wait (recover: ${recover})`, async t => {
    await using world = await startWith(3)
    const run = rejection(world.cluster.runProcesses(ref.dieAwaited, [recover]))
    await world.raised(0, 1)
    process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
    t.true((await run) instanceof WorkerDiedError)
    for (const id of [0, 2]) {
      t.is(await world.noteOf(id), recover ? 'true, held' : 'OwnerDiedError 1, not held')
    }
    t.true(world.lock.poisoned)
    t.throws(() => world.condition.wait(), { instanceOf: NotOwnerError })
  })
}

test('an asynchronous wait reports the death of a holder, too, or takes over', async t => {
  await using world = await startWith(2)
  const { condition, lock } = world
  const outcomes = [{}, { recover: true }].map(async options => {
    await lock.acquireAsync()
    return condition.waitAsync(options).catch(error => error)
  })
  await world.waiting(2)
  const run = rejection(world.cluster.runProcesses(sync.dieHolding))
  await world.raised(0, 1)
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  const [refused, recovered] = await Promise.all(outcomes)
  t.true(refused instanceof OwnerDiedError)
  t.is(recovered, true)
  t.true(lock.held)
  lock.clearPoison()
  lock.release()
})

test('a notification that a dead worker was given goes to another', async t => {
  await using world = await startWith(2)
  const run = rejection(world.cluster.runProcesses(ref.waitIn))
  await world.waiting(2)
  // Nobody gets the lock before the kill, whoever is notified.
  await world.lock.acquireAsync()
  world.condition.notify()
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  world.lock.release()
  t.is(await world.noteOf(0), 'false, held')
  await world.waiting(0)
})

test('a timeout or an abort ends a wait with the lock held, and swallows no notification', async t => {
  await using world = await startWith(1)
  const { condition, lock } = world
  lock.acquire()
  for (const timeout of [0, 30]) {
    const error = t.throws(() => condition.wait({ timeout }), { instanceOf: TimeoutError })
    t.is(error?.code, 'ERR_TSDSM_TIMEOUT')
    t.true(lock.held)
    await t.throwsAsync(condition.waitAsync({ timeout }), { instanceOf: TimeoutError })
    t.true(lock.held)
    await world.waiting(0)
  }
  lock.release()

  // The first one waits on a thread of its own, the others behind it.
  const aborts = [new AbortController(), new AbortController(), undefined]
  const waits = aborts.map(abort =>
    lock.withLockAsync(() => condition.waitForAsync(() => world.counter[0] === 1, { signal: abort?.signal })),
  )
  await world.waiting(3)
  const reason = new Error('changed my mind')
  aborts[1]?.abort(reason)
  t.is(await rejection(waits[1]), reason)
  await world.waiting(2)
  aborts[0]?.abort(reason)
  t.is(await rejection(waits[0]), reason)
  await world.waiting(1)
  await lock.withLockAsync(() => {
    world.counter[0] = 1
  })
  condition.notify()
  await waits[2]
  t.is(condition.waiting, 0)

  const aborted = AbortSignal.abort()
  await lock.acquireAsync()
  t.is(await rejection(condition.waitAsync({ signal: aborted })), aborted.reason)
  t.true(lock.held)
  lock.release()
})

test('waitFor looks before it waits, and after each notification', async t => {
  await using world = await startWith(1)
  const { condition, lock } = world
  lock.acquire()
  t.false(condition.waitFor(() => true))
  t.false(await condition.waitForAsync(() => true))
  const fails = () => {
    throw new RangeError('inside')
  }
  t.throws(() => condition.waitFor(fails), { instanceOf: RangeError })
  await t.throwsAsync(condition.waitForAsync(fails), { instanceOf: RangeError })
  t.throws(() => condition.waitFor(() => false, { timeout: 30 }), { instanceOf: TimeoutError, message: / 30 ms/ })
  await t.throwsAsync(
    condition.waitForAsync(() => false, { timeout: 30 }),
    { instanceOf: TimeoutError, message: / 30 ms/ },
  )
  t.true(lock.held)
  await world.waiting(0)
  let looks = 0
  const third = condition.waitForAsync(() => ++looks === 3)
  await world.waiting(1)
  condition.notify()
  await until(() => looks === 2, 'a second look')
  await world.waiting(1)
  condition.notify()
  await third
  t.is(looks, 3)
  // What came true while the time ran out counts.
  looks = 0
  condition.waitFor(() => ++looks === 2, { timeout: 1 })
  lock.release()
})

test('a wait without the lock is refused, and so is one that blocks those of its own thread', async t => {
  await using world = await startWith(1)
  const { condition, lock } = world
  t.throws(() => condition.wait(), { instanceOf: NotOwnerError, code: 'ERR_TSDSM_NOT_OWNER' })
  t.throws(() => condition.waitFor(() => true), { instanceOf: NotOwnerError })
  await t.throwsAsync(condition.waitAsync(), { instanceOf: NotOwnerError })
  await t.throwsAsync(
    condition.waitForAsync(() => true),
    { instanceOf: NotOwnerError },
  )
  t.is(condition.waiting, 0)

  lock.acquire()
  const next = lock.acquireAsync()
  t.throws(() => condition.wait(), { instanceOf: DeadlockError, message: /lock 'L' asynchronously/ })
  t.true(lock.held)
  const waiting = condition.waitAsync()
  await next
  t.throws(() => condition.wait(), { instanceOf: DeadlockError, message: /condition 'X' asynchronously/ })
  condition.notify()
  lock.release()
  await waiting
  lock.release()
})

test('a run that is called off frees the workers that wait, when they have the lock again', async t => {
  await using world = await startWith(2, { grace: 60_000 })
  const pids = world.cluster.workers.map(worker => worker.pid)
  const abort = new AbortController()
  const run = rejection(world.cluster.runProcesses(ref.waitForNothing, [], { signal: abort.signal }))
  await world.waiting(2)
  abort.abort()
  t.is(await run, abort.signal.reason)
  for (const id of [0, 1]) t.is(await world.noteOf(id), 'AbortError, held')
  t.deepEqual(
    world.cluster.workers.map(worker => worker.pid),
    pids,
    'nobody had to be killed',
  )
  t.is(world.condition.waiting, 0)
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await startWith(1)
  await using other = await start(1)
  const { condition, cluster, lock } = world
  lock.acquire()
  for (const options of [{ timeout: -1 }, { timeout: '5' }, { recover: 1 }, { permits: 1 }, 5]) {
    t.throws(() => condition.wait(options as object), { instanceOf: InvalidArgumentError })
    t.throws(() => condition.waitFor(() => true, options as object), { instanceOf: InvalidArgumentError })
    await t.throwsAsync(condition.waitAsync(options as object), { instanceOf: InvalidArgumentError })
  }
  t.throws(() => condition.wait({ signal: AbortSignal.abort() } as object), { instanceOf: InvalidArgumentError })
  for (const predicate of [undefined, 3, async () => true]) {
    t.throws(() => condition.waitFor(predicate as never), { instanceOf: InvalidArgumentError })
    await t.throwsAsync(condition.waitForAsync(predicate as never), { instanceOf: InvalidArgumentError })
  }
  for (const count of [0, -1, 1.5, '2']) {
    t.throws(() => condition.notify(count as number), { instanceOf: InvalidArgumentError })
  }
  t.true(lock.held)
  for (const wrong of [undefined, 'L', {}, other.lock, cluster.createRwLock('R').write]) {
    t.throws(() => cluster.createCondition('odd', wrong as never), { instanceOf: InvalidArgumentError })
  }
  t.throws(() => cluster.createCondition('X', lock), { instanceOf: NameExistsError })
  t.throws(() => cluster.getCondition('nowhere'), { instanceOf: NotFoundError })
  t.is(cluster.getCondition('X').lock, lock)
  lock.release()
})

test('a closed condition says so, and pending waits reject', async t => {
  const world = await startWith(1)
  const { condition } = world
  const waits = [0, 1].map(() => world.lock.withLockAsync(() => condition.waitAsync()))
  await world.waiting(2)
  const pending = waits.map(wait => t.throwsAsync(wait, { instanceOf: ClosedError }))
  await world.cluster.close()
  await Promise.all(pending)
  for (const use of [
    () => condition.wait(),
    () => condition.waitFor(() => true),
    () => condition.notify(),
    () => condition.notifyAll(),
    () => condition.waiting,
  ]) {
    t.throws(use, { instanceOf: ClosedError })
  }
  await t.throwsAsync(condition.waitAsync(), { instanceOf: ClosedError })
})
