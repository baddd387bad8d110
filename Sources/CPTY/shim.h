#pragma once
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#ifdef __GLIBC__
#include <malloc.h>
#include <nss.h>
#endif
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#endif
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Starts `path` with `argv`, `envp` and working directory `cwd` (NULL: unchanged) as the session
   leader of a new terminal of the given size. Returns the child's pid and the terminal's master
   descriptor (non-blocking, close-on-exec), or -errno. libuv has no PTYs and Swift hides fork. */
static inline int hl_pty_spawn(
    const char *path, char *const argv[], char *const envp[], const char *cwd,
    unsigned short cols, unsigned short rows, int *master
) {
    struct winsize size = {.ws_row = rows, .ws_col = cols};
    int fd = -1;
    pid_t pid = forkpty(&fd, NULL, NULL, &size);
    if (pid < 0) return -errno;
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (int s = 1; s < NSIG; s++) signal(s, SIG_DFL);
        for (int f = 3; f < 1024; f++) close(f);
        if (cwd && chdir(cwd) != 0) { /* stays where it is */ }
        execve(path, argv, envp);
        _exit(127);
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    *master = fd;
    return pid;
}
static inline int hl_pty_resize(int master, unsigned short cols, unsigned short rows) {
    struct winsize size = {.ws_row = rows, .ws_col = cols};
    return ioctl(master, TIOCSWINSZ, &size);
}
/* The number of the terminal in /dev/pts, or -1. */
static inline int hl_pty_number(int master) {
    int number = -1;
#ifdef TIOCGPTN
    if (ioctl(master, TIOCGPTN, &number) != 0) return -1;
#endif
    return number;
}
/* Has the child ended? 0 no; 1 yes, with `code` its exit status or -signal; <0 -errno. */
static inline int hl_pty_reap(int pid, int *code) {
    int status = 0;
    pid_t got = waitpid(pid, &status, WNOHANG);
    if (got == 0) return 0;
    if (got < 0) return -errno;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return 1;
}

/* Closes this process's memory, environment and descriptors to other processes of the same user
   (ptrace, /proc/PID/mem), and keeps its memory out of core files. */
static inline void hl_close_memory(void) {
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* Has memory that is freed given back to the system: blocks of `mapped` bytes and more at once (by
   itself glibc raises that number to the largest block that was freed), the heap's end above `kept`
   bytes; and at most `heaps` heaps for all threads. Swift hides mallopt. */
static inline void hl_keep_heap_small(int mapped, int kept, int heaps) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, mapped);
    mallopt(M_TRIM_THRESHOLD, kept);
    mallopt(M_ARENA_MAX, heaps);
#endif
}

/* Gives whole free pages of every heap back to the system. Swift hides malloc_trim. */
static inline void hl_return_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

/* The type of the file system of an opened file (statfs(2)); 0: not known. Swift hides statfs. */
static inline long hl_file_system(int fd) {
#ifdef __linux__
    struct statfs system;
    if (fstatfs(fd, &system) == 0) return (long)system.f_type;
#endif
    return 0;
}

/* Has a database of names (passwd, hosts) be read from `sources` alone, whatever nsswitch.conf says.
   Swift hides __nss_configure_lookup. */
static inline void hl_read_names(const char *database, const char *sources) {
#ifdef __GLIBC__
    __nss_configure_lookup(database, sources);
#endif
}
/* The names of a file's extended attributes, each ended by 0; links are not followed. Returns how
   many bytes they take, or -1. */
static inline long hl_extended_names(const char *path, char *names, unsigned long size) {
#ifdef __linux__
    return llistxattr(path, names, size);
#else
    return -1;
#endif
}
