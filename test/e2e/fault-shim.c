/*
 * Stands between the program and the C library and makes calls fail, last, tear or end the process: LD_PRELOAD=fault-shim.so.
 *
 * Syncs, or reads, of one file:
 *
 *   FAULT_PATH   only files whose path ends in this
 *   FAULT_ARM    a file; nothing happens as long as it is not there
 *   FAULT_NTH    the first one that is hit, from 1, counted while armed (1)
 *   FAULT_ERRNO  it fails with this errno; 0: it is carried out (0)
 *   FAULT_FOR    how many are hit in a row (1)
 *   FAULT_READS  1: reads are hit and counted, not syncs
 *   FAULT_MS     it lasts at least so many milliseconds (0)
 *
 * Every call that changes something below a folder, whatever it is and whichever thread makes it:
 *
 *   STRIKE_UNDER   the folder, absolute; calls on paths below it are counted from 1
 *   STRIKE_TRACE   a file that gets a line `name path` for each counted call
 *   STRIKE_NTH     the call that is struck; 0 or left out: none
 *   STRIKE_ACTION  `before`, `after`, `torn`: the process is killed there; else the number of an errno
 *   STRIKE_ONWARD  1: all later calls are struck as well
 *   STRIKE_GROWTH  1: only those that need room are struck
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
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
static int fault(int fd, int is_read) {
  long first = number("FAULT_NTH", 1), here;
  int saved = errno;
  if (number("FAULT_READS", 0) != is_read || !is_wanted(fd)) {
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

static long struck = 0;

static const char *path_of(int fd, char *path, size_t size) {
  char link[64];
  ssize_t length;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, size - 1);
  if (length < 0) return NULL;
  path[length] = '\0';
  return path;
}

static void trace(const char *name, const char *path) {
  const char *file = getenv("STRIKE_TRACE");
  char line[4200];
  int length, fd;
  if (file == NULL) return;
  length = snprintf(line, sizeof line, "%s %s\n", name, path);
  fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  if (syscall(SYS_write, fd, line, (size_t)length) < 0) abort();
  syscall(SYS_close, fd);
}

enum { GO_ON, KILL_AFTER, TEAR, FAIL };

static void end_here(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Decides on one call; `*error` is set for FAIL. */
static int strike(const char *name, const char *path, int grows, int *error) {
  const char *under = getenv("STRIKE_UNDER"), *action = getenv("STRIKE_ACTION");
  long nth = number("STRIKE_NTH", 0), here;
  int saved = errno;
  if (under == NULL || path == NULL || strncmp(path, under, strlen(under)) != 0 || path[strlen(under)] != '/') return GO_ON;
  pthread_mutex_lock(&mutex);
  here = ++struck;
  trace(name, path);
  pthread_mutex_unlock(&mutex);
  errno = saved;
  if (nth == 0 || action == NULL || here < nth || (here > nth && number("STRIKE_ONWARD", 0) == 0)) return GO_ON;
  if (grows == 0 && number("STRIKE_GROWTH", 0) != 0) return GO_ON;
  if (strcmp(action, "before") == 0) end_here();
  if (strcmp(action, "after") == 0) return KILL_AFTER;
  if (strcmp(action, "torn") == 0) return TEAR;
  *error = atoi(action);
  return FAIL;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Carries a call out as was decided; a call that cannot be torn is killed after. */
#define PLAY(name, path, grows, call) \
  do { \
    int error_ = 0, decided_ = strike(name, path, grows, &error_); \
    if (decided_ == FAIL) { \
      errno = error_; \
      return -1; \
    } else if (decided_ == GO_ON) return call; \
    (void)!(call); \
    end_here(); \
    return -1; \
  } while (0)

ssize_t write(int fd, const void *bytes, size_t size) {
  REAL(write);
  char path[4096];
  int error = 0, decided = strike("write", path_of(fd, path, sizeof path), 1, &error);
  if (decided == GO_ON) return real(fd, bytes, size);
  if (decided == FAIL) {
    errno = error;
    return -1;
  }
  (void)!real(fd, bytes, decided == TEAR ? size / 2 : size);
  end_here();
  return -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
  REAL(pwrite64);
  char path[4096];
  int error = 0, decided = strike("pwrite", path_of(fd, path, sizeof path), 1, &error);
  if (decided == GO_ON) return real(fd, bytes, size, offset);
  if (decided == FAIL) {
    errno = error;
    return -1;
  }
  (void)!real(fd, bytes, decided == TEAR ? size / 2 : size, offset);
  end_here();
  return -1;
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t offset) {
  REAL(pread64);
  int error = fault(fd, 1);
  if (error == 0) return real(fd, bytes, size, offset);
  errno = error;
  return -1;
}

int open64(const char *path, int flags, ...) {
  REAL(open64);
  va_list arguments;
  mode_t mode;
  va_start(arguments, flags);
  mode = (flags & O_CREAT) == 0 ? 0 : va_arg(arguments, mode_t);
  va_end(arguments);
  if ((flags & O_CREAT) == 0) return real(path, flags, mode);
  PLAY("create", path, 1, real(path, flags, mode));
}

int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  char path[4096];
  PLAY("truncate", path_of(fd, path, sizeof path), 0, real(fd, size));
}

int rename(const char *from, const char *to) {
  REAL(rename);
  PLAY("rename", to, 1, real(from, to));
}

int link(const char *from, const char *to) {
  REAL(link);
  PLAY("link", to, 1, real(from, to));
}

int unlink(const char *path) {
  REAL(unlink);
  PLAY("unlink", path, 0, real(path));
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  PLAY("mkdir", path, 1, real(path, mode));
}

int rmdir(const char *path) {
  REAL(rmdir);
  PLAY("rmdir", path, 0, real(path));
}

int fdatasync(int fd) {
  REAL(fdatasync);
  char path[4096];
  int error = fault(fd, 0);
  if (error == 0) PLAY("fdatasync", path_of(fd, path, sizeof path), 0, real(fd));
  errno = error;
  return -1;
}

int fsync(int fd) {
  REAL(fsync);
  char path[4096];
  int error = fault(fd, 0);
  if (error == 0) PLAY("fsync", path_of(fd, path, sizeof path), 0, real(fd));
  errno = error;
  return -1;
}
