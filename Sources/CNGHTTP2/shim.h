#pragma once
#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* nghttp2 gives each session a buffer of 16 KiB for frames, of which an idle session uses the first
   hundred bytes. malloc makes it of what a TLS handshake has just freed, so that all of it is in
   memory. This gives the pages inside a fresh allocation back to the system, which brings each of
   them in again when it is first written to: 12 KiB less for each idle tunnel. */
static inline void *hl_http2_malloc(size_t size, void *unused) {
    (void)unused;
    char *start = malloc(size);
    if (!start || size < 16384) return start;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t first = ((uintptr_t)start + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)start + size) / page * page;
    if (end > first) madvise((void *)first, end - first, MADV_DONTNEED);
    return start;
}
static inline void hl_http2_free(void *start, void *unused) {
    (void)unused;
    free(start);
}
static inline void *hl_http2_calloc(size_t count, size_t size, void *unused) {
    (void)unused;
    return calloc(count, size);
}
static inline void *hl_http2_realloc(void *start, size_t size, void *unused) {
    /* nghttp2 makes its buffers by realloc. */
    return start ? realloc(start, size) : hl_http2_malloc(size, unused);
}

/* Makes a session of either role with that memory. */
static inline int hl_http2_session(
    nghttp2_session **session, int isClient, const nghttp2_session_callbacks *callbacks,
    void *context, const nghttp2_option *options) {
    nghttp2_mem memory = {
        NULL, hl_http2_malloc, hl_http2_free, hl_http2_calloc,
        hl_http2_realloc};
    return isClient
        ? nghttp2_session_client_new3(session, callbacks, context, options, &memory)
        : nghttp2_session_server_new3(session, callbacks, context, options, &memory);
}
