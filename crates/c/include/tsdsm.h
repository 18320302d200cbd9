/* The C interface of tsdsm: take part in a cluster of Node processes, on the same arrays, under the same locks.
 *
 * Made by cbindgen from crates/c: do not edit. Link with -ltsdsm.
 *
 * Every function that can fail returns a status, TSDSM_OK (0) or another; tsdsm_error_message() then says more. Nothing
 * has changed after a failure, unless it says otherwise. One thread takes part: a cluster, and all that was found through
 * it, belong to the thread that has joined; each thread of a program joins for itself. What was found is given back
 * before or after the cluster, in any order. Pointers may be null where that is said; elsewhere a null pointer is
 * TSDSM_INVALID_ARGUMENT, and a function without a status does nothing, or answers with 0.
 *
 * Waits take a time-out in milliseconds: less than 0 for no end, 0 for a try that does not wait. They block the thread. A
 * process that is killed while it holds a lock or belongs to a barrier is noticed by the others, as any worker is.
 */

#ifndef TSDSM_H
#define TSDSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * How a call ended. The numbers stay the same from version to version.
 */
typedef enum {
  /**
   * It did what it is for.
   */
  TSDSM_OK = 0,
  /**
   * A bad name, shape, dtype or pointer.
   */
  TSDSM_INVALID_ARGUMENT = 1,
  /**
   * The name is taken.
   */
  TSDSM_NAME_EXISTS = 2,
  /**
   * Nothing has this name.
   */
  TSDSM_NOT_FOUND = 3,
  /**
   * Damaged, foreign, or of another version.
   */
  TSDSM_INCOMPATIBLE_SEGMENT = 4,
  /**
   * There is not so much shared memory.
   */
  TSDSM_OUT_OF_SHARED_MEMORY = 5,
  /**
   * A table of the cluster is full.
   */
  TSDSM_CAPACITY = 6,
  /**
   * The cluster has ended.
   */
  TSDSM_CLOSED = 7,
  /**
   * Whoever held the lock has died: what it guards may be half written. It is not held.
   */
  TSDSM_OWNER_DIED = 8,
  /**
   * The caller would wait for itself.
   */
  TSDSM_DEADLOCK = 9,
  /**
   * The caller does not hold it.
   */
  TSDSM_NOT_OWNER = 10,
  /**
   * The time is over. A barrier is broken then, for all.
   */
  TSDSM_TIMEOUT = 11,
  /**
   * The barrier cannot be passed: a party died, left or gave up, or it was reset.
   */
  TSDSM_BROKEN_BARRIER = 12,
  /**
   * The caller's own hook has ended the wait.
   */
  TSDSM_INTERRUPTED = 13,
  /**
   * The machine lacks something.
   */
  TSDSM_UNSUPPORTED = 14,
  /**
   * A system call failed.
   */
  TSDSM_SYSTEM = 15,
  /**
   * Something else; the message says what.
   */
  TSDSM_OTHER = 16,
} tsdsm_status;

/**
 * A shared array that is mapped. It stays mapped when the cluster is left, and when it ends.
 */
typedef struct tsdsm_array tsdsm_array;

/**
 * A barrier of a cluster, as one participant has found it.
 */
typedef struct tsdsm_barrier tsdsm_barrier;

/**
 * A cluster that this thread has joined.
 */
typedef struct tsdsm_cluster tsdsm_cluster;

/**
 * A lock of a cluster, as one participant has found it.
 */
typedef struct tsdsm_lock tsdsm_lock;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Maps the array `name`. `read_only`: what is written through this mapping stays in it. `*array` is to be given to
 * tsdsm_array_close().
 *
 * # Safety
 * `cluster` comes from tsdsm_join(), `name` ends in NUL, and there is room at `array`.
 */
tsdsm_status tsdsm_array_attach(const tsdsm_cluster *cluster, const char *name, bool read_only, tsdsm_array **array);

/**
 * Makes the array `name`, of zeros, for all participants; it goes with the cluster. `dtype` is NumPy's name of it
 * ("float64") or what NumPy has in files ("<f8"); `shape` has `ndim` lengths, and may be null where that is 0. Takes
 * about 0.3 s per GiB. `*array` is to be given to tsdsm_array_close().
 *
 * # Safety
 * `cluster` comes from tsdsm_join(), `name` and `dtype` end in NUL, `shape` has `ndim` elements, and there is room at
 * `array`.
 */
