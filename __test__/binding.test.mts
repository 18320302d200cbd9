import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import {
  CapacityError,
  ClosedError,
  IncompatibleSegmentError,
  InvalidArgumentError,
  NameExistsError,
  NotFoundError,
  SystemError,
  TsdsmError,
} from 'tsdsm'
import { BARRIER, CANCELLED, LOCK, native, options, type Session } from './helpers/native.mjs'
import { fixture, isAlive, Program, ROOT, runProgram, segmentsOf, until } from './helpers/process.mjs'

const run = promisify(execFile)
const CHILD = fixture('binding-child.mjs')

/** A session that ends with the test. */
function open(t: ExecutionContext, limits?: Parameters<typeof options>[1]): Session {
  const session = native.sessionCreate(options('binding', limits))
  t.teardown(() => native.sessionClose(session))
  return session
}

/** The time-out only keeps a broken promise from hanging the tests. */
function ends(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, [CHILD, ...args], { timeout: 60_000, killSignal: 'SIGKILL' })
}

// ---- doorbells ---------------------------------------------------------------------------------------------------------

test('a doorbell wakes the event loop of another process, each way', async t => {
  const there = native.doorbellCreate()
  const back = native.doorbellCreate()
  const child = spawn(process.execPath, [CHILD, 'echo'], { stdio: ['pipe', 'inherit', 'inherit', there, back] })
  let rounds = 0
  await new Promise<void>(resolve => {
    const bell = native.doorbellListen(back, () => {
      rounds++
      if (rounds < 200) native.doorbellRing(there)
      else {
        native.doorbellClose(bell)
        resolve()
      }
    })
    native.doorbellRef(bell, true)
    native.doorbellRing(there)
  })
  child.stdin?.end()
  t.deepEqual(await once(child, 'exit'), [0, null])
  native.doorbellClose(native.doorbellListen(there, () => {}))
})

test('a doorbell keeps the process alive only when told to', async t => {
  t.is((await ends('idle')).stdout, 'listening\n')
})

test('what a ring throws is an uncaught exception, and the doorbell goes on', async t => {
  const program = `
    const { native } = require(${JSON.stringify(join(ROOT, 'dist/native.js'))})
    const fd = native.doorbellCreate()
    let rings = 0
    const bell = native.doorbellListen(fd, () => {
      if (++rings === 1) throw new Error('first ring')
      native.doorbellClose(bell)
      native.doorbellClose(bell)
      console.log('second ring')
    })
    native.doorbellRef(bell, true)
    process.on('uncaughtException', error => {
      console.log(error.message)
      native.doorbellRing(fd)
    })
    native.doorbellRing(fd)`
  const { stdout } = await run(process.execPath, ['-e', program], { timeout: 60_000 })
  t.is(stdout, 'first ring\nsecond ring\n')
})

test('a doorbell rings in a REPL, whose global object has a domain', async t => {
  const repl = spawn(process.execPath, ['-i'], { stdio: ['pipe', 'pipe', 'inherit'] })
  // Its standard input stays open: with the end of that the REPL would end, rung or not.
  repl.stdin.write(`
    const { native } = require(${JSON.stringify(join(ROOT, 'dist/native.js'))})
    const fd = native.doorbellCreate()
    native.doorbellListen(fd, () => process.exit(7))
    process.on('uncaughtException', () => process.exit(1))
    native.doorbellRing(fd)\n`)
  repl.stdout.resume()
  t.deepEqual(await once(repl, 'exit'), [7, null])
})

test('a ring runs promises and ticks before it returns to the loop', async t => {
  const fd = native.doorbellCreate()
  const order: string[] = []
  await new Promise<void>(resolve => {
    const bell = native.doorbellListen(fd, () => {
      setImmediate(() => {
        order.push('immediate')
        native.doorbellClose(bell)
        resolve()
      })
      void Promise.resolve().then(() => order.push('promise'))
      process.nextTick(() => order.push('tick'))
    })
    native.doorbellRef(bell, true)
    native.doorbellRing(fd)
  })
  t.deepEqual(order, ['tick', 'promise', 'immediate'])
})

