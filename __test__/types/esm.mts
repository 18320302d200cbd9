// What a user's ES module may write, and what the compiler must refuse. Compiled by scripts/test-types, never run.
import { Cluster, kernels, type Resource, SharedArray, TaskError, TsdsmError, task } from 'tsdsm'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <T extends true>(): T | undefined => undefined

export function add(res: Resource, n: number): number {
  const A = res.getShared('A')
  const B = res.getShared('B', 'int32')
  const C = res.getShared('C', 'float64')
  for (const i of res.splitIndices(n, { random: false })) C[i] = (A[i] ?? 0) + (B[i] ?? 0)
  res.barrier()
  return C.length
}
export async function later(res: Resource): Promise<string> {
  res.progress(1, 2)
  return res.signal.aborted ? 'aborted' : String(res.id + res.size)
}

export async function main(): Promise<void> {
  if (!Cluster.isMain(import.meta.url)) return
  const cluster = await Cluster.start(2, { name: 'types' })

  const sums = await cluster.runProcesses(add, [10])
  same<Same<typeof sums, number[]>>()
  const words = await cluster.runProcesses(later)
  same<Same<typeof words, string[]>>()
  await cluster.runProcesses(task(import.meta.url, add), [10], { timeout: 1000, signal: new AbortController().signal })

  // @ts-expect-error the task needs a number
  await cluster.runProcesses(add, ['ten'])
  // @ts-expect-error one argument too many
  await cluster.runProcesses(add, [10, 11])
  // @ts-expect-error a task takes the resource first
  await cluster.runProcesses((text: string) => text)
  // @ts-expect-error no such option
  await Cluster.start(2, { nam: 'types' })

  const joined = Cluster.join('types', { signal: new AbortController().signal })
  const theirs: Float64Array = joined.getShared('B', 'float64')
  joined.getLock('L').withLock(() => theirs.fill(1))
  joined.close()
  // @ts-expect-error who joins runs no tasks
  await joined.runProcesses(add, [10])

  const whole = cluster.createShared('A', 10)
  same<Same<(typeof whole)[number], number>>()
  const int32: Int32Array = whole
  const float64: Float64Array = cluster.createShared('B', [2, 3], 'float64')
  const big: BigInt64Array = cluster.createShared('C', 4, 'int64')
  // @ts-expect-error 64-bit integers are bigints
  const notNumbers: Float64Array = cluster.createShared('D', 4, 'int64')
  // @ts-expect-error no such dtype
  cluster.createShared('E', 4, 'int31')
  // @ts-expect-error a bigint array does not take numbers
  big[0] = 1
  void [int32, float64, notNumbers, whole.shape, whole.handle(), SharedArray.attach(whole.handle())]

  const [x, y] = [cluster.createShared('X', [2, 3], 'float64'), cluster.createShared('Y', [3, 2], 'float64')]
  const sum = kernels.add(x, x, 1)
  same<Same<typeof sum, typeof x>>()
  const exps = await kernels.expAsync(new Float32Array(3), Float32Array.of(1, 2, 3), { threads: 2, range: [0, 2] })
  const floats: Float32Array = exps
  const number: number = kernels.sum(x)
  const exact: number | bigint = kernels.sum(big, { where: new Uint8Array(4) })
  const columns = kernels.sum(x, { axis: 0 })
  const out: Float64Array = kernels.mean(x, { axis: 0, out: new Float64Array(3) })
  const truth: boolean = await kernels.anyAsync(whole)
  kernels.matmul(
    new Float64Array(4),
    x.transpose(),
    { data: y, shape: [2, 3], stride: [1, 2], offset: 0 },
    { rows: [0] },
  )
  kernels.uniform(x, { key: 7n })
  // @ts-expect-error out comes first
  kernels.add(1, x, x)
  // @ts-expect-error no such option
  kernels.add(x, x, x, { thread: 1 })
  // @ts-expect-error random numbers need a key
  kernels.uniform(x, {})
  void [floats, number, exact, columns, out, truth]

  try {
    await cluster.close()
  } catch (error) {
    if (error instanceof TaskError) void [error.workerId, error.code]
    if (error instanceof TsdsmError) void error.code.startsWith('ERR_TSDSM_')
  }
  const dispose: AsyncDisposable = cluster
  void dispose
}
