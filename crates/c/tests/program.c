/* A program in C takes part in a cluster. Each line that it prints is a step that its test waits for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tsdsm.h"

#define CHECK(call)                                                                                                    \
  do {                                                                                                                 \
    tsdsm_status status = (call);                                                                                      \
    if (status != TSDSM_OK) {                                                                                          \
      fprintf(stderr, "line %d: %s: %s (%s)\n", __LINE__, #call, tsdsm_error_message(), tsdsm_error_code());           \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

#define REFUSED(expected, call)                                                                                        \
  do {                                                                                                                 \
    tsdsm_status status = (call);                                                                                      \
    if (status != (expected) || *tsdsm_error_message() == 0) {                                                         \
      fprintf(stderr, "line %d: %s: %d\n", __LINE__, #call, (int)status);                                              \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

static void say(const char *text) {
  puts(text);
  fflush(stdout);
}

static bool interrupt(void *asked) {
  return ++*(int *)asked >= 1;
}

int main(int argc, char **argv) {
  tsdsm_cluster *cluster = NULL;
  tsdsm_array *array = NULL, *made = NULL;
  tsdsm_lock *lock = NULL;
  tsdsm_barrier *barrier = NULL;
  bool recovered = true;
  uint32_t index = 7;
  int asked = 0;
  const uint64_t shape[] = {2, 3};
  if (argc != 3) return 2;

  REFUSED(TSDSM_INVALID_ARGUMENT, tsdsm_join(NULL, &cluster));
  REFUSED(TSDSM_INVALID_ARGUMENT, tsdsm_join("\xff", &cluster));
  REFUSED(TSDSM_INVALID_ARGUMENT, tsdsm_join(argv[1], NULL));
  REFUSED(TSDSM_NOT_FOUND, tsdsm_join("no-such-cluster", &cluster));
  CHECK(tsdsm_join(argv[1], &cluster));

  /* The array that main has made: float64, 4 elements. */
  REFUSED(TSDSM_NOT_FOUND, tsdsm_array_attach(cluster, "none", false, &array));
  REFUSED(TSDSM_INVALID_ARGUMENT, tsdsm_array_attach(cluster, "a/b", false, &array));
  REFUSED(TSDSM_INVALID_ARGUMENT, tsdsm_array_attach(NULL, "A", false, &array));
  CHECK(tsdsm_array_attach(cluster, "A", false, &array));
  if (strcmp(tsdsm_array_dtype(array), "<f8") != 0 || tsdsm_array_ndim(array) != 1) return 3;
  if (tsdsm_array_shape(array)[0] != 4 || tsdsm_array_bytes(array) != 32 || tsdsm_array_is_read_only(array)) return 4;
  double *a = tsdsm_array_data(array);

  /* One of its own. */
  REFUSED(TSDSM_INVALID_ARGUMENT, tsdsm_array_create(cluster, "C", "complex64", shape, 2, &made));
  CHECK(tsdsm_array_create(cluster, "C", "int16", shape, 2, &made));
  REFUSED(TSDSM_NAME_EXISTS, tsdsm_array_create(cluster, "C", "<i2", shape, 2, &made));
  ((int16_t *)tsdsm_array_data(made))[5] = -5;
  tsdsm_array_close(made);

  CHECK(tsdsm_lock_find(cluster, "L", &lock));
  if (strcmp(argv[2], "recover") == 0) {
    /* Its holder has died. */
    REFUSED(TSDSM_OWNER_DIED, tsdsm_lock_acquire(lock, -1, false, NULL));
    CHECK(tsdsm_lock_acquire(lock, -1, true, &recovered));
    if (!recovered) return 5;
    CHECK(tsdsm_lock_clear_poison(lock));
    CHECK(tsdsm_lock_release(lock));
  }
  CHECK(tsdsm_lock_acquire(lock, 1000, false, &recovered));
  if (recovered) return 6;
  REFUSED(TSDSM_DEADLOCK, tsdsm_lock_acquire(lock, -1, false, NULL));
  for (int i = 0; i < 4; i++) a[i] += i;
  if (strcmp(argv[2], "hold") == 0) {
    say("holding");
    pause();
  }
  CHECK(tsdsm_lock_release(lock));
  REFUSED(TSDSM_NOT_OWNER, tsdsm_lock_release(lock));
  REFUSED(TSDSM_NOT_OWNER, tsdsm_lock_clear_poison(lock));

  /* Main comes, too. */
  CHECK(tsdsm_barrier_find(cluster, "B", &barrier));
  say("at the barrier");
  CHECK(tsdsm_barrier_wait(barrier, -1, &index));
  if (index > 1) return 7;

  /* Nobody else comes to this one. */
  tsdsm_barrier_free(barrier);
  CHECK(tsdsm_barrier_create(cluster, "alone", 2));
  CHECK(tsdsm_barrier_find(cluster, "alone", &barrier));
  REFUSED(TSDSM_TIMEOUT, tsdsm_barrier_wait(barrier, 1, NULL));
  REFUSED(TSDSM_BROKEN_BARRIER, tsdsm_barrier_wait(barrier, -1, NULL));
  CHECK(tsdsm_barrier_reset(barrier));
  CHECK(tsdsm_set_interrupt(cluster, interrupt, &asked));
  REFUSED(TSDSM_INTERRUPTED, tsdsm_barrier_wait(barrier, -1, NULL));
  if (asked != 1) return 8;
  CHECK(tsdsm_set_interrupt(cluster, NULL, NULL));

  /* Left in order, with parts of it at hand. */
  tsdsm_leave(cluster);
  REFUSED(TSDSM_CLOSED, tsdsm_lock_acquire(lock, -1, false, NULL));
  if (a[3] < 3) return 9;
  tsdsm_lock_free(lock);
  tsdsm_barrier_free(barrier);
  tsdsm_array_close(array);
  tsdsm_leave(NULL);
  tsdsm_lock_free(NULL);
  printf("tsdsm %s, abi %u\n", tsdsm_version(), tsdsm_abi());
  return 0;
}
