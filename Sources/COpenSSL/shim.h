// What Swift cannot import of OpenSSL: macros with arguments, macros over casts, and options wider than an int.
#pragma once
#include <string.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
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

/// The first URI among the alternative names of a certificate that begins with `prefix`, without it. Its length; 0 if there is none or
/// it does not fit.
static inline int copenssl_certificate_uri(X509 *certificate, const char *prefix, char *text, int byte_count_max) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int found = 0;
    for (int index = 0; names != NULL && index < sk_GENERAL_NAME_num(names) && found == 0; index++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
        if (name->type != GEN_URI) continue;
        const char *octets = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
        int length = ASN1_STRING_length(name->d.uniformResourceIdentifier);
        int prefix_length = (int)strlen(prefix);
        if (length <= prefix_length || memcmp(octets, prefix, prefix_length) != 0) continue;
        if (length - prefix_length > byte_count_max) continue;
        found = length - prefix_length;
        memcpy(text, octets + prefix_length, found);
    }
    GENERAL_NAMES_free(names);
    return found;
}

/// The common name of a certificate's subject, if it has exactly one. Its length; 0 if there is none or it does not fit.
static inline int copenssl_certificate_common_name(X509 *certificate, char *text, int byte_count_max) {
    X509_NAME *subject = X509_get_subject_name(certificate);
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0) return 0;
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
    int length = ASN1_STRING_length(value);
    if (length <= 0 || length > byte_count_max) return 0;
    memcpy(text, ASN1_STRING_get0_data(value), length);
    return length;
}
