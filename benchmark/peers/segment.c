/* Creating, and attaching, a named array segment: the system calls of tsdsm's core, and nothing around them.
   Usage: segment create|attach|read BYTES CALLS
     create  a file without a name, allocated in full and mapped, its header written, then given its name
     attach  opened, looked at, its header read, mapped, and the name still that file's
     read    the same, and one byte of every page read */
#define _GNU_SOURCE
#include "peer.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

static const char *work;
static char path[64];
static size_t bytes;
static int calls;

static char *map(int fd) {
  char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) checked(-1, "mmap");
  return at;
}

static char *create(void) {
  char link[32];
  int fd = (int)checked(open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open");
  checked(fallocate(fd, 0, 0, (off_t)bytes), "fallocate");
  char *at = map(fd);
  memset(at, ' ', PAGE);
  checked(fchmod(fd, 0600), "fchmod");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  checked(linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW), "linkat");
  close(fd);
  return at;
}

static char *attach(void) {
  struct stat facts;
  char header[PAGE];
  int fd = (int)checked(open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), "open");
  checked(fstat(fd, &facts), "fstat");
  checked(pread(fd, header, sizeof header, 0), "pread");
  char *at = map(fd);
  checked(lstat(path, &facts), "lstat");
  close(fd);
  return at;
}

static double round_of_calls(void) {
  int64_t took = 0;
  for (int call = 0; call < calls; call++) {
    int64_t began = now_ns();
    char *at = *work == 'c' ? create() : attach();
    if (*work == 'r') {
      for (size_t i = PAGE; i < bytes; i += PAGE) (void)*(volatile char *)(at + i);
    }
    took += now_ns() - began;
    munmap(at, bytes);
    if (*work == 'c') unlink(path);
  }
  return (double)took / calls;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  work = argv[1];
  bytes = strtoull(argv[2], NULL, 10) + PAGE;
  calls = atoi(argv[3]);
  snprintf(path, sizeof path, "/dev/shm/tsdsm-bench-peer-%d", (int)getpid());
  if (*work != 'c') munmap(create(), bytes);
  serve(round_of_calls);
  if (*work != 'c') unlink(path);
  return 0;
}
