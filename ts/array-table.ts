import { resolve } from 'node:path'
import { type DType, type DTypeLike, dtypeOfDescr, parseDType } from './dtype.js'
import { IncompatibleSegmentError } from './errors.js'
import { filePath } from './file-path.js'
import { type ArrayInfo, type MappedArray, native } from './native.js'
import { checkName, checkOptions } from './options.js'
import type { Session } from './session.js'
import { parseShape, type ShapeLike } from './shape.js'
import { type SharedArrayOf, type SharedTypedArray, wrapMapped } from './shared-array.js'

/** Options of {@link Cluster.createShared}. */
export interface CreateSharedOptions {
  /** A `.npy` file that holds the array instead of /dev/shm. It must not exist, and it stays when the cluster ends. */
  file?: string
  /** Keep the segment when the cluster ends, and when it is cleaned up. Default false. */
  persist?: boolean
  /** Who may open the segment or file, as in `chmod`, whatever the umask. Default: the cluster's. */
  mode?: number
}

/** Options of {@link Cluster.getShared}. */
export interface GetSharedOptions {
  /** Map it so that stores stay in this process. Default false, or as the file was opened. */
  readOnly?: boolean
}

/** One entry of {@link Cluster.listShared}. */
export interface SharedArrayInfo {
  /** Its name in the cluster. */
  name: string
  /** Its element type. */
  dtype: DType
  /** The lengths of its axes. */
  shape: readonly number[]
  /** Bytes of its elements. */
  bytes: number
  /** Its segment in /dev/shm, or an empty string where it lives in a file. */
  segment: string
  /** Its file, where it lives in one. */
  file: string | null
  /** Whether it was opened for reading only. */
  readOnly: boolean
  /** Whether it outlives the cluster. */
  persist: boolean
}

/** What a bad name is the name of, in messages. */
const ARRAY = 'shared array'

/** The shared arrays of a cluster as one participant sees them: each is mapped once and handed out again. */
export class ArrayTable {
  readonly #session: Session
  readonly #mapped = new Map<string, { array: SharedTypedArray; generation: number }>()

  constructor(session: Session) {
    this.#session = session
  }

  create<L extends DTypeLike = 'int32'>(
    name: string,
    shape: ShapeLike,
    dtype?: L,
    options?: CreateSharedOptions,
  ): SharedArrayOf<L> {
    const { descr, axes, rest } = this.#checkCreate(name, shape, dtype, options)
    return this.#keep(native.arrayCreate(this.#session.handle, name, descr, axes, rest)) as SharedArrayOf<L>
  }

  async createAsync<L extends DTypeLike = 'int32'>(
    name: string,
    shape: ShapeLike,
    dtype?: L,
    options?: CreateSharedOptions,
  ): Promise<SharedArrayOf<L>> {
    const { descr, axes, rest } = this.#checkCreate(name, shape, dtype, options)
    return this.#keep(await native.arrayCreateAsync(this.#session.handle, name, descr, axes, rest)) as SharedArrayOf<L>
  }

  open(name: string, file: string | URL, options?: GetSharedOptions): SharedTypedArray {
    const { readOnly = false } = checkOptions('openShared', options, { readOnly: 'boolean' })
    return this.#keep(native.arrayOpenFile(this.#session.handle, checkName(ARRAY, name), filePath(file), readOnly))
  }

  get<L extends DTypeLike = 'int32'>(name: string, dtype?: L, options?: GetSharedOptions): SharedArrayOf<L> {
    const generation = native.arrayGeneration(this.#session.handle, checkName(ARRAY, name))
    const readOnly =
      options === undefined ? false : checkOptions('getShared', options, { readOnly: 'boolean' }).readOnly
    const key = readOnly ? readOnlyKey(name) : name
    const known = this.#mapped.get(key)
    // The generation, so that after delete and create under one name nobody sees the old array; the length, because
    // the array's own close() empties it for this process only.
    const array =
      known !== undefined && known.generation === generation && !isEmptied(known.array)
        ? known.array
        : this.#keep(native.arrayGet(this.#session.handle, name, readOnly === true), key)
    if (dtype !== undefined) checkDType(name, array, dtype)
    return array as SharedArrayOf<L>
  }

  delete(name: string): void {
    native.arrayDelete(this.#session.handle, checkName(ARRAY, name))
    this.#mapped.delete(name)
    this.#mapped.delete(readOnlyKey(name))
  }

  list(): SharedArrayInfo[] {
    return native.arrayList(this.#session.handle).map(infoOf)
  }

  #checkCreate(name: string, shape: ShapeLike, dtype: DTypeLike | undefined, options: CreateSharedOptions | undefined) {
    checkName(ARRAY, name)
    const type = parseDType(dtype === undefined ? 'int32' : dtype)
    const { file, persist, mode } = checkOptions('createShared', options, {
      file: 'string',
      persist: 'boolean',
      mode: 'mode',
    })
    const axes = [...parseShape(shape, type.itemsize)]
    const rest = {
      mode: mode ?? this.#session.facts.mode,
      persist: persist ?? false,
      ...(file !== undefined && { file: resolve(file) }),
    }
    return { descr: type.descr, axes, rest }
  }

  #keep(mapped: MappedArray, key = mapped.name): SharedTypedArray {
    const array = wrapMapped(mapped, { unlink: () => this.delete(mapped.name) })
    this.#mapped.set(key, { array, generation: mapped.generation })
    return array
  }
}

/** Under what a read-only mapping is kept; no array has such a name. */
function readOnlyKey(name: string): string {
  return `${name}\0read-only`
}

function isEmptied(array: SharedTypedArray): boolean {
  return array.buffer.byteLength === 0 && (array as { closed?: boolean }).closed === true
}

function checkDType(name: string, array: SharedTypedArray, dtype: DTypeLike): void {
  const wanted = parseDType(dtype).name
  if (array.dtype !== wanted) {
    throw new IncompatibleSegmentError(
      `array '${name}' holds ${array.dtype}, not ${wanted}: ask for it as it was created, or without a dtype`,
      { name, dtype: array.dtype, wanted },
    )
  }
}

function infoOf(info: ArrayInfo): SharedArrayInfo {
  return {
    name: info.name,
    dtype: dtypeOfDescr(info.dtype).name,
    shape: info.shape,
    bytes: info.bytes,
    segment: info.segment,
    file: info.file,
    readOnly: info.readOnly,
    persist: info.persist,
  }
}
