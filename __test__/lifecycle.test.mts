import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { Cluster } from 'tsdsm'
import { ref } from './fixtures/tasks.mjs'
import { fixture, freshName, inNamespace, isAlive, Program, pidsOf, segmentsOf, until } from './helpers/process.mjs'

/** Starts a program of the fixture and waits for its workers. */
async function start(t: ExecutionContext, how: string, options: { detached?: boolean } = {}) {
  const name = freshName(how)
  const program = new Program([fixture('lifecycle.mjs'), how, name], options)
  t.teardown(() => {
    if (program.child.exitCode === null && program.child.signalCode === null) program.child.kill('SIGKILL')
  })
  return { name, program, pids: await pidsOf(program) }
}

/** No worker and no segment is left. */
async function nothingLeft(pids: number[], name: string): Promise<void> {
  await until(() => !pids.some(isAlive), 'the workers have ended')
  await until(() => segmentsOf(name).length === 0, 'the segments are gone')
}

test.serial('an idle cluster does not keep the program alive, and leaves nothing', async t => {
  const { program, pids, name } = await start(t, 'return')
  t.like(await program.ended, { code: 0, stderr: '' })
  await nothingLeft(pids, name)
  t.pass()
})

test.serial('a run in progress keeps the program alive, and so do those that wait', async t => {
  for (const [how, result] of [
    ['pending', 'x 0,x 1'],
    ['long-queue', 'last 0,last 1'],
  ]) {
    const { program, pids, name } = await start(t, how)
    const { stdout, code } = await program.ended
    t.true(stdout.endsWith(`results ${result}\n`), stdout)
    t.is(code, 0)
    await nothingLeft(pids, name)
  }
})

test.serial('process.exit, an uncaught error, and an exit in mid-run leave nothing', async t => {
  for (const [how, code] of [
    ['exit', 3],
    ['throw', 1],
    ['exit-busy', 4],
  ] as const) {
    const { program, pids, name } = await start(t, how)
    t.is((await program.ended).code, code)
    await nothingLeft(pids, name)
  }
})

for (const how of ['busy', 'busy-async', 'barrier']) {
  test.serial(`kill -9 of main in mid-run ends the workers and leaves no segment: ${how}`, async t => {
    const { program, pids, name } = await start(t, how)
    await program.says(/busy/)
    t.is(segmentsOf(name).length, 3)
    process.kill(program.pid, 'SIGKILL')
    t.is((await program.ended).signal, 'SIGKILL')
    await nothingLeft(pids, name)
  })
}

test.serial('Ctrl-C ends main by the signal, and everything with it', async t => {
  const { program, pids, name } = await start(t, 'busy', { detached: true })
  await program.says(/busy/)
  process.kill(-program.pid, 'SIGINT')
  t.like(await program.ended, { code: null, signal: 'SIGINT' })
  await nothingLeft(pids, name)
})

test.serial('Ctrl-C reaches a handler of the program’s own, and the workers go on', async t => {
  const { program, pids, name } = await start(t, 'own-sigint', { detached: true })
  await program.says(/busy/)
  process.kill(-program.pid, 'SIGINT')
  const { stdout, code } = await program.ended
  t.regex(stdout, /busy\nown handler\nresults 2\n$/)
  t.is(code, 0)
  await nothingLeft(pids, name)
})

test.serial('two programs at once do not disturb each other', async t => {
  const [one, other] = await Promise.all([start(t, 'busy'), start(t, 'busy-async')])
  await Promise.all([one.program.says(/busy/), other.program.says(/busy/)])
  process.kill(one.program.pid, 'SIGKILL')
  await nothingLeft(one.pids, one.name)
  t.true(other.pids.every(isAlive))
  t.is(segmentsOf(other.name).length, 3)
  process.kill(other.program.pid, 'SIGKILL')
  await nothingLeft(other.pids, other.name)
})

