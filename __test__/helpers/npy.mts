// Arrays in `.npy` files of a folder of their own, for tests that need shared memory and no cluster.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { SharedArray, type SharedArrayOf } from 'tsdsm'

/** A typed array that is written as it is, whatever its elements are. */
type Elements = Pick<Float64Array<ArrayBuffer>, 'buffer' | 'byteOffset' | 'byteLength'>

/** The bytes of a version 1 `.npy` file, as NumPy writes them: the data follow at a multiple of 64. */
export function npyBytes(descr: string, shape: readonly number[], data: Elements): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text.padEnd(length - 1)}\n`, 'latin1')
  head.writeUInt16LE(length, 8)
  return Buffer.concat([head, Buffer.from(data.buffer, data.byteOffset, data.byteLength)])
}

/** A folder that is there until the test ends. */
export async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tsdsm-test-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

/** The path of a new `.npy` file. */
export async function npyFile(
  t: ExecutionContext,
  descr: string,
  shape: readonly number[],
  data: Elements,
): Promise<string> {
  const path = join(await folder(t), 'a.npy')
  await writeFile(path, npyBytes(descr, shape, data))
  return path
}

/** A float64 array over a file, its elements 0, 1, 2, … in C order; closed when the test ends. */
export async function counted(t: ExecutionContext, ...shape: number[]): Promise<SharedArrayOf<'float64'>> {
  const size = shape.reduce((product, length) => product * length, 1)
  const path = await npyFile(
    t,
    '<f8',
    shape,
    Float64Array.from({ length: size }, (_, i) => i),
  )
  const array = SharedArray.attach(path) as SharedArrayOf<'float64'>
  t.teardown(() => array.close())
  return array
}
