// Every example, run as its user would run it, with what it prints. One after the other: each has processes of its own.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { decode } from 'fast-png'
import { SharedArray, type SharedArrayOf } from 'tsdsm'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PYTHON =
  process.env.TSDSM_PYTHON ?? (existsSync(join(ROOT, '.cache/venv/bin/python')) ? '.cache/venv/bin/python' : 'python3')

interface Ended {
  status: number
  stdout: string
  stderr: string
}

function node(...argv: string[]): Promise<Ended> {
  return new Promise(resolve => {
    execFile(process.execPath, argv, { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code ?? -1) : 0, stdout, stderr })
    })
  })
}

/** Runs a compiled example that has to succeed, and gives its lines. */
async function lines(name: string, ...args: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await node(`build/examples/${name}.mjs`, ...args)
  if (status !== 0 || stderr !== '') throw new Error(`${name} ended with ${status}: ${stderr || stdout}`)
  return stdout.trimEnd().split('\n')
}

async function directory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'tsdsm-examples-'))
}

const C = `SharedInt32Array(10) 'C' [
   1,  3,  5,  7,  9,
  11, 13, 15, 17, 19
]`
const VEC_ADD = `Check out vector C in processes:  ${C}\nCheck out vector C in main:  ${C}`.split('\n')

test.serial('vec-add prints the sum in a process and in main', async t => {
  t.deepEqual(await lines('vec-add', '10', '4'), VEC_ADD)
  t.deepEqual(await lines('vec-add'), VEC_ADD)
})

test.serial('vec-add runs from its TypeScript source by tsx', async t => {
  const { status, stdout } = await node('--import', 'tsx', 'examples/vec-add.mts', '10', '4')
  t.is(status, 0)
  t.deepEqual(stdout.trimEnd().split('\n'), VEC_ADD)
})

test.serial('thermostat joins the running room, and steers it', async t => {
  const name = `room-${process.pid}`
  const room = lines('room', name)
  // Its name is there from its first step on; the rest follows at once, before the first run.
  const control = `/dev/shm/tsdsm.${name}`
  while (!existsSync(`${control}.heater`)) await new Promise(resolve => setTimeout(resolve, 5))
  const thermostat = await lines('thermostat', name)
  t.deepEqual(thermostat, [
    '0.0 degrees at the window: the heater goes on',
    'more than 20 degrees at the window: the heater goes off, enough',
  ])
  t.deepEqual(await room, [
    `a cold room, until somebody says that it is enough: node build/examples/thermostat.mjs ${name}`,
    'enough: more than 20 degrees at the window, and the heater was turned 2 times',
  ])
})

test.serial('an example refuses what is no count, before it starts anything', async t => {
  const { status, stderr } = await node('build/examples/vec-add.mjs', '10', '0')
  t.is(status, 1)
  t.regex(stderr, /argument value '0' is invalid for argument 'workers'/)
})

const MAT_MULT = [
  "Check out matrix w in main:  SharedInt32Array(6, 6) 'W' [",
  '  [ 15, 18, 21, 24, 27, 30 ],',
  '  [ 31, 38, 45, 52, 59, 66 ],',
  '  [ 47, 58, 69, 80, 91, 102 ],',
  '  [ 63, 78, 93, 108, 123, 138 ],',
  '  [ 79, 98, 117, 136, 155, 174 ],',
  '  [ 95, 118, 141, 164, 187, 210 ]',
  ']',
]

for (const way of [[], ['--kernels']]) {
  const by = way.length > 0 ? ', by a kernel' : ''

  test.serial(`mat-mult prints the product${by}`, async t => {
    t.deepEqual(await lines('mat-mult', '6', '2', ...way), MAT_MULT)
  })

  test.serial(`cdist prints the same distances from one process and from several${by}`, async t => {
    const printed = (await lines('cdist', ...way)).join('\n')
    const [sequential, parallel] = printed.split('Parallel result: ')
    t.is(sequential.replace('Sequential result: ', '').trim(), parallel.trim())
    const numbers = parallel.match(/[\d.]+/g)?.map(number => Number(Number(number).toFixed(8)))
    t.deepEqual(numbers, [1, 1, 3.60555128, 3.60555128, 6.40312424, 6.40312424, 9.21954446, 9.21954446])
  })
}

