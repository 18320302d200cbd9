// What a kernel costs per element, from a thousand of them on: where calling it is worth while, and where caches end.
import { Cluster } from 'tsdsm'
import { compare, type Options, type Row } from '../harness.mts'
import { prepare, timed } from '../kernels/works.mts'
import { numpy } from '../peers.mts'

export { picture } from '../kernels/picture.mts'

const TO_BIG = [1e3, 1e4, 1e5, 1e6, 1e7, 2 ** 25]
const TO_TEN_MILLION = TO_BIG.slice(0, -1)

interface Curve {
  readonly kernel: string
  readonly title: string
  readonly sizes: readonly number[]
  /** What its time is divided by. */
  readonly operations: (n: number) => number
}

const each = (n: number): number => n
const curves: readonly Curve[] = [
  { kernel: 'add', title: 'add', sizes: TO_BIG, operations: each },
  { kernel: 'sum', title: 'sum', sizes: TO_BIG, operations: each },
  { kernel: 'exp', title: 'exp', sizes: TO_BIG, operations: each },
  { kernel: 'sort', title: 'sort', sizes: TO_TEN_MILLION, operations: each },
  { kernel: 'take', title: 'take, in random order', sizes: TO_BIG, operations: each },
  { kernel: 'cumsum', title: 'cumsum', sizes: TO_BIG, operations: each },
  { kernel: 'normal', title: 'normal', sizes: TO_TEN_MILLION, operations: each },
  {
    kernel: 'matmul',
    title: 'matmul of n × n, per multiplication',
    sizes: [16, 32, 64, 128, 256, 512, 1024, 2048],
    operations: n => n ** 3,
  },
]

// Above that, a loop in JavaScript takes too long.
const LARGEST_LOOP: Readonly<Record<string, number>> = { sort: 1e6, matmul: 512 }

export default async function run(options: Options): Promise<Row[]> {
  const milliseconds = options.quick ? 0.1 : 20
  const rows: Row[] = []
  const cluster = await Cluster.start(1)
  const peer = await numpy('NumPy')
  try {
    for (const { kernel, title, sizes, operations } of curves) {
      for (const n of options.quick ? sizes.slice(0, 2) : sizes) {
        const { ours, loop, remove } = prepare(cluster, kernel, n, 'float64')
        const peers = [{ side: peer.side(kernel, n, 'float64', milliseconds) }]
        if (loop && n <= (LARGEST_LOOP[kernel] ?? n)) {
          peers.push({ side: timed('a loop in JavaScript', loop, milliseconds) })
        }
        try {
          rows.push(
            await compare(
              {
                work: `${kernel}, float64, ${n.toLocaleString('en')}`,
                point: { curve: title, size: n, operations: operations(n) },
              },
              timed('tsdsm', ours, milliseconds),
              peers,
              options,
            ),
          )
        } finally {
          remove()
        }
      }
    }
  } finally {
    await Promise.all([peer.close(), cluster.close()])
  }
  return rows
}
