// Programs that join a running cluster, from other processes and from worker_threads: what they share, and what becomes
// of others when they end, or main does.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { BrokenBarrierError, ClosedError, Cluster, OwnerDiedError } from 'tsdsm'
import { furnish, ref, takeAll, WAITS } from './fixtures/join.mjs'
import { fixture, freshName, Program, runProgram, segmentsOf, until } from './helpers/process.mjs'
import { rejection } from './helpers/sync.mjs'

const FIXTURE = fixture('join.mjs')
const KINDS = Object.keys(WAITS)

/** A cluster of this program, with all that joiners use. */
async function start(t: ExecutionContext, options?: Parameters<typeof Cluster.start>[1]) {
  const cluster = await Cluster.start(1, { name: freshName('join'), ...options })
  t.teardown(() => cluster.close())
  furnish(cluster)
  return cluster
}

/** A program of the fixture. */
function launch(t: ExecutionContext, how: string, name: string): Program {
  const program = new Program([FIXTURE, how, name], { keepStdin: true })
  t.teardown(() => {
    if (program.child.exitCode === null && program.child.signalCode === null) program.child.kill('SIGKILL')
  })
  return program
}

test.serial('an unrelated program has the same arrays, locks, barriers and their kin', async t => {
  const cluster = await start(t, { seed: 99 })
  const A = cluster.getShared('A')
  A[0] = 41
  const { code, stdout, stderr } = await runProgram([FIXTURE, 'use', cluster.name])
  t.deepEqual([code, stderr], [0, ''])
  t.deepEqual(JSON.parse(stdout), { same: cluster.name, size: 1, seed: '99', index: 0 })
  t.deepEqual([...A], [41, 42, 3, 4])
  t.deepEqual([...cluster.getShared('mine', 'float64')], [0.5, 0.5, 0.5, 0.5], 'what it made stays when it has gone')
  t.deepEqual([cluster.getCounter('C').load(), cluster.getLatch('T').count], [5, 0])
  t.true(cluster.getOnce('O').done && cluster.getEvent('mine').isSet)
  t.is(cluster.getSemaphore('S').available, 2)
})

test.serial('a worker_thread of a worker joins its own cluster', async t => {
  const cluster = await start(t)
  t.deepEqual(await cluster.runProcesses(ref.joinInThread, [cluster.name]), [cluster.name])
  t.is(cluster.getShared('A')[3], 1)
})

test.serial('a program may join twice, the same cluster and another, and leave each by itself', async t => {
  const [one, other] = [await start(t), await start(t)]
  const [a, b, c] = [one, one, other].map(cluster => Cluster.join(cluster.name))
  a.getLock('L').acquire()
  t.false(b.getLock('L').tryAcquire(), 'two participants, even on one thread')
  t.true(c.getLock('L').tryAcquire())
  a.getLock('L').release()
  const late = rejection(a.getEvent('E').waitAsync())
  a.close()
  a.close()
  t.true((await late) instanceof ClosedError)
  t.deepEqual([a.closed, a.signal.aborted, b.closed], [true, true, false])
  t.throws(() => a.getShared('A'), { code: 'ERR_TSDSM_CLOSED', message: /has left cluster/ })
  b.getLock('L').withLock(() => {})
  const { signal } = b
  using _ = b
  const leave = new AbortController()
  const d = Cluster.join(one.name, { signal: leave.signal })
  leave.abort(new Error('enough'))
  t.true(d.closed)
  t.is(d.signal.reason.message, 'enough')
  t.throws(() => Cluster.join(one.name, { signal: leave.signal }), { message: 'enough' })
  t.false(signal.aborted)
  c.close()
})

