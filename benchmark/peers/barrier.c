/* Rounds of a barrier.  Usage: barrier pshared|openmp PARTIES ROUNDS
   pshared: glibc's, between forked processes. openmp: libgomp's, between threads. */
#define _GNU_SOURCE
#include "peer.h"
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static pthread_barrier_t *barrier;
static int parties, rounds;

static double between_processes(void) {
  pthread_barrier_wait(barrier);
  int64_t began = now_ns();
  for (int i = 0; i < rounds; i++) pthread_barrier_wait(barrier);
  return (double)(now_ns() - began) / rounds;
}

static double between_threads(void) {
  int64_t began = 0, ended = 0;
#pragma omp parallel num_threads(parties)
  {
#pragma omp barrier
#pragma omp master
    began = now_ns();
    for (int i = 0; i < rounds; i++) {
#pragma omp barrier
    }
#pragma omp master
    ended = now_ns();
  }
  return (double)(ended - began) / rounds;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  parties = atoi(argv[2]);
  rounds = atoi(argv[3]);
  if (strcmp(argv[1], "openmp") == 0) {
    serve(between_threads);
    return 0;
  }
  barrier = mmap(NULL, sizeof *barrier, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (barrier == MAP_FAILED) return 1;
  pthread_barrierattr_t across;
  pthread_barrierattr_init(&across);
  pthread_barrierattr_setpshared(&across, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(barrier, &across, (unsigned)parties);
  /* This process is one of the parties. */
  for (int p = 1; p < parties; p++) {
    if (checked(fork(), "fork") == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) pthread_barrier_wait(barrier);
    }
  }
  serve(between_processes);
  return 0;
}
