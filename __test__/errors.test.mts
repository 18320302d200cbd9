import { inspect } from 'node:util'
import test from 'ava'
import { Cluster, TaskError, WorkerDiedError } from 'tsdsm'
import { RETURNED_KINDS, ref, THROWN_KINDS } from './fixtures/tasks.mjs'
import { fixture, inNamespace, isAlive, runProgram, segmentsOf, until } from './helpers/process.mjs'
import { rejection } from './helpers/sync.mjs'

test.serial(
  'a throw rejects with a TaskError that has the worker, the original’s name, message, stack and cause',
  async t => {
    await using cluster = await Cluster.start(2)
    const error = (await rejection(cluster.runProcesses(ref.throwIn, [[1], 'error']))) as TaskError
    t.true(error instanceof TaskError)
    t.is(error.code, 'ERR_TSDSM_TASK')
    t.is(error.workerId, 1)
    t.is(error.originalName, 'RangeError')
    t.is(error.originalMessage, 'out of range')
    t.regex(error.originalStack ?? '', /RangeError: out of range\n.*tasks\.m/s)
    t.regex(error.message, /'throwIn'.*worker 1.*RangeError: out of range/)
    const cause = error.cause as RangeError
    t.true(cause instanceof RangeError)
    t.is(cause.message, 'out of range')
    t.is(cause.stack, error.originalStack)
    t.true(cause.cause instanceof TypeError)
    t.deepEqual(error.errors, [error])
  },
)

test.serial('properties of an error arrive, as far as they can be cloned', async t => {
  await using cluster = await Cluster.start(1)
  const coded = (await rejection(cluster.runProcesses(ref.throwIn, [[0], 'coded']))) as TaskError
  t.is(coded.originalName, 'Coded')
  t.like(coded.cause, { name: 'Coded', code: 'E_CODED', extra: { list: [1, 2, 3] } })
  const partly = (await rejection(cluster.runProcesses(ref.throwIn, [[0], 'uncloneable']))) as TaskError
  t.is(partly.originalMessage, 'holds a function')
  t.is((partly.cause as { kept?: string }).kept, 'yes')
  const several = (await rejection(cluster.runProcesses(ref.throwIn, [[0], 'aggregate']))) as TaskError
  t.true(several.cause instanceof AggregateError)
  const [one, two] = (several.cause as AggregateError).errors
  t.true(one instanceof TypeError)
  t.is(two, 'two')
})

for (const kind of THROWN_KINDS) {
  test.serial(`a task that throws this settles the run: ${kind}`, async t => {
    await using cluster = await Cluster.start(2)
    const error = (await rejection(cluster.runProcesses(ref.throwIn, [[0], kind]))) as TaskError
    t.true(error instanceof TaskError)
    t.is(error.workerId, 0)
    t.is(typeof error.originalMessage, 'string')
    t.deepEqual(await cluster.runProcesses(ref.throwIn, [[], kind]), ['fine', 'fine'])
  })
}

test.serial('what is thrown and is no error arrives as it was', async t => {
  await using cluster = await Cluster.start(1)
  const thrown = async (kind: string) =>
    ((await rejection(cluster.runProcesses(ref.throwIn, [[0], kind]))) as TaskError).cause
  t.is(await thrown('string'), 'just text')
  t.is(await thrown('null'), null)
  t.deepEqual(await thrown('object'), { a: 1n, b: new Map([[1, 2]]) })
})

for (const kind of RETURNED_KINDS) {
  test.serial(`a result that cannot be cloned is a TaskError: ${kind}`, async t => {
    await using cluster = await Cluster.start(2)
    const error = (await rejection(cluster.runProcesses(ref.returnOdd, [kind]))) as TaskError
    t.true(error instanceof TaskError)
    t.is(error.workerId, 0)
    t.regex(error.message, /returned cannot be sent/)
    t.is((await cluster.runProcesses(ref.identity)).length, 2)
  })
}

test.serial('several throws are all there, in the order of the ids', async t => {
  await using cluster = await Cluster.start(3)
  const error = (await rejection(cluster.runProcesses(ref.throwIn, [[2, 0], 'error']))) as TaskError
  t.is(error.workerId, 0)
  t.deepEqual(
    error.errors.map(each => each.workerId),
    [0, 2],
  )
  t.is(error.errors[0], error)
  // Printed is this error and its cause, and nothing twice.
  const printed = inspect(error)
  t.is(printed.match(/TaskError: /g)?.length, 1, printed)
  t.notRegex(printed, /details/)
  t.is(error.stack, `TaskError: ${error.message}`)
  t.is(error.errors[1].originalName, 'RangeError')
})

test.serial('a throw frees those who wait in the barrier, and is what the run rejects with', async t => {
  await using cluster = await Cluster.start(3)
  const error = (await rejection(cluster.runProcesses(ref.barrierUnlessThrowing, [1]))) as TaskError
  t.is(error.workerId, 1)
  t.is(error.originalName, 'RangeError')
  t.deepEqual(
    error.errors.map(each => [each.workerId, each.originalName]),
    [
      [0, 'BrokenBarrierError'],
      [1, 'RangeError'],
      [2, 'BrokenBarrierError'],
    ],
  )
  await cluster.runProcesses(ref.barrierUnlessThrowing, [-1])
})

