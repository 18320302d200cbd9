import test from 'ava'
import {
  ClosedError,
  type CreateEventOptions,
  InvalidArgumentError,
  NameExistsError,
  NotFoundError,
  TimeoutError,
  WorkerDiedError,
} from 'tsdsm'
import { ref } from './fixtures/primitives.mjs'
import { until } from './helpers/process.mjs'
import { rejection, start } from './helpers/sync.mjs'

async function startWith(n: number, options?: CreateEventOptions) {
  const world = await start(n)
  return Object.assign(world, { event: world.cluster.createEvent('X', options) })
}

test('an event lets all pass, who see what came before it, until it is reset', async t => {
  await using world = await startWith(3)
  const run = world.cluster.runProcesses(ref.waitFor, ['event'])
  await world.raised(0, 3)
  world.counter[0] = 7
  world.event.set()
  await run
  for (const id of [0, 1, 2]) t.is(await world.noteOf(id), '7')
  t.true(world.event.isSet && world.event.tryWait())
  world.event.wait()
  await world.event.waitAsync()
  world.event.reset()
  t.false(world.event.isSet || world.event.tryWait())
})

test('who waits when it is set passes, also where it is reset at once', async t => {
  await using world = await startWith(1)
  const waiting = [world.event.waitAsync(), world.event.waitAsync()]
  world.event.set()
  world.event.reset()
  await Promise.all(waiting)
  await t.throwsAsync(world.event.waitAsync({ timeout: 0 }), { instanceOf: TimeoutError })
})

test('an automatic event lets one pass each time, blocking or not', async t => {
  await using world = await startWith(3, { automatic: true })
  t.true(world.event.automatic)
  const run = world.cluster.runProcesses(ref.consume, [40])
  for (let passed = 1; passed <= 120; passed++) {
    world.event.set()
    await until(() => Atomics.load(world.counter, 0) === passed, `${passed} have passed`)
    t.false(world.event.isSet)
  }
  await run
})

test('the death of one that waits for it takes no event along', async t => {
  await using world = await startWith(2, { automatic: true })
  const run = t.throwsAsync(world.cluster.runProcesses(ref.waitFor, ['event']), { instanceOf: WorkerDiedError })
  await world.raised(0, 2)
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  world.event.set()
  await world.event.waitAsync()
  t.false(world.event.isSet)
})

test('a timeout or an abort ends a wait, and the event goes to another', async t => {
  await using world = await startWith(1, { automatic: true })
  const { event } = world
  for (const timeout of [0, 30]) {
    t.throws(() => event.wait({ timeout }), { instanceOf: TimeoutError, code: 'ERR_TSDSM_TIMEOUT' })
    await t.throwsAsync(event.waitAsync({ timeout }), { instanceOf: TimeoutError })
  }
  const abort = new AbortController()
  const waiting = event.waitAsync({ signal: abort.signal })
  let passed = false
  const behind = event.waitAsync().then(() => {
    passed = true
  })
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setTimeout(resolve, 1))
  t.false(passed)
  const reason = new Error('changed my mind')
  abort.abort(reason)
  event.set()
  t.is(await t.throwsAsync(waiting), reason)
  await behind
  t.false(event.isSet)
  const aborted = AbortSignal.abort()
  t.is(await rejection(event.waitAsync({ signal: aborted })), aborted.reason)
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await startWith(1, { set: true })
  const { event, cluster } = world
  t.true(event.isSet)
  for (const options of [{ timeout: -1 }, { timeout: '5' }, { recover: true }, 5]) {
    t.throws(() => event.wait(options as object), { instanceOf: InvalidArgumentError })
    await t.throwsAsync(event.waitAsync(options as object), { instanceOf: InvalidArgumentError })
  }
  t.throws(() => cluster.createEvent('odd', { automatic: 1 as never }), { instanceOf: InvalidArgumentError })
  t.throws(() => cluster.createEvent('X'), { instanceOf: NameExistsError })
  t.throws(() => cluster.getEvent('nowhere'), { instanceOf: NotFoundError })
})

test('events of one name in two clusters have nothing to do with each other, and a closed one says so', async t => {
  const one = await startWith(1)
  await using other = await startWith(1)
  const pending = t.throwsAsync(one.event.waitAsync(), { instanceOf: ClosedError })
  other.event.set()
  t.false(one.event.isSet)
  await one.cluster.close()
  await pending
  for (const use of [
    () => one.event.wait(),
    () => one.event.tryWait(),
    () => one.event.set(),
    () => one.event.reset(),
    () => one.event.isSet,
  ]) {
    t.throws(use, { instanceOf: ClosedError })
  }
  await t.throwsAsync(one.event.waitAsync(), { instanceOf: ClosedError })
})
