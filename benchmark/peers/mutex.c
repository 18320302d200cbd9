/* A mutex of glibc around a shared count.  Usage: mutex plain|pshared|robust PROCESSES CALLS
   With one process: pairs of lock and unlock that nobody contends. With more, forked ones that all count. What is
   answered is the time of all of them by the number of pairs. */
#define _GNU_SOURCE
#include "peer.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MOST 64

static struct {
  pthread_mutex_t mutex;
  pthread_barrier_t together;
  volatile long count;
  /* Of each process: one that measured the others from outside would be woken late, on few cores. */
  int64_t began[MOST], ended[MOST];
} *shared;
static int processes, calls;

static void pairs(int process) {
  shared->began[process] = now_ns();
  for (int i = 0; i < calls; i++) {
    pthread_mutex_lock(&shared->mutex);
    shared->count = shared->count + 1;
    pthread_mutex_unlock(&shared->mutex);
  }
  shared->ended[process] = now_ns();
}

static double round_of_pairs(void) {
  shared->count = 0;
  if (processes > 1) {
    pthread_barrier_wait(&shared->together);
    pthread_barrier_wait(&shared->together);
  } else {
    pairs(0);
  }
  if (shared->count != (long)processes * calls) exit(3);
  int64_t began = shared->began[0], ended = shared->ended[0];
  for (int p = 1; p < processes; p++) {
    if (shared->began[p] < began) began = shared->began[p];
    if (shared->ended[p] > ended) ended = shared->ended[p];
  }
  return (double)(ended - began) / processes / calls;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  processes = atoi(argv[2]);
  calls = atoi(argv[3]);
  if (processes < 1 || processes > MOST) return 2;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  pthread_mutexattr_t how;
  pthread_mutexattr_init(&how);
  if (strcmp(argv[1], "plain") != 0) pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
  if (strcmp(argv[1], "robust") == 0) pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&shared->mutex, &how);
  pthread_barrierattr_t across;
  pthread_barrierattr_init(&across);
  pthread_barrierattr_setpshared(&across, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&shared->together, &across, (unsigned)processes + 1);
  for (int p = 0; processes > 1 && p < processes; p++) {
    if (checked(fork(), "fork") == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) {
        pthread_barrier_wait(&shared->together);
        pairs(p);
        pthread_barrier_wait(&shared->together);
      }
    }
  }
  serve(round_of_pairs);
  return 0;
}
