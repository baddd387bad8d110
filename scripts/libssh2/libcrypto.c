// libcrypto's ChaCha20 and Poly1305 in place of libssh2's own, which work on one block at a time and
// take half of the CPU time of a transfer. Built into libssh2's archive by build-libssh2.sh.
// Short texts stay with libssh2's functions: setting up libcrypto takes longer than their blocks.
// Invariant: both give the same bytes (RFC 8439 §2.4 and §2.5, with DJB's 64-bit counter).
#include "libssh2_priv.h"
#include "chacha.h"
#include "poly1305.h"
#include <openssl/evp.h>

// The bytes from which libcrypto is faster, its set-up included.
#define LONG 512

// libssh2's own functions, under these names (see build-libssh2.sh).
void short_chacha_encrypt_bytes(struct chacha_ctx *x, const u_char *m, u_char *c, u_int bytes);
void short_poly1305_auth(u_char out[POLY1305_TAGLEN], const u_char *m, size_t inlen,
                         const u_char key[POLY1305_KEYLEN]);

static void store(u_char *bytes, const u_int *words, int count)
{
    for(int i = 0; i < count; i++)
        for(int j = 0; j < 4; j++)
            *bytes++ = (u_char)(words[i] >> (8 * j));
}

void chacha_encrypt_bytes(struct chacha_ctx *x, const u_char *m, u_char *c, u_int bytes)
{
    static __thread EVP_CIPHER_CTX *cipher;
    u_char key[32], start[16];
    int count = 0, done = 0;

    // libcrypto's counter has 32 bits: the text must not reach its end.
    if(bytes >= LONG && bytes <= 1 << 30 && x->input[12] < 1 << 30) {
        store(key, x->input + 4, 8);
        store(start, x->input + 12, 4);
        if(!cipher)
            cipher = EVP_CIPHER_CTX_new();
        done = cipher && EVP_EncryptInit_ex(cipher, EVP_chacha20(), NULL, key, start) == 1
            && EVP_EncryptUpdate(cipher, c, &count, m, (int)bytes) == 1 && count == (int)bytes;
        OPENSSL_cleanse(key, sizeof(key));
    }
    if(done)
        x->input[12] += (bytes + CHACHA_BLOCKLEN - 1) / CHACHA_BLOCKLEN;
    else
        short_chacha_encrypt_bytes(x, m, c, bytes);
}

void poly1305_auth(u_char out[POLY1305_TAGLEN], const u_char *m, size_t inlen,
                   const u_char key[POLY1305_KEYLEN])
{
    static __thread EVP_MAC_CTX *mac;
    size_t count = 0;

    if(inlen >= LONG) {
        if(!mac) {
            EVP_MAC *kind = EVP_MAC_fetch(NULL, "POLY1305", NULL);
            mac = kind ? EVP_MAC_CTX_new(kind) : NULL;
            EVP_MAC_free(kind);
        }
        if(mac && EVP_MAC_init(mac, key, POLY1305_KEYLEN, NULL) == 1
           && EVP_MAC_update(mac, m, inlen) == 1
           && EVP_MAC_final(mac, out, &count, POLY1305_TAGLEN) == 1 && count == POLY1305_TAGLEN)
            return;
    }
    short_poly1305_auth(out, m, inlen, key);
}