test('a descriptor that cannot be rung or polled is an error', t => {
  for (const call of [() => native.doorbellRing(100_000), () => native.doorbellListen(100_000, () => {})]) {
    t.like(t.throws(call), { code: 'ERR_TSDSM_SYSTEM', name: 'SystemError', details: { errno: 9 } })
  }
})

// ---- buffers -----------------------------------------------------------------------------------------------------------

test('two processes see one memory; a read-only mapping keeps its writes to itself', async t => {
  const session = open(t)
  const { buffer, segment } = native.arrayCreate(session, 'A', '<f8', [3], { mode: 0o600 })
  const view = new Float64Array(buffer)
  view.set([1, 2, 3])
  t.is((await ends('attach', segment)).stdout, '6\n')
  t.deepEqual([...view], [1, 42, 3])
})

test('a detached buffer is empty, twice over, and takes nothing from the others', t => {
  const session = open(t)
  const first = native.arrayCreate(session, 'A', '<i4', [2, 2], { mode: 0o600 })
  const second = native.arrayGet(session, 'A', false)
  const [a, b] = [new Int32Array(first.buffer), new Int32Array(second.buffer)]
  a[3] = 9
  native.bufferDetach(first.buffer)
  native.bufferDetach(first.buffer)
  t.is(a.length, 0)
  t.true(a[3] === undefined)
  t.throws(() => Atomics.load(a, 3))
  t.is(b[3], 9)
})

test('an empty array has an empty buffer', t => {
  const session = open(t)
  const { buffer, shape } = native.arrayCreate(session, 'A', '<f8', [0, 5], { mode: 0o600 })
  t.is(buffer.byteLength, 0)
  t.deepEqual(shape, [0, 5])
  t.is(native.arrayGet(session, 'A', true).buffer.byteLength, 0)
})

test('an array outlives its session, the control segment does not', t => {
  const session = native.sessionCreate(options('binding'))
  const { cluster } = native.sessionFacts(session)
  const view = new Int32Array(native.arrayCreate(session, 'A', '<i4', [4], { mode: 0o600 }).buffer)
  const control = native.sessionBuffer(session)
  t.is(native.sessionBuffer(session), control)
  view[1] = 5
  native.sessionClose(session)
  native.sessionClose(session)
  t.is(view[1], 5)
  t.is(control.byteLength, 0)
  t.deepEqual(segmentsOf(cluster), [])
})

test('what is too large for one buffer or for the machine is refused before anything is made', t => {
  const session = open(t)
  const { cluster } = native.sessionFacts(session)
  const error = t.throws(() => native.arrayCreate(session, 'A', '<f8', [2 ** 51], { mode: 0o600 }))
  if (Number(process.versions.node.split('.')[0]) < 22) {
    t.like(error, { code: 'ERR_TSDSM_UNSUPPORTED' })
    t.regex(error?.message ?? '', /4 GiB .* Node 22/)
  } else {
    // 2^54 bytes and a header: more than a number holds exactly.
    t.like(error, { code: 'ERR_TSDSM_OUT_OF_SHARED_MEMORY', need: 2n ** 54n + 4096n })
  }
  t.deepEqual(segmentsOf(cluster), [`tsdsm.${cluster}`])
})

// ---- sessions ----------------------------------------------------------------------------------------------------------