test.serial('what cannot be joined is refused, with what is wrong', async t => {
  const cluster = await Cluster.start(1, { name: freshName('full'), maxParticipants: 4 })
  t.teardown(() => cluster.close())
  t.throws(() => Cluster.join('nobody-s'), { code: 'ERR_TSDSM_NOT_FOUND', message: /running cluster.*nobody-s/ })
  for (const name of ['', 'a.b', 'a/b', 7]) {
    t.throws(() => Cluster.join(name as string), { code: 'ERR_TSDSM_INVALID_ARGUMENT' })
  }
  t.throws(() => Cluster.join(cluster.name, { timeout: 1 } as object), { message: /no option 'timeout'/ })

  const all = [Cluster.join(cluster.name), Cluster.join(cluster.name)]
  t.throws(() => Cluster.join(cluster.name), { code: 'ERR_TSDSM_CAPACITY', message: /all 4 slots/ })
  for (const each of all) each.close()
  Cluster.join(cluster.name).close()

  // The same file, of a version to come.
  const other = `/dev/shm/tsdsm.${freshName('version')}`
  t.teardown(() => rmSync(other, { force: true }))
  const bytes = readFileSync(`/dev/shm/tsdsm.${cluster.name}`)
  bytes.writeUInt32LE(bytes.readUInt32LE(8) + 1, 8)
  writeFileSync(other, bytes)
  const found = t.throws(() => Cluster.join(other.slice('/dev/shm/tsdsm.'.length)))
  t.is((found as unknown as { code: string }).code, 'ERR_TSDSM_INCOMPATIBLE_SEGMENT')
  await cluster.close()
  t.throws(() => Cluster.join(cluster.name), { code: 'ERR_TSDSM_NOT_FOUND' })
})

// ---- the end of a joiner --------------------------------------------------------------------------------------------

const ends: Record<string, (program: Program) => unknown> = {
  'kill -9': program => program.child.kill('SIGKILL'),
  'Ctrl-C': program => program.child.kill('SIGINT'),
  'process.exit': program => program.child.stdin?.write('exit\n'),
  'an exception': program => program.child.stdin?.write('throw\n'),
  'the end of its program': program => program.child.stdin?.write('end\n'),
  'terminate() of its thread': program => program.child.stdin?.write('terminate\n'),
}

for (const [how, end] of Object.entries(ends)) {
  test.serial(`a joiner that ends by ${how} is answered where it is counted on, and nowhere else`, async t => {
    const cluster = await start(t)
    const program = launch(t, how.startsWith('terminate') ? 'hold in a thread' : 'hold', cluster.name)
    t.is(await cluster.getBarrier('pair').waitAsync(), 0)
    await program.says(/holding/)
    const told = rejection(cluster.getBarrier('pair').waitAsync())
    end(program)
    const broken = (await told) as BrokenBarrierError
    t.true(broken instanceof BrokenBarrierError)
    t.deepEqual([broken.reason, broken.workerId], ['died', null])
    for (const lock of [cluster.getLock('L'), cluster.getRwLock('R').write]) {
      const died = (await rejection(lock.acquireAsync())) as OwnerDiedError
      t.true(died instanceof OwnerDiedError)
      t.is(died.workerId, null)
      t.true(await lock.acquireAsync({ recover: true }))
      lock.release()
    }
    await cluster.getSemaphore('S').acquireAsync({ permits: 2 })
    t.deepEqual(
      ['others', 'crowd'].map(name => cluster.getBarrier(name).broken),
      [false, false],
    )
    t.deepEqual([cluster.getLatch('T').broken, cluster.getLatch('T').count], [false, 2])
    if (how === 'terminate() of its thread') await program.says(/terminated/)
    program.child.stdin?.end()
    await program.ended
  })
}

test.serial(
  'a joiner in another pid namespace lives as long as it lives, and is answered when it is killed',
  async t => {
    const cluster = await start(t)
    const args = ['--pid', '--fork', '--kill-child', process.execPath, FIXTURE, 'hold', cluster.name]
    const program = new Program(args, { command: 'unshare', keepStdin: true })
    t.teardown(() => program.child.kill('SIGKILL'))
    const pair = cluster.getBarrier('pair')
    const came = await Promise.race([pair.waitAsync(), program.ended])
    if (typeof came === 'object') {
      t.log(`SKIPPED: no pid namespace here: ${came.stderr.trim()}`)
      t.pass()
      return
    }
    await program.says(/holding/)
    // Whoever waits also looks the holder's process up, whose number is another's here.
    await t.throwsAsync(cluster.getLock('L').acquireAsync({ timeout: 200 }), { code: 'ERR_TSDSM_TIMEOUT' })
    const told = rejection(pair.waitAsync())
    program.child.kill('SIGKILL')
    t.is(((await told) as BrokenBarrierError).reason, 'died')
    t.true((await rejection(cluster.getLock('L').acquireAsync())) instanceof OwnerDiedError)
  },
)

