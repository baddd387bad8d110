#pragma once
/* libssh2 >= 1.11: the copy that scripts/build-libssh2.sh made, else the system's. */
#if __has_include("../../.deps/libssh2/include/libssh2.h")
#include "../../.deps/libssh2/include/libssh2.h"
#else
#include <libssh2.h>
#endif
#include <string.h>
#ifdef __APPLE__
#include <malloc/malloc.h>
#define malloc_usable_size malloc_size
#else
#include <malloc.h>
#endif

#if LIBSSH2_VERSION_NUM < 0x010b00
#error "libssh2 1.11 or newer is needed: run ./run or scripts/build-libssh2.sh"
#endif

/* Macros with arguments are not imported by Swift. */
static inline LIBSSH2_CHANNEL *hl_ssh_open_session(LIBSSH2_SESSION *s, unsigned window, unsigned packet) {
    return libssh2_channel_open_ex(s, "session", 7, window, packet, NULL, 0);
}
/* A connection from the server (direct-tcpip), with a window of our choice. */
static inline LIBSSH2_CHANNEL *hl_ssh_open_stream(LIBSSH2_SESSION *s, unsigned window, const void *place, unsigned length) {
    return libssh2_channel_open_ex(s, "direct-tcpip", 12, window, 32768, (const char *)place, length);
}
static inline int hl_ssh_exec(LIBSSH2_CHANNEL *c, const char *command, unsigned length) {
    return libssh2_channel_process_startup(c, "exec", 4, command, length);
}
static inline int hl_ssh_shell(LIBSSH2_CHANNEL *c) {
    return libssh2_channel_process_startup(c, "shell", 5, NULL, 0);
}
static inline int hl_ssh_subsystem(LIBSSH2_CHANNEL *c, const char *name, unsigned length) {
    return libssh2_channel_process_startup(c, "subsystem", 9, name, length);
}
/*
 * The exit status of a channel, distinguished from none. libssh2's getter gives 0 for both, as it
 * keeps the status in a field that begins as 0. The getter itself shows where that field is: it is
 * asked about a block of memory in which every word holds its own place. A channel is then marked
 * before its program is started, and a mark that is still there shows that no status came.
 */
#define HL_SSH_NO_STATUS 0x6e6f6e65
enum { HL_SSH_CHANNEL_WORDS = 64 };
/* The place of the status in a channel, in words; -1 where the getter does not show it. */
static inline int hl_ssh_status_place(void) {
    int words[HL_SSH_CHANNEL_WORDS] __attribute__((aligned(16)));
    for (int i = 0; i < HL_SSH_CHANNEL_WORDS; i++) words[i] = HL_SSH_NO_STATUS + i;
    int place = libssh2_channel_get_exit_status((LIBSSH2_CHANNEL *)words) - HL_SSH_NO_STATUS;
    return place < 0 || place >= HL_SSH_CHANNEL_WORDS ? -1 : place;
}
/* Marks a channel on which no program has been started. */
static inline void hl_ssh_mark_status(LIBSSH2_CHANNEL *c) {
    int place = hl_ssh_status_place();
    if (place >= 0) ((int *)c)[place] = HL_SSH_NO_STATUS;
}
/* What the getter gives for a marked channel to which no status came. */
static inline int hl_ssh_no_status(void) { return hl_ssh_status_place() < 0 ? 0 : HL_SSH_NO_STATUS; }
typedef ssize_t (*hl_ssh_send)(libssh2_socket_t, const void *, size_t, int, void **);
typedef ssize_t (*hl_ssh_recv)(libssh2_socket_t, void *, size_t, int, void **);
static inline void hl_ssh_set_io(LIBSSH2_SESSION *s, hl_ssh_send a, hl_ssh_recv b) {
    libssh2_session_callback_set2(s, LIBSSH2_CALLBACK_SEND, (libssh2_cb_generic *)a);
    libssh2_session_callback_set2(s, LIBSSH2_CALLBACK_RECV, (libssh2_cb_generic *)b);
}
/* The bytes of an allocation; 0 for none. */
static inline size_t hl_ssh_size(void *p) { return malloc_usable_size(p); }
typedef void *(*hl_ssh_alloc)(size_t, void **);
typedef void *(*hl_ssh_realloc)(void *, size_t, void **);
typedef void (*hl_ssh_free)(void *, void **);
typedef void (*hl_ssh_goodbye)(LIBSSH2_SESSION *, int, const char *, int, const char *, int, void **);
static inline void hl_ssh_set_disconnect(LIBSSH2_SESSION *s, hl_ssh_goodbye a) {
    libssh2_session_callback_set2(s, LIBSSH2_CALLBACK_DISCONNECT, (libssh2_cb_generic *)a);
}
typedef int (*hl_ssh_sign)(LIBSSH2_SESSION *, unsigned char **, size_t *, const unsigned char *, size_t, void **);
/* Makes `line` ("TYPE AA==") the type of key that is offered next. libssh2 (1.11.1) keeps the type of
   a key that it did not offer, as the server accepts no signature of its kind, and offers every later
   key as one of that type. This public call sets the type anew and, its key being too short, ends
   before it sends anything. */
static inline int hl_ssh_offer_type(LIBSSH2_SESSION *s, const char *user, const char *line) {
    return libssh2_userauth_publickey_frommemory(s, user, strlen(user), line, strlen(line), NULL, 0, NULL);
}
/* `context` reaches `sign` as it is: libssh2's own void ** here is the address given. */
static inline int hl_ssh_publickey(LIBSSH2_SESSION *s, const char *user, const unsigned char *key, size_t length,
                                   hl_ssh_sign sign, void *context) {
    return libssh2_userauth_publickey(s, user, key, length, sign, (void **)context);
}
