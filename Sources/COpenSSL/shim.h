#pragma once
/* Blowfish is "deprecated", but OpenSSH's private keys need it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/crypto.h>
#include <openssl/blowfish.h>
#include <openssl/bn.h>
#include <openssl/sha.h>

/* OpenSSL "functions" that are macros, so hidden from Swift's importer. */
static inline long hl_ssl_set_mode(SSL *s, long m) { return SSL_set_mode(s, m); }
static inline long hl_ssl_set_host(SSL *s, const char *h) { return SSL_set_tlsext_host_name(s, h); }
static inline long hl_ctx_set_mode(SSL_CTX *c, long m) { return SSL_CTX_set_mode(c, m); }
static inline long hl_ctx_set_min_proto(SSL_CTX *c, int v) { return SSL_CTX_set_min_proto_version(c, v); }
static inline void hl_ctx_no_renegotiation(SSL_CTX *c) { SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION); }
static inline long hl_ctx_sess_cache(SSL_CTX *c, long m) { return SSL_CTX_set_session_cache_mode(c, m); }
static inline void hl_bio_retry_read(BIO *b) { BIO_clear_retry_flags(b); BIO_set_retry_read(b); }
static inline void hl_bio_clear_retry(BIO *b) { BIO_clear_retry_flags(b); }
static inline EVP_PKEY *hl_ec_p256_generate(void) { return EVP_EC_gen("P-256"); }
