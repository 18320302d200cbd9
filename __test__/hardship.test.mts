// Programs in hard places: killed at the worst moment, without room, in odd surroundings.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { folder } from './helpers/npy.mjs'
import { fixture, freshName, inNamespace, isAlive, Program, pidsOf, segmentsOf, until } from './helpers/process.mjs'

const FIXTURE = fixture('hardship.mjs')

function launch(t: ExecutionContext, how: string, detail = '', options: ConstructorParameters<typeof Program>[1] = {}) {
  const name = freshName(how)
  const program = new Program([FIXTURE, how, name, detail], options)
  t.teardown(() => {
    if (program.child.exitCode === null && program.child.signalCode === null) program.child.kill('SIGKILL')
  })
  return { name, program }
}

/** The workers end, and when the last one has ended no segment is left: at once, since others' starts clean up, too. */
async function nothingLeft(t: ExecutionContext, name: string, pids: readonly number[]): Promise<void> {
  await until(() => !pids.some(isAlive), 'the workers have ended')
  t.deepEqual(segmentsOf(name), [])
}

for (const kind of ['idle', 'lock', 'barrier', 'native', 'loop', 'await']) {
  test.serial(`kill -9 of main while it closes leaves no worker and no segment: workers ${kind}`, async t => {
    const { name, program } = launch(t, 'closing', kind)
    t.is((await program.ended).signal, 'SIGKILL')
    await nothingLeft(t, name, await pidsOf(program))
  })
}

test.serial('kill -9 of main while it starts leaves no segment', async t => {
  const { name, program } = launch(t, 'starting', 'kill')
  const pids = await pidsOf(program)
  await until(() => !isAlive(program.pid), 'main is dead')
  t.true(pids.every(isAlive))
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  await nothingLeft(t, name, pids)
})

test.serial('process.exit while the cluster starts leaves nothing, and no worker complains', async t => {
  const { name, program } = launch(t, 'starting', 'exit')
  t.like(await program.ended, { code: 3, stderr: '' })
  await nothingLeft(t, name, await pidsOf(program))
})

for (const kind of ['lock', 'barrier', 'native', 'loop', 'await']) {
  test.serial(`kill -9 of main, and of a worker, is answered whatever the workers do: ${kind}`, async t => {
    const killed = launch(t, 'trouble', kind)
    const pids = await pidsOf(killed.program)
    await killed.program.says(/busy/)
    process.kill(killed.program.pid, 'SIGKILL')
    await killed.program.ended
    await nothingLeft(t, killed.name, pids)
    t.regex(killed.program.stdout, /busy\n$/)

    for (const victim of [0, 1]) {
      const { name, program } = launch(t, 'trouble', kind)
      const pids = await pidsOf(program)
      await program.says(/busy/)
      process.kill(pids[victim], 'SIGKILL')
      // Not what its death did to the other worker.
      await program.says(new RegExp(`rejected WorkerDiedError ${victim} SIGKILL\n`))
      process.kill(program.pid, 'SIGUSR2')
      await program.says(/closed/)
      await nothingLeft(t, name, pids)
      program.child.kill('SIGKILL')
      await program.ended
    }
  })
}

test.serial('a worker that is stopped does not keep the cluster from closing', async t => {
  const { name, program } = launch(t, 'trouble', 'barrier')
  const pids = await pidsOf(program)
  await program.says(/busy/)
  process.kill(pids[0], 'SIGSTOP')
  process.kill(program.pid, 'SIGUSR2')
  await program.says(/closed/)
  await nothingLeft(t, name, pids)
  t.true(isAlive(program.pid))
})

for (const kind of ['lock', 'barrier']) {
  test.serial(`a main that is blocked while a worker dies hears of the death afterwards: ${kind}`, async t => {
    const { name, program } = launch(t, 'blocked', kind)
    const { stdout, code } = await program.ended
    t.regex(stdout, /busy\nrejected WorkerDiedError 0 SIGKILL\nclosed\n$/)
    t.is(code, 0)
    await nothingLeft(t, name, await pidsOf(program))
  })
}