test.serial(
  'what a cluster left whose processes were all killed at once is removed by prune and by the next start',
  async t => {
    // In a /dev/shm of its own: a start of another test would clean up, too.
    const ended = await inNamespace(t, 'mount -t tmpfs tmpfs /dev/shm', fixture('left-behind.mjs'))
    if (ended === undefined) return
    const left = '3 segments, 3 listed, all stale: true'
    t.is(ended.stdout, `ready\n${left}; after prune 0\n${left}; after start 0\n`, ended.stderr)
  },
)

test.serial('segments of a live cluster are listed as such, and prune leaves them', async t => {
  await using cluster = await Cluster.start(1)
  cluster.createShared('A', 10)
  const listed = () => Cluster.listSegments().filter(each => each.cluster === cluster.name)
  t.deepEqual(
    listed()
      .map(each => [each.array, each.stale, each.ownerPid === process.pid || each.ownerPid === null])
      .sort(),
    [
      [null, false, true],
      ['A', false, true],
    ],
  )
  const removed = Cluster.prune()
  t.false(removed.some(each => each.includes(cluster.name)))
  t.is(listed().length, 2)
})

test.serial('a process that a worker starts is no worker, and may have a cluster of its own', async t => {
  await using cluster = await Cluster.start(1)
  const [{ env, main }] = await cluster.runProcesses(ref.grandchild)
  t.false(env)
  t.like(JSON.parse(main), { id: 0, size: 1, run: 1 })
})

test.serial('workers get the program’s arguments, execArgv and env, and the options’ where given', async t => {
  await Cluster.run(1, async cluster => {
    const [{ argv, execArgv, env }] = await cluster.runProcesses(ref.startedWith)
    t.deepEqual(argv, process.argv.slice(2))
    t.deepEqual(execArgv, process.execArgv)
    t.is(env.PATH, process.env.PATH)
    t.false('TSDSM_WORKER' in env)
  })
  const options = { execArgv: ['--no-warnings'], env: { ONLY: 'this' } }
  await Cluster.run(1, options, async cluster => {
    const [{ execArgv, env }] = await cluster.runProcesses(ref.startedWith)
    t.deepEqual(execArgv, ['--no-warnings'])
    t.is(env.ONLY, 'this')
    t.is(env.PATH, undefined)
  })
})

test.serial('close ends a worker that ignores SIGTERM, too', async t => {
  const cluster = await Cluster.start(1)
  const started = cluster.createShared('started', 2)
  const run = cluster.runProcesses(ref.ignoreTerm)
  run.catch(() => {})
  await until(() => started[0] === 1, 'the task has begun')
  const [{ pid }] = cluster.workers
  await cluster.close()
  t.false(isAlive(pid as number))
  await t.throwsAsync(run, { code: 'ERR_TSDSM_CLOSED' })
})

test.serial('the worker program started by hand says what it is', t => {
  const worker = new URL('../../dist/worker.js', import.meta.url).pathname
  const { status, stderr } = spawnSync(process.execPath, [worker], { encoding: 'utf8' })
  t.is(status, 2)
  t.regex(stderr, /Cluster\.start/)
})

test.serial('many clusters one after the other leave no descriptor open', async t => {
  const { readdirSync } = await import('node:fs')
  const open = () => readdirSync('/proc/self/fd').length
  await Cluster.run(2, async cluster => cluster.runProcesses(ref.nothing))
  const before = open()
  for (let i = 0; i < 5; i++) await Cluster.run(2, async cluster => cluster.runProcesses(ref.nothing))
  await until(() => open() <= before, 'all descriptors are closed')
  t.pass()
})

test.serial('a cluster in a worker_thread runs, and its end takes the workers and the segments along', async t => {
  const name = freshName('thread')
  const thread = new Worker(fixture('in-thread.mjs'), { workerData: name })
  const [{ ids, pids }] = (await once(thread, 'message')) as [{ ids: number[]; pids: number[] }]
  t.deepEqual(ids, [0, 1])
  t.true(segmentsOf(name).length > 0)
  await thread.terminate()
  await nothingLeft(pids, name)
})