test('what the binding throws is of the exported classes, with a stable code and details', t => {
  const session = open(t, { workers: 1 })
  native.objectCreate(session, LOCK, 'L', 0, 0)
  native.arrayCreate(session, 'A', '<f8', [1], { mode: 0o600 })
  const closed = native.sessionCreate(options('closed'))
  native.sessionClose(closed)
  const cases: [() => unknown, new (...args: never) => TsdsmError, string, object][] = [
    [() => native.objectFind(session, LOCK, ''), InvalidArgumentError, 'INVALID_ARGUMENT', {}],
    [() => native.objectCreate(session, LOCK, 'L', 0, 0), NameExistsError, 'NAME_EXISTS', { name: 'L' }],
    [() => native.arrayGet(session, 'B', false), NotFoundError, 'NOT_FOUND', { what: 'array', name: 'B' }],
    [() => native.arrayAttachFile(process.execPath, true), IncompatibleSegmentError, 'INCOMPATIBLE_SEGMENT', {}],
    [() => native.layout(closed), ClosedError, 'CLOSED', {}],
    [() => native.doorbellRing(100_000), SystemError, 'SYSTEM', { call: 'write to a doorbell', errno: 9 }],
    [
      () => Array.from({ length: 16 }, (_, i) => native.arrayCreate(session, `a${i}`, '|u1', [1], { mode: 0o600 })),
      CapacityError,
      'CAPACITY',
      { what: 'arrays', limit: 16 },
    ],
  ]
  for (const [call, type, code, details] of cases) {
    const error = t.throws(call, { instanceOf: type, code: `ERR_TSDSM_${code}` }) as unknown as TsdsmError
    t.true(error instanceof TsdsmError)
    t.is(error.name, type.name)
    t.deepEqual({ ...error.details, ...details }, error.details)
    t.regex(error.stack ?? '', /binding\.test/)
    t.deepEqual(Object.keys(error), ['code', 'details'])
  }
})

test('rounds of sessions leave no descriptor, mapping or thread', async t => {
  const { stdout } = await run(process.execPath, ['--expose-gc', CHILD, 'rounds', '100'], { timeout: 120_000 })
  const { before, after } = JSON.parse(stdout)
  t.deepEqual(after, before)
})

test('nonsense in any argument of any function is a typed error, never the end of the process', async t => {
  const { stdout } = await run(process.execPath, [fixture('binding-nonsense.mjs')], { timeout: 120_000 })
  const { functions, strange } = JSON.parse(stdout)
  t.deepEqual(strange, [])
  t.is(functions, Object.values(native).filter(value => typeof value === 'function').length)
})

test('a worker blocked in native code ends with its main, and nothing stays', async t => {
  const name = options('orphan').name
  const main = new Program([
    '-e',
    `const { native } = require(${JSON.stringify(join(ROOT, 'dist/native.js'))})
    const { spawn } = require('node:child_process')
    const session = native.sessionCreate({ name: '${name}', workers: 1, slots: 4, objects: 8, arrays: 4, seed: 1n, mode: 0o600 })
    native.waitSlice(session, native.objectCreate(session, 1, 'taken', 0, 0), 1, 0, 0, -1)
    native.objectCreate(session, 2, 'never full', 2, 0)
    const bells = [native.doorbellCreate(), native.doorbellCreate()]
    const child = spawn(process.execPath, [${JSON.stringify(CHILD)}, 'worker', '${name}'], { stdio: ['ignore', 'inherit', 'inherit', ...bells] })
    console.log('pid', child.pid)
    setInterval(() => {}, 1e6)`,
  ])
  const pid = Number((await main.says(/pid (\d+)/))[1])
  await main.says(/blocked/)
  process.kill(main.pid, 'SIGKILL')
  await until(() => !isAlive(pid), 'the worker has ended')
  t.deepEqual(segmentsOf(name), [])
})