test.serial('a worker_thread that has a cluster and is terminated leaves nothing', async t => {
  const { name, program } = launch(t, 'thread', 'barrier')
  const pids = await pidsOf(program)
  await program.says(/busy/)
  process.kill(program.pid, 'SIGUSR2')
  await program.says(/terminated/)
  await nothingLeft(t, name, pids)
  t.true(isAlive(program.pid))
})

test.serial(
  'too large for /dev/shm: refused with the figures, at once and asynchronously, and the cluster goes on',
  async t => {
    const mount = 'mount -t tmpfs -o size=16m tmpfs /dev/shm'
    const ended = await inNamespace(t, mount, FIXTURE, 'too-big', freshName('small'))
    if (ended === undefined) return
    t.is(
      ended.stdout.match(/OutOfSharedMemoryError ERR_TSDSM_OUT_OF_SHARED_MEMORY: .*\/dev\/shm has 16777216 bytes/g)
        ?.length,
      4,
    )
    t.regex(ended.stdout, /--shm-size/)
    t.true(ended.stdout.endsWith('went on\n'), ended.stdout)
    t.like(ended, { code: 0, stderr: '' })
  },
)

test.serial('arguments too large for /dev/shm: the run is refused, and the cluster goes on', async t => {
  const mount = 'mount -t tmpfs -o size=8m tmpfs /dev/shm'
  const ended = await inNamespace(t, mount, FIXTURE, 'big-run', freshName('small'))
  if (ended === undefined) return
  t.regex(ended.stdout, /\nOutOfSharedMemoryError .*\nwent on\n$/)
  t.like(ended, { code: 0, stderr: '' })
})

for (const [what, mount, pattern] of [
  [
    'no',
    'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9',
    /there is no \/dev\/shm/,
  ],
  ['a read-only', 'mount -t tmpfs -o ro tmpfs /dev/shm', /read-only/],
  ['a full', 'mount -t tmpfs -o size=4k tmpfs /dev/shm', /OUT_OF_SHARED_MEMORY/],
] as const) {
  test.serial(`with ${what} /dev/shm a start is refused and says why`, async t => {
    const ended = await inNamespace(t, mount, FIXTURE, 'refused', freshName('none'))
    if (ended === undefined) return
    t.regex(ended.stdout, pattern)
    t.notRegex(ended.stdout, /started/)
    t.like(ended, { code: 0, stderr: '' })
  })
}

test.serial('a file-backed array on a full disk is refused, and leaves no file', async t => {
  const disk = await folder(t)
  const mount = `mount -t tmpfs -o size=8m tmpfs ${disk}`
  const ended = await inNamespace(t, mount, FIXTURE, 'too-big-file', freshName('disk'), disk)
  if (ended === undefined) return
  t.regex(ended.stdout, /\n\w+Error ERR_TSDSM_\w+: .*\nfiles \nfiles small.npy\n$/)
  t.like(ended, { code: 0, stderr: '' })
})

test.serial('too large for the control group: refused, and nobody is killed', async t => {
  const parent = /^\d+:memory:\/(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))
  const group = join('/sys/fs/cgroup/memory', parent?.[1] ?? '', freshName('tsdsm-test'))
  try {
    if (parent === null) throw new Error('the memory controller is not one of version 1')
    mkdirSync(group)
  } catch (error) {
    t.log(`SKIPPED: no control group can be made here: ${(error as Error).message}`)
    t.pass()
    return
  }
  t.teardown(() => until(() => removed(group), 'the control group is empty'))
  writeFileSync(join(group, 'memory.limit_in_bytes'), String(1 << 30))
  const script = 'echo $$ > "$0" && exec "$@"'
  const args = ['-c', script, join(group, 'cgroup.procs'), process.execPath, FIXTURE, 'too-big', freshName('group')]
  const { stdout, stderr, code } = await new Promise<{ stdout: string; stderr: string; code: unknown }>(resolve =>
    execFile('sh', args, (error, stdout, stderr) => resolve({ stdout, stderr, code: error?.code ?? 0 })),
  )
  t.is(stdout.match(/OutOfSharedMemoryError .*control group/g)?.length, 2, stdout)
  t.is(stdout.match(/made 4194304/g)?.length, 2, stdout)
  t.true(stdout.endsWith('went on\n'))
  t.is(code, 0)
  t.is(stderr, '')
})