tsdsm_status tsdsm_array_create(const tsdsm_cluster *cluster,
                                const char *name,
                                const char *dtype,
                                const uint64_t *shape,
                                size_t ndim,
                                tsdsm_array **array);

/**
 * Takes an array's name away. Whoever has it mapped keeps the memory.
 *
 * # Safety
 * `cluster` comes from tsdsm_join(), and `name` ends in NUL.
 */
tsdsm_status tsdsm_array_delete(const tsdsm_cluster *cluster, const char *name);

/**
 * The first element; the others follow in C order. Other processes may read and write them at any time: a lock or a
 * barrier has to say whose turn it is.
 *
 * # Safety
 * `array` comes from tsdsm_array_attach() or tsdsm_array_create(); so for all that follow.
 */
void *tsdsm_array_data(const tsdsm_array *array);

/**
 * The type of the elements as NumPy has it in files: "<f8" for float64, "|u1" for uint8.
 *
 * # Safety
 * As tsdsm_array_data().
 */
const char *tsdsm_array_dtype(const tsdsm_array *array);

/**
 * How many axes it has.
 *
 * # Safety
 * As tsdsm_array_data().
 */
size_t tsdsm_array_ndim(const tsdsm_array *array);

/**
 * The lengths of its axes: as many as tsdsm_array_ndim() says. Valid as long as the array.
 *
 * # Safety
 * As tsdsm_array_data().
 */
const uint64_t *tsdsm_array_shape(const tsdsm_array *array);

/**
 * Bytes of all elements.
 *
 * # Safety
 * As tsdsm_array_data().
 */
size_t tsdsm_array_bytes(const tsdsm_array *array);

/**
 * Whether what is written through this mapping stays in it.
 *
 * # Safety
 * As tsdsm_array_data().
 */
bool tsdsm_array_is_read_only(const tsdsm_array *array);

/**
 * Unmaps it. Its elements must not be touched any more through this mapping. Null does nothing.
 *
 * # Safety
 * `array` comes from tsdsm_array_attach() or tsdsm_array_create() and is not used any more.
 */
void tsdsm_array_close(tsdsm_array *array);

/**
 * Makes the barrier `name` for so many parties, whoever they are.
 *
 * # Safety
 * `cluster` comes from tsdsm_join(), and `name` ends in NUL.
 */
tsdsm_status tsdsm_barrier_create(const tsdsm_cluster *cluster, const char *name, uint32_t parties);

/**
 * Finds the barrier `name`, made by anybody. `*barrier` is to be given to tsdsm_barrier_free().
 *
 * # Safety
 * `cluster` comes from tsdsm_join(), `name` ends in NUL, and there is room at `barrier`.
 */
tsdsm_status tsdsm_barrier_find(const tsdsm_cluster *cluster, const char *name, tsdsm_barrier **barrier);

/**
 * Waits until all have come. `*index` (may be null) is how many had come before in this round. What each did before it
 * came is seen by all after it. From its first arrival on a participant is counted on: its death breaks the barrier.
 *
 * TSDSM_BROKEN_BARRIER; TSDSM_TIMEOUT, which breaks it for all.
 *
 * # Safety
 * `barrier` comes from tsdsm_barrier_find(); there is room at `index`, or it is null.
 */
tsdsm_status tsdsm_barrier_wait(const tsdsm_barrier *barrier, int64_t timeout_ms, uint32_t *index);

/**
 * Makes a broken barrier sound again. Whoever waits in it gets TSDSM_BROKEN_BARRIER.
 *
 * # Safety
 * `barrier` comes from tsdsm_barrier_find().
 */
tsdsm_status tsdsm_barrier_reset(const tsdsm_barrier *barrier);

/**
 * Forgets what tsdsm_barrier_find() has found; the barrier itself stays. Null does nothing.
 *
 * # Safety
 * `barrier` comes from tsdsm_barrier_find() and is not used any more.
 */
void tsdsm_barrier_free(tsdsm_barrier *barrier);

/**
 * The version of this library, as "0.1.0".
 */
const char *tsdsm_version(void);

/**
 * The version of the layout that this library shares with the clusters that it can join.
 */
uint32_t tsdsm_abi(void);

