import test from 'ava'
import {
  ClosedError,
  DeadlockError,
  InvalidArgumentError,
  NameExistsError,
  NotFoundError,
  TimeoutError,
  WorkerDiedError,
} from 'tsdsm'
import { ref } from './fixtures/primitives.mjs'
import { rejection, start } from './helpers/sync.mjs'

async function startWith(n: number) {
  const world = await start(n)
  return Object.assign(world, { once: world.cluster.createOnce('X') })
}

test('it is done once, by a blocking or an asynchronous call, and all find it done', async t => {
  await using world = await startWith(4)
  const done = await world.cluster.runProcesses(ref.doOnce)
  t.is(done.filter(here => here).length, 1)
  t.is(world.counter[0], 1)
  t.true(world.once.done)
  t.false(world.once.run(() => t.fail('it is done')))
  t.false(await world.once.runAsync(() => t.fail('it is done')))
})

test('the death of the one who is at it leaves it to the next, who is told', async t => {
  await using world = await startWith(3)
  const run = t.throwsAsync(world.cluster.runProcesses(ref.dieAtOnce), { instanceOf: WorkerDiedError })
  await world.raised(1, 2)
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  // The run's end may come first, and calls off those who wait.
  for (const id of [0, 2]) t.regex(await world.noteOf(id), /^(true|false|AbortError)$/)
  if (!world.once.done) t.true(await world.once.runAsync(recovered => t.true(recovered)))
  t.true(world.once.done)
})

test('what it throws is thrown, and the next one does it', async t => {
  await using world = await startWith(1)
  const { once } = world
  const fail = () => {
    throw new RangeError('inside')
  }
  t.throws(() => once.run(fail), { instanceOf: RangeError })
  await t.throwsAsync(once.runAsync(fail), { instanceOf: RangeError })
  await t.throwsAsync(
    once.runAsync(async () => fail()),
    { instanceOf: RangeError },
  )
  t.throws(() => once.run(async () => {}), { instanceOf: InvalidArgumentError, message: /runAsync/ })
  t.false(once.done)
  t.true(once.run(recovered => t.false(recovered)))
})

test('a timeout or an abort ends a wait, and a thread does not wait for itself', async t => {
  await using world = await startWith(1)
  const { once } = world
  let finish = () => {}
  const first = once.runAsync(
    () =>
      new Promise<void>(resolve => {
        finish = resolve
      }),
  )
  const abort = new AbortController()
  const second = once.runAsync(() => t.fail('it is done'))
  const third = once.runAsync(() => t.fail('it was called off'), { signal: abort.signal })
  await t.throwsAsync(
    once.runAsync(() => t.fail('its time was over'), { timeout: 20 }),
    { instanceOf: TimeoutError },
  )
  t.throws(() => once.run(() => t.fail('itself')), { instanceOf: DeadlockError })
  const reason = new Error('changed my mind')
  abort.abort(reason)
  t.is(await rejection(third), reason)
  finish()
  t.true(await first)
  t.false(await second)
})

test('a blocking wait for a worker ends in time', async t => {
  await using world = await startWith(1)
  const run = world.cluster.runProcesses(ref.holdOnce)
  await world.raised(0, 1)
  t.throws(() => world.once.run(() => t.fail('a worker is at it'), { timeout: 30 }), { instanceOf: TimeoutError })
  Atomics.store(world.flags, 1, 1)
  t.deepEqual(await run, [true])
  t.false(world.once.run(() => t.fail('it is done')))
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await startWith(1)
  const { once, cluster } = world
  t.throws(() => once.run(3 as never), { instanceOf: InvalidArgumentError })
  await t.throwsAsync(once.runAsync(undefined as never), { instanceOf: InvalidArgumentError })
  t.throws(() => once.run(() => t.fail(), { timeout: -1 }), { instanceOf: InvalidArgumentError })
  await t.throwsAsync(
    once.runAsync(() => t.fail(), { recover: 1 } as object),
    { instanceOf: InvalidArgumentError },
  )
  t.throws(() => cluster.createOnce('X'), { instanceOf: NameExistsError })
  t.throws(() => cluster.getOnce('nowhere'), { instanceOf: NotFoundError })
})

test('those of one name in two clusters have nothing to do with each other, and a closed one says so', async t => {
  const one = await startWith(1)
  await using other = await startWith(1)
  t.true(other.once.run(() => {}))
  t.false(one.once.done)
  await one.cluster.close()
  t.throws(() => one.once.run(() => t.fail()), { instanceOf: ClosedError })
  await t.throwsAsync(
    one.once.runAsync(() => t.fail()),
    { instanceOf: ClosedError },
  )
  t.throws(() => one.once.done, { instanceOf: ClosedError })
})
