/* Faults on demand, for tests: preloaded into a process, it makes one call that reaches a file below a folder fail.
 *
 * `faults_arm(kind, step, lasting, folder)` lets `step - 1` such calls pass; the next one fails, and with `lasting`
 * every later one too. `faults_struck()` tells how many failed. The clock is moved by `faults_move_clock(seconds)`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#undef fwrite
#undef fread

enum kind { NONE, WRITE_ERROR, DISK_FULL, SHORT_WRITE, SYNC_ERROR, NO_PERMISSION, READ_ERROR, SHORT_READ };

static _Atomic int armed;
static _Atomic long left, struck;
static _Atomic int is_lasting;
static _Atomic long clock_offset_seconds;
static char root[PATH_MAX];

void faults_arm(int kind, long step, int lasting, const char *folder) {
    strncpy(root, folder, sizeof root - 1);
    left = step;
    struck = 0;
    is_lasting = lasting;
    armed = kind;
}

long faults_struck(void) { return struck; }

long faults_left(void) { return left; }

void faults_move_clock(long seconds) { clock_offset_seconds = seconds; }

static int below(const char *path) { return strncmp(path, root, strlen(root)) == 0; }

static int fails(int kind, const char *path) {
    if (armed != kind || !path || !below(path)) return 0;
    long now = atomic_fetch_sub(&left, 1);
    if (now == 1 || (now < 1 && is_lasting)) {
        struck++;
        return 1;
    }
    return 0;
}

static int fails_at(int kind, int descriptor) {
    if (armed != kind) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(kind, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define REFUSE(kind, at, error, result) \
    if (at) { errno = error; return result; }

#define WRITES(descriptor, result) \
    REFUSE(WRITE_ERROR, fails_at(WRITE_ERROR, descriptor), EIO, result) \
    REFUSE(DISK_FULL, fails_at(DISK_FULL, descriptor), ENOSPC, result)

ssize_t write(int descriptor, const void *data, size_t size) {
    WRITES(descriptor, -1)
    if (size > 1 && fails_at(SHORT_WRITE, descriptor)) size /= 2;
    return REAL(write)(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    WRITES(descriptor, -1)
    if (size > 1 && fails_at(SHORT_WRITE, descriptor)) size /= 2;
    return REAL(pwrite)(descriptor, data, size, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    WRITES(descriptor, -1)
    if (size > 1 && fails_at(SHORT_WRITE, descriptor)) size /= 2;
    return REAL(pwrite64)(descriptor, data, size, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    WRITES(descriptor, -1)
    return REAL(writev)(descriptor, parts, count);
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    WRITES(fileno(file), 0)
    return REAL(fwrite)(data, size, count, file);
}

/* What stdio holds back is written when the file is closed, and that can fail as any other write. */
int fclose(FILE *file) {
    int fault = fails_at(WRITE_ERROR, fileno(file)) ? EIO : fails_at(DISK_FULL, fileno(file)) ? ENOSPC : 0;
    if (fault) {
        int copy = dup(fileno(file));
        struct stat before;
        fstat(copy, &before);
        REAL(fclose)(file);
        if (REAL(ftruncate)(copy, before.st_size)) { /* nothing to undo */ }
        close(copy);
        errno = fault;
        return EOF;
    }
    return REAL(fclose)(file);
}

int ftruncate(int descriptor, off_t size) {
    WRITES(descriptor, -1)
    return REAL(ftruncate)(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
    WRITES(descriptor, -1)
    return REAL(ftruncate64)(descriptor, size);
}

int fsync(int descriptor) {
    REFUSE(SYNC_ERROR, fails_at(SYNC_ERROR, descriptor), EIO, -1)
    return REAL(fsync)(descriptor);
}

int fdatasync(int descriptor) {
    REFUSE(SYNC_ERROR, fails_at(SYNC_ERROR, descriptor), EIO, -1)
    return REAL(fdatasync)(descriptor);
}

#define CHANGES(path) \
    REFUSE(NO_PERMISSION, fails(NO_PERMISSION, path), EACCES, -1) \
    REFUSE(DISK_FULL, fails(DISK_FULL, path), ENOSPC, -1)

int rename(const char *from, const char *to) {
    CHANGES(to)
    return REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
    CHANGES(path)
    return REAL(mkdir)(path, mode);
}

int unlink(const char *path) {
    REFUSE(NO_PERMISSION, fails(NO_PERMISSION, path), EACCES, -1)
    return REAL(unlink)(path);
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list arguments; \
        va_start(arguments, flags); \
        mode = va_arg(arguments, mode_t); \
        va_end(arguments); \
    }

#define OPENS(path, flags) \
    if ((flags) & (O_WRONLY | O_RDWR | O_CREAT)) { CHANGES(path) }

int open(const char *path, int flags, ...) {
    MODE(flags)
    OPENS(path, flags)
    return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    OPENS(path, flags)
    return REAL(open64)(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    MODE(flags)
    OPENS(path, flags)
    return REAL(openat)(folder, path, flags, mode);
}

FILE *fopen64(const char *path, const char *how) {
    if (*how != 'r' && (fails(NO_PERMISSION, path))) { errno = EACCES; return NULL; }
    return REAL(fopen64)(path, how);
}

FILE *fopen(const char *path, const char *how) {
    if (*how != 'r' && (fails(NO_PERMISSION, path))) { errno = EACCES; return NULL; }
    return REAL(fopen)(path, how);
}

#define READS(descriptor) \
    REFUSE(READ_ERROR, fails_at(READ_ERROR, descriptor), EIO, -1) \
    if (size > 1 && fails_at(SHORT_READ, descriptor)) size /= 2;

ssize_t read(int descriptor, void *data, size_t size) {
    READS(descriptor)
    return REAL(read)(descriptor, data, size);
}

ssize_t pread(int descriptor, void *data, size_t size, off_t offset) {
    READS(descriptor)
    return REAL(pread)(descriptor, data, size, offset);
}

ssize_t pread64(int descriptor, void *data, size_t size, off64_t offset) {
    READS(descriptor)
    return REAL(pread64)(descriptor, data, size, offset);
}

size_t fread(void *data, size_t size, size_t count, FILE *file) {
    REFUSE(READ_ERROR, fails_at(READ_ERROR, fileno(file)), EIO, 0)
    if (count > 1 && fails_at(SHORT_READ, fileno(file))) count /= 2;
    return REAL(fread)(data, size, count, file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = REAL(clock_gettime)(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += clock_offset_seconds;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = REAL(gettimeofday)(now, zone);
    now->tv_sec += clock_offset_seconds;
    return result;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
