/* Running an empty task in n forked processes that wait for it, and waiting for all answers, at its barest: one
   eventfd to each process and one back.  Usage: dispatch PROCESSES CALLS */
#define _GNU_SOURCE
#include "peer.h"
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

static int processes, calls, *bells, answers;

static double round_of_calls(void) {
  uint64_t one = 1, count;
  int64_t began = now_ns();
  for (int call = 0; call < calls; call++) {
    for (int p = 0; p < processes; p++) checked(write(bells[p], &one, sizeof one), "write");
    for (int got = 0; got < processes; got += (int)count) checked(read(answers, &count, sizeof count), "read");
  }
  return (double)(now_ns() - began) / calls;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  processes = atoi(argv[1]);
  calls = atoi(argv[2]);
  bells = calloc((size_t)processes, sizeof *bells);
  answers = (int)checked(eventfd(0, 0), "eventfd");
  for (int p = 0; p < processes; p++) {
    bells[p] = (int)checked(eventfd(0, 0), "eventfd");
    if (checked(fork(), "fork") == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      uint64_t count = 1;
      for (;;) {
        checked(read(bells[p], &count, sizeof count), "read");
        count = 1;
        checked(write(answers, &count, sizeof count), "write");
      }
    }
  }
  serve(round_of_calls);
  return 0;
}
