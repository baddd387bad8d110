// Compares libcrypto.c with the functions of libssh2 that it replaces, at every length that matters;
// build-libssh2.sh runs it once. The exit code is 1 where they differ.
#include "libssh2_priv.h"
#include "chacha.h"
#include "poly1305.h"
#include <stdio.h>

void short_chacha_encrypt_bytes(struct chacha_ctx *x, const u_char *m, u_char *c, u_int bytes);
void short_poly1305_auth(u_char out[POLY1305_TAGLEN], const u_char *m, size_t inlen,
                         const u_char key[POLY1305_KEYLEN]);

int main(void)
{
    // Longer than the longest packet.
    static u_char text[70000], ours[70000], theirs[70000];
    const u_char start[CHACHA_CTRLEN] = {1};
    u_char tag[2][POLY1305_TAGLEN];
    unsigned seed = 1;

    for(size_t i = 0; i < sizeof(text); i++)
        text[i] = (u_char)((seed = seed * 1103515245 + 12345) >> 16);
    for(u_int count = 0; count < sizeof(text); count += count < 1100 ? 1 : 377) {
        struct chacha_ctx mine, other;
        chacha_keysetup(&mine, text + 100, 256);
        chacha_ivsetup(&mine, text + 50, start);
        other = mine;
        // In place, as libssh2 does.
        memcpy(ours, text, count);
        chacha_encrypt_bytes(&mine, ours, ours, count);
        short_chacha_encrypt_bytes(&other, text, theirs, count);
        poly1305_auth(tag[0], text, count, text + 200);
        short_poly1305_auth(tag[1], text, count, text + 200);
        if(memcmp(ours, theirs, count) || memcmp(tag[0], tag[1], sizeof(tag[0]))
           || memcmp(&mine, &other, sizeof(mine))) {
            fprintf(stderr, "libcrypto.c differs from libssh2 at %u bytes\n", count);
            return 1;
        }
    }
    return 0;
}
