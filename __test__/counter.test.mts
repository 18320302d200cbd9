import test from 'ava'
import { ClosedError, InvalidArgumentError, NameExistsError, NotFoundError, WorkerDiedError } from 'tsdsm'
import { ref } from './fixtures/primitives.mjs'
import { start } from './helpers/sync.mjs'

async function startWith(n: number) {
  const world = await start(n)
  return Object.assign(world, { count: world.cluster.createCounter('X') })
}

test('a count of several processes is exact, and each step has a number of its own', async t => {
  await using world = await startWith(4)
  const numbers = await world.cluster.runProcesses(ref.countUp, [2000])
  t.is(world.count.load(), 8000)
  const all = numbers.flat().sort((a, b) => a - b)
  t.true(all.every((number, i) => number === i))
})

test('a kill amid the counting leaves a whole number of steps', async t => {
  await using world = await startWith(2)
  const run = t.throwsAsync(world.cluster.runProcesses(ref.countForEver, [1_000_003]), { instanceOf: WorkerDiedError })
  await world.raised(0, 2)
  process.kill(world.cluster.workers[1].pid as number, 'SIGKILL')
  await run
  const value = world.count.load()
  t.true(value > 0)
  t.is(value % 1_000_003, 0)
})

test('every operation does what it says, beyond 32 bits and below 0', async t => {
  await using world = await startWith(1)
  const { count } = world
  t.is(count.load(), 0)
  count.store(2 ** 40)
  t.is(count.fetchAdd(-(2 ** 41)), 2 ** 40)
  t.is(count.exchange(5), -(2 ** 40))
  t.is(count.compareExchange(4, 9), 5)
  t.is(count.compareExchange(5, Number.MAX_SAFE_INTEGER), 5)
  t.is(count.load(), Number.MAX_SAFE_INTEGER)
  t.is(world.cluster.counters.X, count)
})

test('meaningless arguments are refused before anything happens', async t => {
  await using world = await startWith(1)
  const { count, cluster } = world
  for (const value of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', 1n, null]) {
    const wrong = value as number
    for (const use of [
      () => count.store(wrong),
      () => count.exchange(wrong),
      () => count.fetchAdd(wrong),
      () => count.compareExchange(0, wrong),
      () => count.compareExchange(wrong, 1),
    ]) {
      t.throws(use, { instanceOf: InvalidArgumentError })
    }
  }
  t.is(count.load(), 0)
  t.throws(() => cluster.createCounter('X'), { instanceOf: NameExistsError })
  t.throws(() => cluster.createCounter(''), { instanceOf: InvalidArgumentError })
  t.throws(() => cluster.getCounter('nowhere'), { instanceOf: NotFoundError })
})

test('counters of one name in two clusters have nothing to do with each other, and a closed one says so', async t => {
  const one = await startWith(1)
  await using other = await startWith(1)
  one.count.store(7)
  t.is(other.count.load(), 0)
  await one.cluster.close()
  for (const use of [
    () => one.count.load(),
    () => one.count.store(1),
    () => one.count.exchange(1),
    () => one.count.fetchAdd(),
    () => one.count.compareExchange(0, 1),
  ]) {
    t.throws(use, { instanceOf: ClosedError })
  }
})
