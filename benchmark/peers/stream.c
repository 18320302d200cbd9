/* McCalpin's STREAM kernels, and a sum, a dot product and filling in the same manner: C with OpenMP on all usable cores.
   Usage: stream KERNEL STORES N CALLS
     KERNEL  copy c = a, fill c = s, add c = a + b, axpy a += s b, sum, dot; all of float64
     STORES  cached, or streaming: past the caches, for copy, fill and add */
#include "peer.h"
#include <stdbool.h>
#include <string.h>

/* Two elements: what every x86-64 loads and stores at once, and joins to whole cache lines when it streams. */
typedef double pair __attribute__((vector_size(16)));

static double *a, *b, *c;
static long n, calls;
static const char *kernel;
static bool streaming;

#ifdef __SSE2__
#include <emmintrin.h>
static inline void past_caches(pair *at, pair value) { _mm_stream_pd((double *)at, value); }
#else
static inline void past_caches(pair *at, pair value) { *at = value; }
#endif

/* The loops over all elements. */
#define PAIR(array) (((const pair *)(array))[i])
#define STREAM(value) \
  _Pragma("omp parallel for schedule(static)") for (long i = 0; i < n / 2; i++) past_caches((pair *)c + i, (value))
#define CACHED(statement) _Pragma("omp parallel for simd schedule(static)") for (long i = 0; i < n; i++) statement

static double run(void) {
  double s = 3, total = 0;
  if (!strcmp(kernel, "copy")) {
    if (streaming) STREAM(PAIR(a));
    else CACHED(c[i] = a[i]);
  } else if (!strcmp(kernel, "fill")) {
    if (streaming) STREAM((pair){} + s);
    else CACHED(c[i] = s);
  } else if (!strcmp(kernel, "add")) {
    if (streaming) STREAM(PAIR(a) + PAIR(b));
    else CACHED(c[i] = a[i] + b[i]);
  } else if (!strcmp(kernel, "axpy")) {
    CACHED(a[i] += s * b[i]);
  } else if (!strcmp(kernel, "sum")) {
#pragma omp parallel for simd schedule(static) reduction(+ : total)
    for (long i = 0; i < n; i++) total += a[i];
  } else if (!strcmp(kernel, "dot")) {
#pragma omp parallel for simd schedule(static) reduction(+ : total)
    for (long i = 0; i < n; i++) total += a[i] * b[i];
  } else {
    fprintf(stderr, "no kernel %s\n", kernel);
    exit(2);
  }
  return total;
}

static double round_of_calls(void) {
  volatile double result = 0; /* so that nothing is left out as unused */
  int64_t began = now_ns();
  for (long call = 0; call < calls; call++) result += run();
  return (double)(now_ns() - began) / calls;
}

static double *array(double value) {
  double *array = aligned_alloc(4096, (size_t)n * sizeof *array);
  if (!array) checked(-1, "aligned_alloc");
  /* Each page is first written by the thread that will use it. */
  CACHED(array[i] = value);
  return array;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  kernel = argv[1];
  streaming = !strcmp(argv[2], "streaming");
  n = atol(argv[3]) / 512 * 512;
  calls = atol(argv[4]);
  a = array(1);
  b = array(1e-9);
  c = array(0);
  serve(round_of_calls);
  return 0;
}