test('messages of any size reach a worker and come back; its death tells the run and the signal', async t => {
  const session = open(t, { workers: 1 })
  const { cluster } = native.sessionFacts(session)
  const [there, back] = [native.doorbellCreate(), native.doorbellCreate()]
  const child = spawn(process.execPath, [CHILD, 'mirror', cluster], {
    stdio: ['ignore', 'inherit', 'inherit', there, back],
  })
  const settled: ReturnType<typeof native.runCollect> = []
  const bell = native.doorbellListen(back, () => settled.push(...native.runCollect(session)))
  t.teardown(() => {
    native.doorbellClose(bell)
    native.doorbellClose(native.doorbellListen(there, () => {}))
  })
  native.watchWorker(session, 0, child.pid as number, back)
  const next = async () => {
    await until(() => settled.length > 0, 'the worker has settled')
    return settled.shift()
  }
  t.like(await next(), { worker: 0, status: 'ready', pid: child.pid })

  for (const size of [1, 4000, 4096, 65_536, 65_537, 3_000_000]) {
    const sent = Buffer.alloc(size, (size % 250) + 1)
    const run = native.runBegin(session, [0])
    native.runPost(session, run, [0], sent, [there])
    const { payload, ...rest } = (await next()) ?? {}
    t.deepEqual(rest, { worker: 0, status: 'done', run, pid: child.pid as number })
    t.true(payload?.equals(sent))
    // Large messages went through segments of their own.
    t.deepEqual(segmentsOf(cluster), [`tsdsm.${cluster}`])
  }
  native.runPost(session, native.runBegin(session, [0]), [0], Buffer.from([0]), [there])
  t.like(await next(), { status: 'failed' })

  const run = native.runBegin(session, [0])
  native.runPost(session, run, [0], new Uint8Array(0), [there])
  child.kill('SIGKILL')
  t.like(await next(), { worker: 0, status: 'died', run, pid: child.pid })
})

test('what a function throws under the output lock comes through, and the lock is free again', t => {
  const session = open(t)
  const mine = new TypeError('mine')
  const write = () => {
    throw mine
  }
  t.is(
    t.throws(() => native.withOutputLock(session, write)),
    mine,
  )
  let called = 0
  native.withOutputLock(session, () => called++)
  t.is(called, 1)
})

// ---- waits, and the ends of threads and processes in them ----------------------------------------------------------------

test('a wait that is called off says so once, and the lock still works', async t => {
  const session = open(t)
  const lock = native.objectCreate(session, LOCK, 'L', 0, 0)
  native.waitSlice(session, lock, LOCK, 0, 0, -1)
  const statuses: number[] = []
  await new Promise<void>(resolve => {
    const wait = native.waitStart(session, lock, LOCK, 0, 0, status => {
      statuses.push(status)
      setImmediate(resolve)
    })
    native.waitCancel(wait)
    native.waitCancel(wait)
  })
  t.deepEqual(statuses, [CANCELLED])
  t.is(native.objectRelease(session, lock, LOCK, 0), 1)
  const granted = await new Promise(resolve => native.waitStart(session, lock, LOCK, 0, 0, resolve))
  t.is(granted, 1)
  t.is(native.objectRelease(session, lock, LOCK, 0), 1)
})

test('a session that closes calls its waits off', async t => {
  const session = native.sessionCreate(options('binding'))
  const lock = native.objectCreate(session, LOCK, 'L', 0, 0)
  const barrier = native.objectCreate(session, BARRIER, 'B', 2, 0)
  native.waitSlice(session, lock, LOCK, 0, 0, -1)
  native.barrierArrive(session, barrier, 0, -1, true)
  const statuses = Promise.all([
    new Promise(resolve => native.waitStart(session, lock, LOCK, 0, 0, resolve)),
    new Promise(resolve => native.barrierWait(session, barrier, -1, resolve)),
  ])
  native.sessionClose(session)
  t.deepEqual(await statuses, [CANCELLED, CANCELLED])
})

test('a session that closes while an array is made leaves no segment', async t => {
  const session = native.sessionCreate(options('binding'))
  const { cluster } = native.sessionFacts(session)
  const made = native.arrayCreateAsync(session, 'A', '<f8', [1 << 20], { mode: 0o600 })
  native.sessionClose(session)
  await made.then(
    array => t.is(array.buffer.byteLength, 8 << 20),
    error => t.is(error.code, 'ERR_TSDSM_CLOSED'),
  )
  t.deepEqual(segmentsOf(cluster), [])
})

