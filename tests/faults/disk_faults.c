/* Counts the calls that change files below one folder, and kills the process at one of them or lets it fail.
 *
 * Loaded with LD_PRELOAD; off until faults_arm is called. SQLite, Python and every other library of the process
 * go through it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT, KILL, FAIL_ONCE, FAIL_ON };

static char folder[PATH_MAX];
static size_t folder_length;
static long calls, target;
static int mode, code, armed;

void faults_arm(const char *path, long at, int what, int error) {
  strncpy(folder, path, sizeof folder - 1);
  folder_length = strlen(folder);
  calls = 0;
  target = at;
  mode = what;
  code = error;
  armed = 1;
}

long faults_disarm(void) {
  armed = 0;
  return calls;
}

static int is_below(const char *path) {
  return !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

static int is_path_below(int at, const char *path) {
  char link[64], full[PATH_MAX];
  ssize_t length;
  if (path[0] == '/') return is_below(path);
  if (at == AT_FDCWD) {
    if (!getcwd(full, sizeof full)) return 0;
    return is_below(full);
  }
  snprintf(link, sizeof link, "/proc/self/fd/%d", at);
  length = readlink(link, full, sizeof full - 1);
  if (length < 0) return 0;
  full[length] = 0;
  return is_below(full);
}

static int is_handle_below(int handle) {
  struct stat status;
  if (fstat(handle, &status) || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return 0;
  return is_path_below(handle, "");
}

/* 0: go on; 1: the call fails with errno set. A kill does not return. */
static int is_due(void) {
  int due;
  calls++;
  due = mode == FAIL_ON ? calls >= target : calls == target;
  if (!due || mode == COUNT) return 0;
  if (mode == KILL) {
    kill(getpid(), SIGKILL);
    pause();
  }
  errno = code;
  return 1;
}

static int is_due_for_path(int at, const char *path) { return armed && is_path_below(at, path) && is_due(); }
static int is_due_for_handle(int handle) { return armed && is_handle_below(handle) && is_due(); }

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define OPENED(flags) ((flags) & (O_CREAT | O_TRUNC))

#define DEFINE_OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list rest; \
    mode_t rights; \
    va_start(rest, flags); \
    rights = va_arg(rest, mode_t); \
    va_end(rest); \
    REAL(int, #name, const char *, int, mode_t); \
    if (OPENED(flags) && is_due_for_path(AT_FDCWD, path)) return -1; \
    return real(path, flags, rights); \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name) \
  int name(int at, const char *path, int flags, ...) { \
    va_list rest; \
    mode_t rights; \
    va_start(rest, flags); \
    rights = va_arg(rest, mode_t); \
    va_end(rest); \
    REAL(int, #name, int, const char *, int, mode_t); \
    if (OPENED(flags) && is_due_for_path(at, path)) return -1; \
    return real(at, path, flags, rights); \
  }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

/* What is written when the process dies or the disk is full: half of it. */
ssize_t write(int handle, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (armed && mode == KILL && calls + 1 == target && is_handle_below(handle)) real(handle, data, size / 2);
  if (is_due_for_handle(handle)) return -1;
  return real(handle, data, size);
}

#define DEFINE_PWRITE(name, offset_type) \
  ssize_t name(int handle, const void *data, size_t size, offset_type offset) { \
    REAL(ssize_t, #name, int, const void *, size_t, offset_type); \
    if (armed && mode == KILL && calls + 1 == target && is_handle_below(handle)) \
      real(handle, data, size / 2, offset); \
    if (is_due_for_handle(handle)) return -1; \
    return real(handle, data, size, offset); \
  }
DEFINE_PWRITE(pwrite, off_t)
DEFINE_PWRITE(pwrite64, off64_t)

#define DEFINE_HANDLE(name) \
  int name(int handle) { \
    REAL(int, #name, int); \
    if (is_due_for_handle(handle)) return -1; \
    return real(handle); \
  }
DEFINE_HANDLE(fsync)
DEFINE_HANDLE(fdatasync)

#define DEFINE_TRUNCATE(name, offset_type) \
  int name(int handle, offset_type size) { \
    REAL(int, #name, int, offset_type); \
    if (is_due_for_handle(handle)) return -1; \
    return real(handle, size); \
  }
DEFINE_TRUNCATE(ftruncate, off_t)
DEFINE_TRUNCATE(ftruncate64, off64_t)

#define DEFINE_PATH(name) \
  int name(const char *path) { \
    REAL(int, #name, const char *); \
    if (is_due_for_path(AT_FDCWD, path)) return -1; \
    return real(path); \
  }
DEFINE_PATH(unlink)
DEFINE_PATH(rmdir)

int mkdir(const char *path, mode_t rights) {
  REAL(int, "mkdir", const char *, mode_t);
  if (is_due_for_path(AT_FDCWD, path)) return -1;
  return real(path, rights);
}

#define DEFINE_PATHS(name) \
  int name(const char *from, const char *to) { \
    REAL(int, #name, const char *, const char *); \
    if (is_due_for_path(AT_FDCWD, to)) return -1; \
    return real(from, to); \
  }
DEFINE_PATHS(rename)
DEFINE_PATHS(link)

int renameat(int from_at, const char *from, int to_at, const char *to) {
  REAL(int, "renameat", int, const char *, int, const char *);
  if (is_due_for_path(to_at, to)) return -1;
  return real(from_at, from, to_at, to);
}

int unlinkat(int at, const char *path, int flags) {
  REAL(int, "unlinkat", int, const char *, int);
  if (is_due_for_path(at, path)) return -1;
  return real(at, path, flags);
}