function removed(group: string): boolean {
  try {
    rmdirSync(group)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
  }
  return !existsSync(group)
}

test.serial(
  'the workers have main’s working directory, heap limit and preloaded modules, and an empty standard input',
  async t => {
    // A long path with spaces and other letters; main comes there by process.chdir or is started there.
    const deep = join(await folder(t), 'with space', 'ü'.repeat(60), 'x'.repeat(200))
    mkdirSync(deep, { recursive: true })
    const preload = join(await folder(t), 'preload.cjs')
    writeFileSync(preload, 'globalThis.preloaded = true')
    const env = { NODE_OPTIONS: `--max-old-space-size=777 --require ${preload}` }
    for (const [detail, options] of [
      [deep, { env, stdin: 'for main' }],
      ['', { env, stdin: 'for main', cwd: deep }],
    ] as const) {
      const { name, program } = launch(t, 'about', detail, options)
      const { stdout, code, stderr } = await program.ended
      t.deepEqual([code, stderr], [0, ''])
      const abouts = JSON.parse(stdout.slice(stdout.indexOf('[')))
      t.is(abouts.length, 2)
      for (const { cwd, input, heap, preloaded } of abouts) {
        t.deepEqual([cwd, input, preloaded], [deep, 0, true])
        t.true(heap >= 777 * 2 ** 20 && heap < 1100 * 2 ** 20, String(heap))
      }
      await nothingLeft(t, name, await pidsOf(program))
    }
  },
)

test.serial('output to a reader that has gone away ends neither the program nor a worker', async t => {
  const { name, program } = launch(t, 'chatter')
  program.child.stdout?.once('data', () => program.child.stdout?.destroy())
  const { code, stderr } = await program.ended
  t.is(stderr, 'done\n')
  t.is(code, 0)
  await nothingLeft(t, name, await pidsOf(program))
})

test.serial(
  'damaged, replaced and removed segments are refused with the reason, and a name may have any letters',
  async t => {
    const { name, program } = launch(t, 'damaged')
    const { stdout, stderr, code } = await program.ended
    t.deepEqual([code, stderr], [0, ''])
    const [, ...lines] = stdout.trim().split('\n')
    for (const line of lines.slice(0, 3)) t.regex(line, /^IncompatibleSegmentError ERR_TSDSM_INCOMPATIBLE_SEGMENT: /)
    for (const line of lines.slice(3, 5)) {
      const found = JSON.parse(line)
      t.is(found.length, 2)
      for (const why of found) t.regex(why, /^ERR_TSDSM_(INCOMPATIBLE_SEGMENT|NOT_FOUND): .*victim/)
    }
    t.deepEqual(JSON.parse(lines[5]), [7, 7])
    t.is(lines.length, 6)
    await nothingLeft(t, name, await pidsOf(program))
  },
)

test.serial('forty clusters, one after the other, leave no descriptor, mapping or thread', async t => {
  const { stdout, stderr, code } = await new Program(['--expose-gc', FIXTURE, 'rounds', '', '40']).ended
  t.deepEqual([code, stderr], [0, ''])
  const [before, after] = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as number[])
  for (const i of before.keys()) t.true(after[i] <= before[i], `${before} became ${after}`)
})

test.serial('lines of a megabyte come out whole', async t => {
  const { program } = launch(t, 'long-line')
  const { stdout, code } = await program.ended
  const lines = stdout.trim().split('\n').slice(1).sort()
  t.true(lines.length === 2 && lines[0] === '0'.repeat(2 ** 20) && lines[1] === '1'.repeat(2 ** 20))
  t.is(code, 0)
})
