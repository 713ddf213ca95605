/* Lets one write, wait for the disk, truncation or lock of a SQLite database fail: preloaded into a process.
 *
 * FAULT_FILE is the database's path; its journals count too. The four numbers in the file that FAULT_PLAN names
 * are shared with the test: which call fails, with which error, how many calls there were, whether one failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile long *plan;
static const char *file;
static size_t length;

static void __attribute__((constructor)) prepare(void) {
    const char *path = getenv("FAULT_PLAN");
    file = getenv("FAULT_FILE");
    if (path == NULL || file == NULL) return;
    length = strlen(file);
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    void *mapped = mmap(NULL, 4 * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped != MAP_FAILED) plan = mapped;
}

static int fails(int descriptor) {
    char link[64], path[4096];
    if (plan == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    int saved = errno;
    ssize_t size = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (size < (ssize_t)length || strncmp(path, file, length) != 0) return 0;
    if (__sync_add_and_fetch(&plan[2], 1) != plan[0]) return 0;
    plan[3] = 1;
    errno = (int)plan[1];
    return 1;
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t pwrite64(int descriptor, const void *content, size_t size, off64_t start) {
    REAL(pwrite64);
    return fails(descriptor) ? -1 : real(descriptor, content, size, start);
}

ssize_t pwrite(int descriptor, const void *content, size_t size, off_t start) {
    REAL(pwrite);
    return fails(descriptor) ? -1 : real(descriptor, content, size, start);
}

ssize_t write(int descriptor, const void *content, size_t size) {
    REAL(write);
    return fails(descriptor) ? -1 : real(descriptor, content, size);
}

ssize_t pread64(int descriptor, void *content, size_t size, off64_t start) {
    REAL(pread64);
    return fails(descriptor) ? -1 : real(descriptor, content, size, start);
}

ssize_t pread(int descriptor, void *content, size_t size, off_t start) {
    REAL(pread);
    return fails(descriptor) ? -1 : real(descriptor, content, size, start);
}

ssize_t read(int descriptor, void *content, size_t size) {
    REAL(read);
    return fails(descriptor) ? -1 : real(descriptor, content, size);
}

int fsync(int descriptor) {
    REAL(fsync);
    return fails(descriptor) ? -1 : real(descriptor);
}

int fdatasync(int descriptor) {
    REAL(fdatasync);
    return fails(descriptor) ? -1 : real(descriptor);
}

int ftruncate64(int descriptor, off64_t size) {
    REAL(ftruncate64);
    return fails(descriptor) ? -1 : real(descriptor, size);
}

int ftruncate(int descriptor, off_t size) {
    REAL(ftruncate);
    return fails(descriptor) ? -1 : real(descriptor, size);
}

/* A lock may be refused; to give one up never fails, and SQLite does not look. */
static int locks(int descriptor, int command, const struct flock *lock) {
    return (command == F_SETLK || command == F_SETLKW) && lock->l_type != F_UNLCK && fails(descriptor);
}

int fcntl64(int descriptor, int command, ...) {
    REAL(fcntl64);
    va_list rest;
    va_start(rest, command);
    void *value = va_arg(rest, void *);
    va_end(rest);
    return locks(descriptor, command, value) ? -1 : real(descriptor, command, value);
}

int fcntl(int descriptor, int command, ...) {
    REAL(fcntl);
    va_list rest;
    va_start(rest, command);
    void *value = va_arg(rest, void *);
    va_end(rest);
    return locks(descriptor, command, value) ? -1 : real(descriptor, command, value);
}
