// The kernels on all cores: against NumPy with OpenBLAS, against STREAM in C, and against loops in JavaScript.
import { Cluster } from 'tsdsm'
import { compare, type Options, type Row, type Side, type Skipped, type Target } from '../harness.mts'
import { prepare, timed } from '../kernels/works.mts'
import { cPeer, type NumPy, numpy } from '../peers.mts'

/** Whom a kernel is compared with, and what is asked of it. */
interface Peers {
  /** STREAM in C with stores past the caches. */
  readonly streaming?: Target | 'no target'
  /** STREAM in C with ordinary stores. */
  readonly cached?: Target | 'no target'
  readonly numpy?: Target | 'no target'
  /** NumPy without its instructions for AVX-512, where its sort is faster. */
  readonly avx2?: Target | 'no target'
  readonly loop?: 'no target'
}

const faster = (timesAsFast: number): Target => ({ timesAsFast })
const bandwidth: Peers = { streaming: faster(0.95), cached: 'no target', numpy: 'no target', loop: 'no target' }
const reading: Peers = { cached: faster(0.95), numpy: 'no target', loop: 'no target' }
const sorting: Peers = { avx2: faster(1.1), numpy: faster(5) }
const transcendental: Peers = { numpy: faster(1.3), loop: 'no target' }
const BIG = 2 ** 25
const TEN_MILLION = 1e7

const table: readonly (readonly [kernel: string, n: number, dtype: string, peers: Peers])[] = [
  ['add', BIG, 'float64', bandwidth],
  ['copy', BIG, 'float64', bandwidth],
  ['fill', BIG, 'float64', bandwidth],
  ['axpy', BIG, 'float64', reading],
  ['sum', BIG, 'float64', reading],
  ['dot', BIG, 'float64', reading],
  ['matmul', 1024, 'float64', { numpy: faster(1.05), loop: 'no target' }],
  ['matmul', 2048, 'float64', { numpy: faster(0.97) }],
  ['matmul', 2048, 'float32', { numpy: faster(1.1) }],
  ['matmul', 1000, 'int64', { numpy: faster(80) }],
  ['matmul', 1000, 'int32', { numpy: faster(80) }],
  ['sort', TEN_MILLION, 'float64', { ...sorting, loop: 'no target' }],
  ['sort', TEN_MILLION, 'float32', sorting],
  ['sort', TEN_MILLION, 'int32', sorting],
  ['sort', TEN_MILLION, 'int64', sorting],
  ['argsort', TEN_MILLION, 'float64', { numpy: faster(3.5) }],
  ['cumsum', BIG, 'float64', { numpy: faster(4), loop: 'no target' }],
  ['transpose', 4096, 'float64', { numpy: faster(4), loop: 'no target' }],
  ['bincount', BIG, 'int64', { numpy: faster(3) }],
  ['where', BIG, 'float64', { numpy: faster(6), loop: 'no target' }],
  ['var', BIG, 'float64', { numpy: faster(5) }],
  ['prod', BIG, 'float64', { numpy: faster(2) }],
  ['exp', TEN_MILLION, 'float64', transcendental],
  ['log', TEN_MILLION, 'float64', transcendental],
  ['sin', TEN_MILLION, 'float64', transcendental],
  ['tanh', TEN_MILLION, 'float64', transcendental],
  ['pow', TEN_MILLION, 'float64', transcendental],
  ['uniform', TEN_MILLION, 'float64', { numpy: faster(3), loop: 'no target' }],
  ['normal', TEN_MILLION, 'float64', { numpy: faster(3) }],
  ['combineAt', BIG, 'float64', { numpy: faster(2), loop: 'no target' }],
  ['add', 1000, 'float64', { numpy: { atMost: 0.5 }, loop: 'no target' }],
]

const NOTES: Readonly<Record<string, string>> = {
  argsort: 'int32 indices here, int64 there',
  combineAt: 'c[i] = a[i] + b[i], i in random order; int32 indices here, int64 there',
  transpose: 'a copy',
  uniform: 'Philox here, PCG64 there',
  normal: 'Philox here, PCG64 there',
}
const matrices = new Set(['matmul', 'transpose'])

export default async function run(options: Options): Promise<Row[]> {
  const rows: Row[] = []
  const cluster = await Cluster.start(1)
  const usual = await numpy('NumPy')
  // Features that the processor does not have are passed over.
  const avx2 = await numpy('NumPy without AVX-512', { NPY_DISABLE_CPU_FEATURES: 'X86_V4 AVX512_ICL AVX512_SPR' })
  try {
    for (const line of table) rows.push(await row(cluster, line, { usual, avx2 }, options))
  } finally {
    await Promise.all([usual.close(), avx2.close(), cluster.close()])
  }
  return rows
}

async function row(
  cluster: Cluster,
  [kernel, full, dtype, wanted]: (typeof table)[number],
  { usual, avx2 }: { usual: NumPy; avx2: NumPy },
  options: Options,
): Promise<Row> {
  const n = options.quick ? Math.min(full, matrices.has(kernel) ? 100 : 10_000) : full
  const milliseconds = options.quick ? 1 : 50
  const work = prepare(cluster, kernel, n, dtype)
  const side = async (peer: keyof Peers): Promise<Side | Skipped> => {
    if (peer === 'numpy') return usual.side(kernel, n, dtype, milliseconds)
    if (peer === 'avx2') return avx2.side(kernel, n, dtype, milliseconds)
    if (peer === 'loop' && work.loop) return timed('a loop in JavaScript', work.loop, milliseconds)
    const name = `STREAM in C, ${peer === 'streaming' ? 'stores past the caches' : 'cached'}`
    if (peer === 'streaming' && process.arch !== 'x64') return { name, skipped: 'not on this processor' }
    return cPeer(name, 'stream', [kernel, peer, n, options.quick ? 1 : 3])
  }
  try {
    const peers = []
    for (const [peer, target] of Object.entries(wanted)) {
      peers.push({ side: await side(peer as keyof Peers), target: target === 'no target' ? undefined : target })
    }
    const size = matrices.has(kernel) ? `${n} × ${n}` : n.toLocaleString('en')
    return await compare(
      { work: `${kernel}, ${dtype}, ${size}`, note: NOTES[kernel] },
      timed(`kernels.${kernel}`, work.ours, milliseconds),
      peers,
      options,
    )
  } finally {
    work.remove()
  }
}
