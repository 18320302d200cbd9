/**
 * One shared array's memory in this process: the buffer, what it maps, and its end.
 * All arrays and views over the buffer share one of these, so closing one closes all.
 */
import { type DType, type DTypeInfo, dtypeOfDescr, parseDType } from './dtype.js'
import { ClosedError, InvalidArgumentError, UnsupportedError } from './errors.js'
import { type MappedArray, native } from './native.js'
import { sizeOf } from './shape.js'

/** What the one who mapped an array can do with it. */
export interface MappingOwner {
  /** Takes the array's name away. Without it `unlink()` is refused. */
  unlink?: () => void
  /** Called once, after the buffer was emptied by `close()`. */
  onClose?: () => void
}

/**
 * Where a shared array is: plain data that goes through JSON, process messages and files, and makes the same array
 * again in another process (or in the same).
 */
export interface ArrayHandle {
  /** Version of this format. */
  tsdsm: 1
  /** Name of the array. */
  name: string
  /** Name of the segment; empty for an array that is mapped from a file. */
  segment: string
  /** Absolute path of the file; absent for an array in shared memory. */
  file?: string
  /** Which segment or file it was; another one of the same name is refused. */
  id?: string
  /** Which of the arrays of this name it was in its cluster; absent where no cluster knows it. */
  generation?: number
  /** Element type. */
  dtype: DType
  /** Shape of the whole array. */
  base: number[]
  /** Shape of the array or view. */
  shape: number[]
  /** Elements before its first one. */
  offset: number
  /** Strides in elements; absent when the elements lie one after the other. */
  strides?: number[]
  /** Present when it was attached read-only, and is to be again. */
  readOnly?: true
}

/** Live mappings by what they map, so that several handles to one array share one. */
const live = new Map<string, WeakRef<Mapping>>()
const forgotten = new FinalizationRegistry<string>(key => {
  if (live.get(key)?.deref() === undefined) live.delete(key)
})

type Identity = Pick<ArrayHandle, 'segment' | 'file' | 'id' | 'generation' | 'readOnly'>

/**
 * Which memory it is, as a key; undefined when that is not known. The id is device and inode: as long as a mapping
 * lives, no other segment or file can have them.
 */
function keyOf(a: Identity): string | undefined {
  return a.id ? `${a.id} ${a.readOnly === true}` : undefined
}

/** The memory of one shared array in this process. */
export class Mapping {
  readonly buffer: ArrayBuffer
  readonly name: string
  readonly dtype: DTypeInfo
  /** Shape of the whole. */
  readonly shape: readonly number[]
  readonly readOnly: boolean
  readonly #bytes: number
  readonly #identity: Identity
  readonly #owner: MappingOwner
  #closed = false

  constructor(mapped: MappedArray, owner: MappingOwner = {}) {
    this.buffer = mapped.buffer
    this.name = mapped.name
    this.dtype = parseDType(dtypeOfDescr(mapped.dtype).name)
    this.shape = Object.freeze([...mapped.shape])
    this.readOnly = mapped.readOnly
    this.#bytes = sizeOf(this.shape) * this.dtype.itemsize
    this.#owner = owner
    this.#identity = {
      segment: mapped.segment,
      ...(mapped.file ? { file: mapped.file } : {}),
      ...(mapped.id ? { id: mapped.id } : {}),
      ...(mapped.generation > 0 ? { generation: mapped.generation } : {}),
      ...(mapped.readOnly ? { readOnly: true } : {}),
    }
    const key = keyOf(this.#identity)
    if (key !== undefined) {
      live.set(key, new WeakRef(this))
      forgotten.register(this, key)
    }
  }

  /** Which of the arrays of its name it is; 0 where no cluster said. */
  get generation(): number {
    return this.#identity.generation ?? 0
  }

  /** Device and inode; empty where unknown. */
  get id(): string {
    return this.#identity.id ?? ''
  }

  /** The live mapping of the array that a handle names, if this process has one. */
  static find(handle: Identity): Mapping | undefined {
    const key = keyOf(handle)
    const found = key === undefined ? undefined : live.get(key)?.deref()
    return found?.closed ? undefined : found
  }

  /** Whether the memory is gone: closed, or its buffer transferred away by somebody. */
  get closed(): boolean {
    return this.#closed || (this.buffer.byteLength === 0 && this.#bytes > 0)
  }

  /** @throws ClosedError when the memory is gone */
  check(): void {
    if (this.closed) {
      throw new ClosedError(`shared array '${this.name}' was closed: attach it again, or close it later`, {
        name: this.name,
      })
    }
  }

  /** @throws ClosedError, InvalidArgumentError when writes are not for the others to see */
  checkWrite(): void {
    this.check()
    if (this.readOnly) {
      throw new InvalidArgumentError(`shared array '${this.name}' was attached read-only`, { name: this.name })
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    const key = keyOf(this.#identity)
    if (key !== undefined && live.get(key)?.deref() === this) live.delete(key)
    native.bufferDetach(this.buffer)
    this.#owner.onClose?.()
  }

  unlink(): void {
    if (!this.#owner.unlink) {
      throw new UnsupportedError(
        `shared array '${this.name}' was attached from outside its cluster: only the cluster takes its name away ` +
          '(cluster.deleteShared), and Cluster.prune() what a dead cluster left',
        { name: this.name },
      )
    }
    this.#owner.unlink()
  }

  /** The handle of a part of this array. */
  handle(offset: number, shape: readonly number[], strides?: readonly number[]): ArrayHandle {
    return {
      tsdsm: 1,
      name: this.name,
      ...this.#identity,
      dtype: this.dtype.name,
      base: [...this.shape],
      shape: [...shape],
      offset,
      ...(strides ? { strides: [...strides] } : {}),
    }
  }
}
