// What Swift cannot import of OpenSSL: macros with arguments, macros over casts, and options wider than an int.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline int copenssl_context_set_versions(SSL_CTX *context, int minimum, int maximum) {
    return SSL_CTX_set_min_proto_version(context, minimum) && SSL_CTX_set_max_proto_version(context, maximum);
}

static inline long copenssl_context_set_modes(SSL_CTX *context) {
    return SSL_CTX_set_mode(
        context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static inline void copenssl_context_set_options(SSL_CTX *context) {
    SSL_CTX_set_options(
        context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}

static inline long copenssl_context_disable_session_cache(SSL_CTX *context) {
    return SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline long copenssl_context_set_groups(SSL_CTX *context, const char *groups) {
    return SSL_CTX_set1_groups_list(context, groups);
}

/// Length of the keys, if `keys` is null.
static inline long copenssl_context_get_ticket_keys(SSL_CTX *context, void *keys, long byte_count) {
    return SSL_CTX_get_tlsext_ticket_keys(context, keys, byte_count);
}

static inline long copenssl_context_set_ticket_keys(SSL_CTX *context, void *keys, long byte_count) {
    return SSL_CTX_set_tlsext_ticket_keys(context, keys, byte_count);
}

static inline long copenssl_set_server_name(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, name);
}

static inline void copenssl_bio_set_retry_read(BIO *bio) {
    BIO_set_retry_read(bio);
}

static inline void copenssl_bio_clear_retry_flags(BIO *bio) {
    BIO_clear_retry_flags(bio);
}

static inline int copenssl_error_library(unsigned long code) {
    return ERR_GET_LIB(code);
}

static inline int copenssl_error_reason(unsigned long code) {
    return ERR_GET_REASON(code);
}

/// Answers that there is no pass phrase. Here, because Swift cannot form a `pem_password_cb *`: the name is that of a function type,
/// not of a pointer to one.
static inline int copenssl_no_passphrase(char *buffer, int byte_count_max, int is_for_writing, void *argument) {
    (void)buffer, (void)byte_count_max, (void)is_for_writing, (void)argument;
    return -1;
}

static inline void copenssl_context_refuse_passphrases(SSL_CTX *context) {
    SSL_CTX_set_default_passwd_cb(context, copenssl_no_passphrase);
}
