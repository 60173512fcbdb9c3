/* Certificates that are renewed while the server runs. The library takes one at its start and keeps
 * it; but it tells of each connection before its handshake, and GnuTLS then still takes another. */
#include "server/http_private.h"

#include "base/alloc.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

struct http_certificate {
        atomic_uint references; /* the server's, and one of each connection that has it */
        gnutls_certificate_credentials_t credentials;
};

static int load(gnutls_certificate_credentials_t credentials, const char *certificate,
                const char *key)
{
        const gnutls_datum_t chain = {(unsigned char *)certificate, (unsigned)strlen(certificate)};
        const gnutls_datum_t own = {(unsigned char *)key, (unsigned)strlen(key)};
        return gnutls_certificate_set_x509_key_mem(credentials, &chain, &own, GNUTLS_X509_FMT_PEM);
}

int http_certificate_new(const char *certificate, const char *key, struct http_certificate **ret,
                         struct error *err)
{
        struct http_certificate *made = alloc_calloc(1, sizeof(*made));
        if (!made)
                return error_oom(err);
        if (gnutls_certificate_allocate_credentials(&made->credentials) < 0) {
                free(made);
                return error_oom(err);
        }
        atomic_init(&made->references, 1);
        int code = load(made->credentials, certificate, key);
        if (code < 0) {
                http_certificate_release(made);
                return error_set(err, ERROR_IO,
                                 "TLS certificate and key cannot be used (%s); they must be a "
                                 "pair, both in PEM",
                                 gnutls_strerror(code));
        }
        *ret = made;
        return 0;
}

void http_certificate_release(struct http_certificate *certificate)
{
        if (!certificate || atomic_fetch_sub(&certificate->references, 1) != 1)
                return;
        gnutls_certificate_free_credentials(certificate->credentials);
        free(certificate);
}

void http_set_certificate(struct http_server *server, struct http_certificate *certificate)
{
        (void)pthread_mutex_lock(&server->mutex);
        struct http_certificate *before = server->certificate;
        server->certificate = certificate;
        (void)pthread_mutex_unlock(&server->mutex);
        http_certificate_release(before);
}

struct http_certificate *http_certify(struct http_server *server, struct MHD_Connection *connection)
{
        if (!server->tls)
                return NULL;
        (void)pthread_mutex_lock(&server->mutex);
        struct http_certificate *certificate = server->certificate;
        if (certificate)
                (void)atomic_fetch_add(&certificate->references, 1);
        (void)pthread_mutex_unlock(&server->mutex);
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (certificate && info && info->tls_session)
                (void)gnutls_credentials_set(info->tls_session, GNUTLS_CRD_CERTIFICATE,
                                             certificate->credentials);
        return certificate;
}