test.serial(
  'process.exit in a task is a WorkerDiedError with the code; the others are freed, a fresh worker comes',
  async t => {
    await using cluster = await Cluster.start(3)
    const A = cluster.createShared('A', 1).fill(9)
    const before = cluster.workers.map(worker => worker.pid)
    const error = (await rejection(cluster.runProcesses(ref.exitIn, [1, 7]))) as WorkerDiedError
    t.true(error instanceof WorkerDiedError)
    t.like(error, { workerId: 1, exitCode: 7, signal: null, pid: before[1], code: 'ERR_TSDSM_WORKER_DIED' })
    t.deepEqual(await cluster.runProcesses(ref.read, ['A']), [[9], [9], [9]])
    const after = cluster.workers.map(worker => worker.pid)
    t.deepEqual([after[0], after[2]], [before[0], before[2]])
    t.not(after[1], before[1])
    t.is(A[0], 9)
  },
)

test.serial('a worker that exits with code 0 in a task died, too', async t => {
  await using cluster = await Cluster.start(1)
  const error = (await rejection(cluster.runProcesses(ref.exitIn, [0, 0]))) as WorkerDiedError
  t.like(error, { workerId: 0, exitCode: 0, signal: null })
})

test.serial(
  'a killed worker is a WorkerDiedError with the signal; the others are freed, a fresh worker comes',
  async t => {
    await using cluster = await Cluster.start(3)
    for (const id of [0, 2]) {
      const error = (await rejection(cluster.runProcesses(ref.killSelf, [id]))) as WorkerDiedError
      t.true(error instanceof WorkerDiedError)
      t.like(error, { workerId: id, exitCode: null, signal: 'SIGKILL' })
      await cluster.runProcesses(ref.barrierUnlessThrowing, [-1])
    }
    t.deepEqual(segmentsOf(cluster.name), [`tsdsm.${cluster.name}`])
  },
)

test.serial('a death rejects at once, while another worker is still at it', async t => {
  await using cluster = await Cluster.start(2, { grace: Number.POSITIVE_INFINITY })
  const started = cluster.createShared('started', 2)
  const run = cluster.runProcesses(ref.spinUntilReleased, [])
  await until(() => started[0] === 2, 'both spin')
  process.kill(cluster.workers[0].pid as number, 'SIGKILL')
  const error = (await rejection(run)) as WorkerDiedError
  t.like(error, { workerId: 0, signal: 'SIGKILL' })
  t.is(Atomics.load(started, 1), 0, 'the other one has not come back')
  Atomics.store(started, 1, 1)
  t.is((await cluster.runProcesses(ref.identity)).length, 2)
})

test.serial('a worker that dies between two runs is replaced, and main is warned', async t => {
  await using cluster = await Cluster.start(2)
  const warned = new Promise<Error>(resolve => process.once('warning', resolve))
  const pid = cluster.workers[1].pid as number
  process.kill(pid, 'SIGKILL')
  await until(() => cluster.workers[1].pid !== undefined && cluster.workers[1].pid !== pid, 'a fresh worker is there')
  t.false(isAlive(pid))
  t.true((await warned) instanceof WorkerDiedError)
  const [, fresh] = await cluster.runProcesses(ref.identity)
  t.is(fresh.pid, cluster.workers[1].pid as number)
})

test.serial('a rejection that nobody hears in a worker surfaces with its message', async t => {
  await using cluster = await Cluster.start(2, { output: 'pipe' })
  const error = (await rejection(cluster.runProcesses(ref.rejectUnheard))) as WorkerDiedError
  t.true(error instanceof WorkerDiedError)
  t.is(error.workerId, 0)
  t.regex(error.message, /RangeError: nobody listens/)
  t.true(error.cause instanceof RangeError)
  t.is((await cluster.runProcesses(ref.identity)).length, 2)
})

test.serial('without respawn a death ends the cluster’s runs, and every later one says why', async t => {
  await using cluster = await Cluster.start(2, { respawn: false })
  const first = await rejection(cluster.runProcesses(ref.killSelf, [0]))
  const queued = await rejection(cluster.runProcesses(ref.identity))
  t.true(first instanceof WorkerDiedError)
  t.is(queued, first)
})

test.serial('a worker that cannot start is an error, and leaves nothing', async t => {
  for (const execArgv of [['--no-such-option'], ['--require', '/no/such/file.js']]) {
    const error = (await rejection(Cluster.start(2, { execArgv, output: 'pipe' }))) as WorkerDiedError
    t.true(error instanceof WorkerDiedError)
    t.regex(error.message, /before it was ready/)
    t.not(error.exitCode, 0)
  }
})

test.serial('a worker that crashes again and again is given up with an error', async t => {
  const { stdout, code, stderr } = await runProgram([fixture('crash-again.mjs')])
  t.is(code, 0, stderr)
  t.regex(stdout, /^first: WorkerDiedError SIGKILL\nthen: WorkerDiedError 13\n$/)
})

test.serial('Cluster.start in a worker is a clear error, and starts nothing', async t => {
  await using cluster = await Cluster.start(1)
  const [said] = await cluster.runProcesses(ref.startCluster)
  t.regex(said, /^UnsupportedError: .*Cluster\.isMain/)
})

test.serial('what does not fit into /dev/shm is refused, and the cluster goes on', async t => {
  const mount = 'mount -t tmpfs -o size=4m tmpfs /dev/shm'
  const ended = await inNamespace(t, mount, fixture('small-shm.mjs'))
  if (ended === undefined) return
  t.is(
    ended.stdout,
    [
      'ready',
      'array: OutOfSharedMemoryError true true',
      'async array: OutOfSharedMemoryError true true',
      'arrays 0',
      'argument: OutOfSharedMemoryError true true',
      'result: TaskError OutOfSharedMemoryError true',
      'result: TaskError OutOfSharedMemoryError true',
      'then 1048576',
      '',
    ].join('\n'),
    ended.stderr,
  )
})