/**
 * Takes part in the running cluster `name`. `*cluster` is to be given to tsdsm_leave().
 *
 * TSDSM_NOT_FOUND when no such cluster runs; TSDSM_INCOMPATIBLE_SEGMENT when it is of another version; TSDSM_CAPACITY
 * when it has no place left; TSDSM_CLOSED when it is about to end; TSDSM_UNSUPPORTED after a fork without exec.
 *
 * # Safety
 * As C has it: `name` ends in NUL, and there is room at `cluster`.
 */
tsdsm_status tsdsm_join(const char *name, tsdsm_cluster **cluster);

/**
 * Leaves in order: locks that are still held become poisoned, and a barrier that it waits in breaks. What was found
 * through the cluster answers TSDSM_CLOSED from then on; arrays stay mapped. Null does nothing.
 *
 * A process that ends without it is as dead as one that was killed.
 *
 * # Safety
 * `cluster` comes from tsdsm_join() and is not used any more.
 */
void tsdsm_leave(tsdsm_cluster *cluster);

/**
 * Whether the cluster has ended: then everything but arrays that are mapped answers TSDSM_CLOSED.
 *
 * # Safety
 * `cluster` comes from tsdsm_join().
 */
bool tsdsm_has_ended(const tsdsm_cluster *cluster);

/**
 * How many workers the cluster has.
 *
 * # Safety
 * `cluster` comes from tsdsm_join().
 */
uint32_t tsdsm_workers(const tsdsm_cluster *cluster);

/**
 * `hook` is asked during waits, between two sleeps (of half a second at most, and after each signal that this thread
 * handles): true ends the wait with TSDSM_INTERRUPTED, and breaks a barrier. For languages whose signal handlers want to
 * run. It must not use the cluster. `data` is passed on to it.
 *
 * # Safety
 * `cluster` comes from tsdsm_join(); `hook` can be called with `data` as long as the cluster is joined.
 */
tsdsm_status tsdsm_set_interrupt(const tsdsm_cluster *cluster,
                                 bool (*hook)(void *data),
                                 void *data);

/**
 * Makes the lock `name`, for all participants.
 *
 * # Safety
 * `cluster` comes from tsdsm_join(), and `name` ends in NUL.
 */
tsdsm_status tsdsm_lock_create(const tsdsm_cluster *cluster, const char *name);

/**
 * Finds the lock `name`, made by anybody. `*lock` is to be given to tsdsm_lock_free().
 *
 * # Safety
 * `cluster` comes from tsdsm_join(), `name` ends in NUL, and there is room at `lock`.
 */
tsdsm_status tsdsm_lock_find(const tsdsm_cluster *cluster, const char *name, tsdsm_lock **lock);

/**
 * Waits for the lock. `recover`: take it over from a holder that died, and say so in `*recovered` (may be null): what the
 * lock guards may be half written then.
 *
 * TSDSM_OWNER_DIED when a holder died and `recover` is false; TSDSM_TIMEOUT; TSDSM_DEADLOCK for whoever holds it.
 *
 * # Safety
 * `lock` comes from tsdsm_lock_find(); there is room at `recovered`, or it is null.
 */
tsdsm_status tsdsm_lock_acquire(const tsdsm_lock *lock,
                                int64_t timeout_ms,
                                bool recover,
                                bool *recovered);

/**
 * Gives the lock back. One that was taken over stays poisoned unless tsdsm_lock_clear_poison() was called.
 *
 * TSDSM_NOT_OWNER when this participant does not hold it.
 *
 * # Safety
 * `lock` comes from tsdsm_lock_find().
 */
tsdsm_status tsdsm_lock_release(const tsdsm_lock *lock);

/**
 * Declares what the lock guards whole again; it is held.
 *
 * TSDSM_NOT_OWNER when this participant does not hold it.
 *
 * # Safety
 * `lock` comes from tsdsm_lock_find().
 */
tsdsm_status tsdsm_lock_clear_poison(const tsdsm_lock *lock);

/**
 * Forgets what tsdsm_lock_find() has found; the lock itself stays, and whoever holds it. Null does nothing.
 *
 * # Safety
 * `lock` comes from tsdsm_lock_find() and is not used any more.
 */
void tsdsm_lock_free(tsdsm_lock *lock);

/**
 * The stable code of this thread's last failure, such as "ERR_TSDSM_TIMEOUT": the one that JavaScript sees. Valid until
 * the thread's next failure.
 */
const char *tsdsm_error_code(void);

/**
 * What went wrong in this thread's last failure, and what to do, in UTF-8. Valid until the thread's next failure.
 */
const char *tsdsm_error_message(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TSDSM_H */
