/// <reference types="node" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />

/**
 * tsdsm: several processes computing on the same memory, with locks and barriers between them.
 *
 * @packageDocumentation
 */
export type {
  CreateSharedOptions,
  GetSharedOptions,
  SharedArrayInfo,
} from './array-table.js'
export { type AttachOptions, SharedArray } from './attach.js'
export { Barrier } from './barrier.js'
export { Cluster, type WorkerInfo } from './cluster.js'
export type { ClusterOptions } from './cluster-options.js'
export { Condition } from './condition.js'
export { Counter } from './counter.js'
export type { DType, DTypeCodes, DTypeConstructor, DTypeLike, DTypeOf } from './dtype.js'
export * from './errors.js'
export type { ArrayHandle } from './handle.js'
export { type AcquireAsyncOptions, type AcquireOptions, HeldLock, type LockGuard } from './held-lock.js'
export type { AxisSlice, Slice } from './indexing.js'
export { JoinedCluster, type JoinOptions } from './joined-cluster.js'
export * from './kernels/index.js'
export { Latch } from './latch.js'
export { Lock } from './lock.js'
export {
  type CreateBarrierOptions,
  type CreateEventOptions,
  type CreateLatchOptions,
  type CreateLockOptions,
  type CreateSemaphoreOptions,
  NamedObjects,
  ObjectMaker,
} from './named-objects.js'
export type { ParticipantHandle, SegmentInfo } from './native.js'
export { Once } from './once.js'
export type { Progress, WorkerProgress } from './progress.js'
export type { Resource, ResourceSplitOptions } from './resource.js'
export type { RunOptions } from './run.js'
export { RwLock, RwLockSide } from './rw-lock.js'
export type { Guard } from './section.js'
export { type PermitAsyncOptions, type PermitOptions, Semaphore } from './semaphore.js'
export type { ShapeLike } from './shape.js'
export {
  type DTypeElement,
  type DTypeMap,
  isSharedArray,
  type Nested,
  type SharedArrayClass,
  type SharedArrayMembers,
  type SharedArrayOf,
  SharedBoolArray,
  SharedFloat16Array,
  SharedFloat32Array,
  SharedFloat64Array,
  SharedInt8Array,
  SharedInt16Array,
  SharedInt32Array,
  SharedInt64Array,
  type SharedTypedArray,
  SharedUint8Array,
  SharedUint16Array,
  SharedUint32Array,
  SharedUint64Array,
} from './shared-array.js'
export { SharedEvent } from './shared-event.js'
export { SharedSpace } from './shared-space.js'
export { Signal } from './signal.js'
export { IndexRange, type RandomIndices, type SplitIndicesOptions, splitIndices } from './split-indices.js'
export { isStridedView, type PlainArrayOf, StridedView } from './strided-view.js'
export { type Task, type TaskFunction, type TaskReference, task } from './task.js'
export { usableCores } from './usable-cores.js'
export type { TimeoutOptions, WaitOptions } from './wait.js'
export type { OutputMode } from './worker-output.js'