for (const { range, primes } of [
  { range: 100, primes: 25 },
  { range: 10_000, primes: 1229 },
]) {
  test.serial(`find-prime finds ${primes} primes up to ${range}`, async t => {
    const printed = await lines('find-prime', String(range), '4')
    t.is(printed.length, 5)
    const values = printed.slice(0, 4).map((line, id) => {
      const [, process, count] = /^Process (\d) has done (\d+) values of base$/.exec(line) ?? []
      t.is(Number(process), id)
      return Number(count)
    })
    // At least the odd primes up to the square root; a composite that was taken early adds to them.
    const atLeast = range === 100 ? 3 : 24
    const odd = Math.floor((Math.sqrt(range) - 1) / 2)
    const done = values.reduce((sum, count) => sum + count)
    t.true(done >= atLeast && done <= odd, `${done} values`)
    t.is(printed[4], `A total of ${primes} primes were found`)
  })
}

for (const { limit, primes, largest } of [
  { limit: 1, primes: '0 primes', largest: '' },
  { limit: 5, primes: '3 primes', largest: '5' },
  { limit: 961, primes: '162 primes', largest: '953' },
  { limit: 20_000_000, primes: '1,270,607 primes', largest: '19,999,999' }, // two blocks
]) {
  test.serial(`primes finds ${primes} up to ${limit}`, async t => {
    const printed = await lines('primes', String(limit), '3')
    t.is(printed[0], `${primes} up to ${limit.toLocaleString('en')}`)
    if (largest) t.is(printed[1], `The largest is ${largest}`)
    t.regex(printed.at(-1) ?? '', /^3 workers took \d+\.\d{3} s$/)
  })
}

test.serial('named-lock loses no money', async t => {
  const printed = await lines('named-lock', '20000', '4')
  t.is(printed.length, 5)
  printed.slice(0, 4).forEach((line, id) => {
    t.regex(line, new RegExp(`^Worker ${id} moved \\d+$`))
  })
  t.is(printed[4], '10 accounts with 1000 each: 10000 before, 10000 after')
})

test.serial('named-barrier: each team takes its own number of steps', async t => {
  t.deepEqual(await lines('named-barrier'), [
    'copper: 5028 steps, from 50.50 to 49.50 degrees',
    'glass: 20116 steps, from 50.50 to 49.50 degrees',
  ])
})

test.serial('readers-writers: nobody sees a half-changed table', async t => {
  t.deepEqual(await lines('readers-writers', '500', '3'), ['0 torn tables seen by 2 readers', 'All prices are 500'])
})

test.serial('limited-readers: no more at a time than there are permits', async t => {
  t.deepEqual(await lines('limited-readers', '2', '3'), [
    '3 workers read a file 50 times each: all the same: true',
    'At most 2 at a time: true',
  ])
})

test.serial('start-together: nobody starts before all are ready, and main waits for all', async t => {
  t.deepEqual(await lines('start-together', '3'), ['3 workers are ready, none has started', 'All have worked: 0, 1, 2'])
})

test.serial('bounded-queue: every item goes through, and nobody waits for ever', async t => {
  for (const workers of ['2', '3', '4']) {
    t.deepEqual(await lines('bounded-queue', '1000', workers), [
      '1000 items went through 8 places',
      'Their sum is right: true',
    ])
  }
})

test.serial('load-once: one worker computes what all find', async t => {
  t.deepEqual(await lines('load-once', '3'), ['Computed 1 time, found by all: 998001, 996004, 994009'])
})

test.serial('shared-counter: every piece of work is done once', async t => {
  t.deepEqual(await lines('shared-counter', '500', '3'), [
    '500 pieces were done, each by one worker',
    'All roots are right: true',
  ])
})

test.serial('async-tasks counts the letters of files', async t => {
  const dir = await directory()
  const [one, two] = [join(dir, 'one.txt'), join(dir, 'two.txt')]
  await writeFile(one, 'Abracadabra')
  await writeFile(two, 'A banana, 3 times')
  t.deepEqual(await lines('async-tasks', one, two), [
    `Worker 0 read ${one}`,
    `Worker 1 read ${two}`,
    '23 letters, most often a',
  ])
  await rm(dir, { recursive: true })
})