test.serial('a joiner that leaves in order breaks no barrier that it does not wait in', async t => {
  const cluster = await start(t)
  const program = launch(t, 'hold', cluster.name)
  await cluster.getBarrier('pair').waitAsync()
  await program.says(/holding/)
  program.child.stdin?.write('close\n')
  t.is((await program.ended).code, 0)
  t.true((await rejection(cluster.getLock('L').acquireAsync())) instanceof OwnerDiedError)
  t.false(cluster.getBarrier('pair').broken)
  using another = Cluster.join(cluster.name)
  const both = [cluster, another].map(each => each.getBarrier('pair').waitAsync())
  t.deepEqual((await Promise.all(both)).sort(), [0, 1])
})

test.serial('process.exit and terminate() end a joiner in the midst of every wait', async t => {
  const cluster = await start(t)
  await takeAll(cluster)
  const { code, stderr } = await runProgram([FIXTURE, 'wait and exit', cluster.name])
  t.deepEqual([code, stderr], [7, ''])
  const terminated = await runProgram([FIXTURE, 'wait and terminate', cluster.name])
  t.like(terminated, { code: 0, stdout: 'terminated\n', stderr: '' })
  // All places are free again.
  using _ = Cluster.join(cluster.name)
  t.true(cluster.getBarrier('crowd').broken)
})

test.serial('a joiner that does nothing does not keep its program alive', async t => {
  const cluster = await start(t)
  t.like(await runProgram([FIXTURE, 'idle', cluster.name]), { code: 0, stdout: 'idle\n', stderr: '' })
  t.is(cluster.getShared('A')[2], 1)
})

// ---- the end of the cluster -----------------------------------------------------------------------------------------

/** What the first who leaves may do to the next: it breaks the barrier; of a condition, it lets all pass, to look again. */
const OTHERWISE: Record<string, string> = {
  barrier: '(ERR_TSDSM_CLOSED|ERR_TSDSM_BROKEN_BARRIER)',
  condition: '(ERR_TSDSM_CLOSED|passed)',
}

for (const end of ['close', 'kill -9']) {
  test.serial(
    `when main ends by ${end}, every wait of a joiner ends with a ClosedError, and the joiner goes on`,
    async t => {
      const name = freshName('main')
      const main = launch(t, 'main', name)
      await main.says(/ready/)
      // Whoever holds everything is stopped, and gives nothing back, which would be an answer, too.
      const holder = launch(t, 'take all', name)
      await holder.says(/taken/)
      holder.child.kill('SIGSTOP')
      const joined = Cluster.join(name)
      const A = joined.getShared('A')
      const program = launch(t, 'wait', name)
      await program.says(/waiting/)
      const aborted = new Promise<Event>(resolve => joined.signal.addEventListener('abort', resolve, { once: true }))
      if (end === 'close') main.child.stdin?.write('\n')
      else main.child.kill('SIGKILL')

      const { code, stdout, stderr } = await program.ended
      t.deepEqual([code, stderr], [0, ''])
      for (const kind of KINDS) {
        const answer = OTHERWISE[kind] ?? 'ERR_TSDSM_CLOSED'
        for (const form of ['blocking', 'async']) t.regex(stdout, new RegExp(`^${form} ${kind} ${answer}$`, 'm'))
      }
      t.regex(stdout, /\nended true true ERR_TSDSM_CLOSED 7\n$/)

      await aborted
      t.true(joined.closed && joined.signal.reason instanceof ClosedError)
      t.throws(() => joined.getLock('L'), { code: 'ERR_TSDSM_CLOSED', message: /main process of cluster .* has ended/ })
      t.throws(() => joined.createShared('B', 1), { code: 'ERR_TSDSM_CLOSED' })
      t.is(A[0], 7)
      await until(() => segmentsOf(name).length === 0, 'the segments are gone')
      await main.ended
      t.throws(() => Cluster.join(name), { code: 'ERR_TSDSM_NOT_FOUND' })
    },
  )
}

test.serial('a joiner that never waits for an event finds at once that main has ended', async t => {
  const cluster = await Cluster.start(1, { name: freshName('spin') })
  const joined = Cluster.join(cluster.name)
  t.false(joined.closed)
  const closing = cluster.close()
  await closing
  // Without a turn of the event loop in between, but for those of the close itself.
  while (!joined.closed);
  t.throws(() => joined.listShared(), { code: 'ERR_TSDSM_CLOSED' })
})
