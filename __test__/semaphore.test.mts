import test from 'ava'
import {
  ClosedError,
  type CreateSemaphoreOptions,
  DeadlockError,
  InvalidArgumentError,
  NameExistsError,
  NotFoundError,
  NotOwnerError,
  TimeoutError,
  WorkerDiedError,
} from 'tsdsm'
import { ref } from './fixtures/primitives.mjs'
import { rejection, start } from './helpers/sync.mjs'

async function startWith(n: number, options: CreateSemaphoreOptions) {
  const world = await start(n)
  return Object.assign(world, { semaphore: world.cluster.createSemaphore('X', options) })
}

for (const owned of [true, false]) {
  test(`no more permits are out than there are (owned: ${owned})`, async t => {
    await using world = await startWith(4, { permits: 3, owned })
    const most = await world.cluster.runProcesses(ref.share, [300])
    t.true(
      most.every(seen => seen >= 2 && seen <= 3),
      `${most}`,
    )
    t.is(world.semaphore.available, 3)
  })
}

test('the permits of a dead worker are free again for those who wait', async t => {
  await using world = await startWith(3, { permits: 1 })
  const run = t.throwsAsync(world.cluster.runProcesses(ref.dieHolding, ['permit', 'permit']), {
    instanceOf: WorkerDiedError,
  })
  await world.raised(1, 2)
  const waiting = world.semaphore.acquireAsync()
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  await waiting
  world.semaphore.release()
  t.is(world.semaphore.available, 1)
})

test('the permits of a dead worker stay lost where nobody owns them, and anybody may release', async t => {
  await using world = await startWith(2, { permits: 1, owned: false })
  const run = rejection(world.cluster.runProcesses(ref.dieHolding, ['permit', 'permit']))
  await world.raised(1, 1)
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  t.is(world.semaphore.available, 0)
  t.false(world.semaphore.tryAcquire())
  world.semaphore.release(2)
  t.is(world.semaphore.available, 2)
  t.is(world.semaphore.held, 0)
  world.semaphore.acquire({ permits: 2 })
  t.throws(() => world.semaphore.release(2 ** 20), { instanceOf: InvalidArgumentError })
})

test('a timeout or an abort ends a wait, and nothing was taken', async t => {
  await using world = await startWith(1, { permits: 2 })
  const { semaphore } = world
  const run = world.cluster.runProcesses(ref.hold, ['permit'])
  await world.raised(0, 1)
  for (const timeout of [0, 30]) {
    const wanted = { permits: 2, timeout }
    t.throws(() => semaphore.acquire(wanted), { instanceOf: TimeoutError, code: 'ERR_TSDSM_TIMEOUT' })
    await t.throwsAsync(semaphore.acquireAsync(wanted), { instanceOf: TimeoutError })
  }
  const abort = new AbortController()
  const waiting = semaphore.acquireAsync({ permits: 2, signal: abort.signal })
  let got = false
  const behind = semaphore.acquireAsync().then(() => {
    got = true
  })
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setTimeout(resolve, 1))
  t.false(got, 'first come, first served')
  const reason = new Error('changed my mind')
  abort.abort(reason)
  t.is(await t.throwsAsync(waiting), reason)
  await behind
  t.is(semaphore.held, 1)
  semaphore.release()
  Atomics.store(world.flags, 1, 1)
  await run
  t.true(semaphore.tryAcquire({ permits: 2 }))
})

test('a thread that would wait for itself gets a DeadlockError', async t => {
  await using world = await startWith(1, { permits: 2 })
  const { semaphore } = world
  semaphore.acquire()
  t.throws(() => semaphore.acquire({ permits: 2 }), { instanceOf: DeadlockError })
  t.false(semaphore.tryAcquire({ permits: 2 }))
  const waiting = semaphore.acquireAsync({ permits: 2 })
  t.throws(() => semaphore.acquire({ permits: 2 }), { instanceOf: DeadlockError })
  semaphore.release()
  await waiting
  t.is(semaphore.held, 2)
})

test('what is not held cannot be released, and guards release', async t => {
  await using world = await startWith(1, { permits: 2 })
  const { semaphore } = world
  t.throws(() => semaphore.release(), { instanceOf: NotOwnerError, code: 'ERR_TSDSM_NOT_OWNER' })
  {
    using _ = semaphore.guard({ permits: 2 })
    t.is(semaphore.held, 2)
    t.throws(() => semaphore.release(3), { instanceOf: NotOwnerError })
  }
  {
    using guard = await semaphore.guardAsync()
    t.is(semaphore.available, 1)
    guard.release()
  }
  t.is(
    semaphore.withPermits(() => semaphore.held),
    1,
  )
  await t.throwsAsync(
    semaphore.withPermitsAsync(async () => {
      throw new RangeError('inside')
    }),
    { instanceOf: RangeError },
  )
  t.is(semaphore.available, 2)
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await startWith(1, { permits: 2 })
  const { semaphore, cluster } = world
  for (const options of [{ timeout: -1 }, { permits: 0 }, { permits: 1.5 }, { permits: 3 }, { recover: true }, 5]) {
    t.throws(() => semaphore.acquire(options as object), { instanceOf: InvalidArgumentError })
    t.throws(() => semaphore.tryAcquire(options as object), { instanceOf: InvalidArgumentError })
    await t.throwsAsync(semaphore.acquireAsync(options as object), { instanceOf: InvalidArgumentError })
  }
  for (const permits of [0, -1, 1.5, '2', 2 ** 20, 2 ** 32, undefined]) {
    t.throws(() => cluster.createSemaphore('odd', { permits: permits as number }), { instanceOf: InvalidArgumentError })
  }
  t.throws(() => cluster.createSemaphore('odd', undefined as never), { instanceOf: InvalidArgumentError })
  t.throws(() => semaphore.release(0), { instanceOf: InvalidArgumentError })
  t.throws(() => semaphore.withPermits(3 as never), { instanceOf: InvalidArgumentError })
  t.throws(() => cluster.createSemaphore('X', { permits: 1 }), { instanceOf: NameExistsError })
  t.throws(() => cluster.getSemaphore('nowhere'), { instanceOf: NotFoundError })
  t.is(cluster.createSemaphore('none yet', { permits: 0, owned: false }).available, 0)
})

test('semaphores of one name in two clusters have nothing to do with each other, and a closed one says so', async t => {
  const one = await startWith(1, { permits: 1 })
  await using other = await startWith(1, { permits: 1 })
  one.semaphore.acquire()
  t.true(other.semaphore.tryAcquire())
  const pending = t.throwsAsync(one.semaphore.acquireAsync(), { instanceOf: ClosedError })
  await one.cluster.close()
  await pending
  for (const use of [
    () => one.semaphore.acquire(),
    () => one.semaphore.tryAcquire(),
    () => one.semaphore.release(),
    () => one.semaphore.available,
    () => one.semaphore.held,
  ]) {
    t.throws(use, { instanceOf: ClosedError })
  }
})
