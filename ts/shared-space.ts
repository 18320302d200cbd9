import type { ArrayTable, CreateSharedOptions, GetSharedOptions, SharedArrayInfo } from './array-table.js'
import type { DTypeLike } from './dtype.js'
import { ObjectMaker } from './named-objects.js'
import type { ShapeLike } from './shape.js'
import type { SharedArrayOf, SharedTypedArray } from './shared-array.js'

/** What whoever makes shared things has: the arrays of a cluster, and its locks, barriers and their kin. */
export abstract class SharedSpace extends ObjectMaker {
  /**
   * @throws ClosedError
   * @internal
   */
  protected abstract arrayTable(): ArrayTable

  /**
   * Makes a shared array of zeros.
   *
   * @param shape - a length, or the lengths of the axes
   * @throws InvalidArgumentError, NameExistsError, OutOfSharedMemoryError, CapacityError, ClosedError
   */
  createShared<L extends DTypeLike = 'int32'>(
    name: string,
    shape: ShapeLike,
    dtype?: L,
    options?: CreateSharedOptions,
  ): SharedArrayOf<L> {
    return this.arrayTable().create(name, shape, dtype, options)
  }

  /** Like {@link createShared}, but a large array's memory is allocated off the event loop. */
  async createSharedAsync<L extends DTypeLike = 'int32'>(
    name: string,
    shape: ShapeLike,
    dtype?: L,
    options?: CreateSharedOptions,
  ): Promise<SharedArrayOf<L>> {
    return this.arrayTable().createAsync(name, shape, dtype, options)
  }

  /**
   * Shares an existing `.npy` file under a name; NumPy's own files will do. The file stays when the cluster ends.
   *
   * @throws NotFoundError, IncompatibleSegmentError, NameExistsError, CapacityError, ClosedError
   */
  openShared(name: string, file: string | URL, options?: GetSharedOptions): SharedTypedArray {
    return this.arrayTable().open(name, file, options)
  }

  /**
   * The shared array `name`.
   *
   * @throws NotFoundError; IncompatibleSegmentError when it holds another element type than `dtype`; ClosedError
   */
  getShared<L extends DTypeLike = 'int32'>(name: string, dtype?: L, options?: GetSharedOptions): SharedArrayOf<L> {
    return this.arrayTable().get(name, dtype, options)
  }

  /**
   * Takes the array's name away. Who has it mapped can go on reading it; a new one may have the name.
   *
   * @throws NotFoundError, ClosedError
   */
  deleteShared(name: string): void {
    this.arrayTable().delete(name)
  }

  /** The shared arrays of this cluster. */
  listShared(): SharedArrayInfo[] {
    return this.arrayTable().list()
  }
}