test.serial('failures: each one is an answer, and the cluster goes on', async t => {
  t.deepEqual(await lines('failures'), [
    '1. ERR_TSDSM_NAME_EXISTS: the array that is there stays as it was',
    '2. Worker 1 threw RangeError: no such row: 1000',
    '   2 others left the barrier by BrokenBarrierError',
    '3. Worker 1 died of SIGKILL',
    '4. With a fresh worker in its place: found -1, put back 100',
    '5. The time-out ended the run',
    '6. The run was aborted: enough',
    '7. The ledger still says 100',
  ])
})

test.serial('numpy-round-trip: Python and the workers see the same memory, and the file stays', async t => {
  const dir = await directory()
  const rows = (f: (x: number) => number | string) => [0, 1, 2, 3].map(i => [0, 1, 2].map(j => f(10 * i + j)))
  const printed = await lines('numpy-round-trip', '--python', PYTHON, '--file', join(dir, 'a.npy'))
  t.deepEqual(printed.slice(0, 3), [
    'Python maps float64 (4, 3), sum 192',
    'Python reads a[0, 0] = 1000',
    'Python doubles all',
  ])
  const rest = printed.slice(3).join('\n')
  const [, doubled, loaded, changed] =
    /^TypeScript reads (\[.*\])\nThe cluster is closed, the file stays\nPython loads (\[.*\])\nTypeScript reads (\[.*\])$/s.exec(
      rest,
    ) ?? []
  const live = rows(x => 2 * x)
  live[0][0] = 2000
  t.deepEqual(JSON.parse(doubled), live)
  t.deepEqual(
    JSON.parse(loaded),
    rows(x => x),
  )
  t.deepEqual(
    JSON.parse(changed),
    rows(x => Number(x) + 0.5),
  )
  await rm(dir, { recursive: true })
})

const KMEANS = ['--centres', '20', '--starts', '2']

test.serial('kmeans on its real input: the same result and picture for any number of workers', async t => {
  const dir = await directory()
  const pictures: string[] = []
  for (const workers of ['1', '2', '3']) {
    const picture = join(dir, `${workers}.svg`)
    const printed = await lines('kmeans', ...KMEANS, '--workers', workers, '--picture', picture)
    t.is(printed[0], 'zipcodes.csv: 42,049 places')
    t.is(printed[1], 'k-means: 20 centres, the best of 2 starts (seed 1)')
    t.regex(printed[2], new RegExp(`^  ${workers} workers?: \\d+\\.\\d\\d s$`))
    t.regex(printed[3], /^A place is \d+\.\d km from its centre on average$/)
    t.is(printed[4], `Picture: ${picture}`)
    pictures.push(await readFile(picture, 'utf8'))
  }
  t.is(pictures[1], pictures[0])
  t.is(pictures[2], pictures[0])
  t.regex(pictures[0], /<text [^>]*>20 centres for 42,049 places<\/text>/)
  // All dots of the map, and most of the centres: one in the ocean is not on it.
  t.true((pictures[0].match(/h0/g) ?? []).length > 41_000)
  t.true((pictures[0].match(/<circle /g) ?? []).length >= 18)
  await rm(dir, { recursive: true })
})

test.serial('kmeans finds towns that stand apart', async t => {
  const dir = await directory()
  const input = join(dir, 'towns.csv')
  const towns = [
    [10, 60],
    [0.5, -30],
    [-40, 179.99], // beside the date line
  ]
  const places = towns.flatMap(([latitude, longitude]) =>
    [-0.01, 0, 0.01, 0.02].map(d => `${latitude + d},${longitude + d > 180 ? longitude + d - 360 : longitude + d}`),
  )
  await writeFile(input, `latitude,longitude\n${places.join('\n')}\n,\n`)
  const printed = await lines(
    'kmeans',
    '-k',
    '3',
    '--workers',
    '2',
    '--starts',
    '20',
    '--input',
    input,
    '--map',
    'world',
    '--picture',
    join(dir, 'p.svg'),
  )
  t.is(printed[0], 'towns.csv: 12 places, 1 row without coordinates')
  const [, mean] = /^A place is ([\d.]+) km/.exec(printed.at(-2) ?? '') ?? []
  t.true(Number(mean) < 3, `${mean} km`)
  await rm(dir, { recursive: true })
})

test.serial('kmeans --demo compares one worker with several', async t => {
  const dir = await directory()
  const printed = await lines('kmeans', ...KMEANS, '--demo', '--workers', '2', '--picture', join(dir, 'p.svg'))
  t.regex(printed[2], /^ {2}1 worker: \d+\.\d\d s$/)
  t.regex(printed[3], /^ {2}2 workers: \d+\.\d\d s$/)
  t.regex(printed[4], /^ {2}\d+\.\d\d times as fast, and the same result to the last bit$/)
  t.is(printed[6], `Picture: ${join(dir, 'p.svg')}`)
  await rm(dir, { recursive: true })
})

