/*
 * Stands between the program and the C library and makes syncs fail or last: LD_PRELOAD=fault-shim.so.
 *
 *   FAULT_PATH   only files whose path ends in this
 *   FAULT_ARM    a file; nothing happens as long as it is not there
 *   FAULT_NTH    the first sync that is hit, from 1, counted while armed (1)
 *   FAULT_ERRNO  it fails with this errno; 0: it is carried out (0)
 *   FAULT_FOR    how many are hit in a row (1)
 *   FAULT_MS     it lasts at least so many milliseconds (0)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long count = 0;

static long number(const char *name, long fallback) {
  const char *text = getenv(name);
  return text == NULL ? fallback : atol(text);
}

static int is_wanted(int fd) {
  const char *suffix = getenv("FAULT_PATH");
  const char *arm = getenv("FAULT_ARM");
  char link[64], path[4096];
  ssize_t length;
  if (suffix == NULL || (arm != NULL && access(arm, F_OK) != 0)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0 || (size_t)length < strlen(suffix)) return 0;
  path[length] = '\0';
  return strcmp(path + length - strlen(suffix), suffix) == 0;
}

/* Returns the errno to fail with, 0 to go on. */
static int fault(int fd) {
  long first = number("FAULT_NTH", 1), here;
  int saved = errno;
  if (!is_wanted(fd)) {
    errno = saved;
    return 0;
  }
  pthread_mutex_lock(&mutex);
  here = ++count;
  pthread_mutex_unlock(&mutex);
  errno = saved;
  if (here < first || here >= first + number("FAULT_FOR", 1)) return 0;
  usleep((useconds_t)number("FAULT_MS", 0) * 1000);
  return (int)number("FAULT_ERRNO", 0);
}

int fdatasync(int fd) {
  static int (*real)(int);
  int error = fault(fd);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (error == 0) return real(fd);
  errno = error;
  return -1;
}

int fsync(int fd) {
  static int (*real)(int);
  int error = fault(fd);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  if (error == 0) return real(fd);
  errno = error;
  return -1;
}