for (const wait of ['waitStart', 'barrierWait', 'waitSlice', 'barrierSlice', 'arrayCreateAsync']) {
  test(`a worker_thread in ${wait} can be terminated`, async t => {
    t.is((await ends('thread', wait, 'terminated')).stdout, 'left\n')
  })

  test(`a process ends while one of its worker_threads is in ${wait}`, async t => {
    t.teardown(() => native.segmentsPrune())
    t.is((await ends('thread', wait, 'process exits')).stdout, 'left\n')
  })
}

for (const wait of ['waitStart', 'barrierWait', 'arrayCreateAsync']) {
  test(`a worker_thread in ${wait} can end itself`, async t => {
    t.is((await ends('thread', wait, 'thread exits')).stdout, 'left\n')
  })

  test(`a process in ${wait} can exit, throw, or close`, async t => {
    t.teardown(() => native.segmentsPrune())
    t.is((await ends('main', wait, 'exits')).stdout, 'waiting\n')
    const thrown = await runProgram([CHILD, 'main', wait, 'throws'])
    t.is(thrown.code, 1)
    t.regex(thrown.stderr, /thrown while waiting/)
    t.is((await ends('main', wait, 'closes')).stdout, 'waiting\ndone\n')
  })
}

for (const from of ['ring', 'wait']) {
  test(`a worker_thread can exit or throw in the callback of a ${from}`, async t => {
    t.is((await ends('callback', from, 'exits')).stdout, '5\n')
    t.is((await ends('callback', from, 'throws')).stdout, 'thrown in a callback\n1\n')
  })
}

// ---- loading -----------------------------------------------------------------------------------------------------------

const from = dirname(fileURLToPath(import.meta.resolve('tsdsm')))

/** The package's compiled files without the binary, in a folder of their own. */
async function withoutBinary(t: ExecutionContext): Promise<string> {
  const to = await mkdtemp(join(tmpdir(), 'tsdsm-test-'))
  t.teardown(() => rm(to, { recursive: true }))
  for (const name of await readdir(from)) {
    if (name.endsWith('.js')) await cp(join(from, name), join(to, name))
  }
  return to
}

async function loading(file: string, before = ''): Promise<{ code: string; name: string; message: string }> {
  const report = '({ code, name, message }) => console.log(JSON.stringify({ code, name, message }))'
  const program = `${before}; try { require(${JSON.stringify(file)}) } catch (error) { (${report})(error) }`
  return JSON.parse((await run(process.execPath, ['-e', program])).stdout)
}

test('a missing binary is one error that says what was looked for and what to do', async t => {
  const error = await loading(join(await withoutBinary(t), 'index.js'))
  t.is(error.code, 'ERR_TSDSM_UNSUPPORTED')
  t.is(error.name, 'UnsupportedError')
  t.regex(error.message, /Install again .*npm run build:native/)
  t.regex(error.message, new RegExp(`tsdsm-${process.platform}-${process.arch}`))
})

test('a binary that cannot be loaded is the same error, and says why', async t => {
  const to = await withoutBinary(t)
  for (const name of await readdir(from)) {
    if (name.endsWith('.node')) await cp(join(from, 'index.js'), join(to, name))
  }
  const error = await loading(join(to, 'index.js'))
  t.is(error.code, 'ERR_TSDSM_UNSUPPORTED')
  t.regex(error.message, /\.node: (invalid ELF header|file too short)/)
})

test('a platform that is not supported is told so', async t => {
  const error = await loading(
    join(await withoutBinary(t), 'index.js'),
    `Object.defineProperty(process, 'platform', { value: 'win32' })`,
  )
  t.is(error.code, 'ERR_TSDSM_UNSUPPORTED')
  t.regex(error.message, /does not run on win32-/)
})