test.serial('kmeans says what is wrong with its input', async t => {
  const missing = await node('build/examples/kmeans.mjs', '--input', '/no/such/file.csv')
  t.is(missing.status, 1)
  t.regex(missing.stderr, /^kmeans: .*no such file/)
  const columns = await node('build/examples/kmeans.mjs', '--input', 'node_modules/vega-datasets/data/weather.csv')
  t.is(columns.status, 1)
  t.regex(columns.stderr, /^kmeans: .* has no column "latitude", but: /)
})

test.serial('pi: the same digits for any number of workers', async t => {
  for (const workers of ['1', '2', '3']) {
    const printed = await lines('pi', '1000000', workers)
    t.deepEqual(printed.slice(0, 3), [
      '785,962 of 1,000,000 points lie in the circle',
      'π is about 3.143848',
      'which is 1.37 standard deviations from it',
    ])
    t.regex(printed[3], new RegExp(`^${workers} workers? took \\d+\\.\\d\\d s$`))
  }
})

test.serial('heat: the same picture for any number of workers', async t => {
  const dir = await directory()
  const pictures: Buffer[] = []
  for (const workers of ['1', '2', '3']) {
    const picture = join(dir, `${workers}.png`)
    const printed = await lines('heat', '--size', '100', '--steps', '301', '--workers', workers, '--picture', picture)
    t.is(printed[0], 'A plate of 100 × 100 points: mean temperature 0.143600')
    t.is(printed[1], 'After 301 steps: 0.217471; the hottest point below the edge has 0.934727')
    t.is(printed[3], `Picture: ${picture}`)
    pictures.push(await readFile(picture))
  }
  t.deepEqual(pictures[1], pictures[0])
  t.deepEqual(pictures[2], pictures[0])

  const { width, height, channels, data } = decode(pictures[0])
  t.deepEqual([width, height, channels], [100, 100, 3])
  const pixel = (x: number, y: number) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)]
  t.deepEqual(pixel(50, 0), [255, 255, 255], 'the upper edge stays hot')
  t.deepEqual(pixel(0, 50), [0, 0, 0], 'the others stay cold')
  t.is(pixel(58, 74)[0], 255, 'the largest disc still glows')
  await rm(dir, { recursive: true })
})

test.serial('pipeline: from a real file to files and a picture, the same for any number of workers', async t => {
  const dir = await directory()
  const pictures: string[] = []
  for (const workers of ['1', '2', '3']) {
    // The first run makes flights.npy, the others open it.
    const printed = await lines('pipeline', '--workers', workers, '--folder', dir)
    t.deepEqual(printed, [
      '200,000 flights of 729.2 miles on average',
      'Half of them are 0 minutes late or less; one in ten more than 37, one in 100 than 137',
      'The time of day and the distance explain 3.610 % of the variance',
      'Expect 0.16 minutes at 6:00, 15.03 at 21:00',
      `Picture: ${join(dir, 'pipeline.svg')}`,
    ])
    pictures.push(await readFile(join(dir, 'pipeline.svg'), 'utf8'))
  }
  t.is(pictures[1], pictures[0])
  t.is(pictures[2], pictures[0])
  t.regex(pictures[0], /<text [^>]*>Later flights are later<\/text>/)

  // Whoever reads .npy files finds the results in them.
  const [flights, expected, sorted] = ['flights', 'expected', 'sorted'].map(
    name => SharedArray.attach(join(dir, `${name}.npy`)) as SharedArrayOf<'float64'>,
  )
  t.deepEqual([flights.shape, expected.shape, sorted.shape], [[3, 200_000], [200_000], [200_000]])
  t.deepEqual(Float64Array.from(sorted), Float64Array.from(flights.row(0)).sort())
  const mean = (array: Float64Array) => array.reduce((sum, x) => sum + x) / array.length
  // A least-squares fit with a constant has the mean of what it fits.
  t.true(Math.abs(mean(expected) - mean(flights.row(0))) < 1e-9)
  for (const array of [flights, expected, sorted]) array.close()
  await rm(dir, { recursive: true })
})
