/* The gatekeeper of the benchmark: takes any password, binds the resource that is asked for, and answers each message
 * with one. */
#define _GNU_SOURCE
#include "load.h"

#include "connection.h"
#include "message.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 64

enum step { HANDSHAKE, FIRST_HEADER, AUTH, SECOND_HEADER, BIND, ESTABLISHED };

static const char header[] =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    "version='1.0' id='f2c1a7' from='im.example' xml:lang='en'>";
static const char mechanisms[] =
    "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
    "</stream:features>";
static const char binding[] =
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";

struct server {
    int epoll;
    int listener;
    SSL_CTX *context;
    struct template reply;
    long replies;
};

/* Answers with the protocol that the client offers. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                           unsigned int in_length, void *unused)
{
    (void)ssl, (void)in_length, (void)unused;
    *out = in + 1;
    *out_length = in[0];
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *server_context(const char *cert, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1) fail("cannot use %s", cert);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) fail("cannot use %s", key);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return context;
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0) fail("cannot listen");
    getsockname(fd, (struct sockaddr *)&address, &length);
    *port = ntohs(address.sin_port);
    return fd;
}

/* The value of an attribute or the text of an element: what stands between `start` and the first of `ends`. */
static int between(const char *text, const char *start, const char *ends, char *value, size_t size)
{
    const char *from = strstr(text, start);
    size_t length;
    if (from == NULL) return 0;
    from += strlen(start);
    if (*from == '\'' || *from == '"') from += 1;
    length = strcspn(from, ends);
    if (length >= size) fail("a value of %zu bytes", length);
    memcpy(value, from, length);
    value[length] = '\0';
    return 1;
}

/* SASL PLAIN (RFC 4616): the second of three fields is who it is. */
static void learn_user(struct connection *connection)
{
    char encoded[256];
    unsigned char plain[256];
    const char *auth = strstr(connection->text, "<auth");
    if (!between(strchr(auth, '>'), ">", "<", encoded, sizeof encoded)) fail("no credentials");
    if (EVP_DecodeBlock(plain, (unsigned char *)encoded, (int)strlen(encoded)) < 3) fail("no base64");
    snprintf(connection->jid, sizeof connection->jid, "%s@im.example", (char *)plain + strlen((char *)plain) + 1);
}

static void bind_resource(struct connection *connection)
{
    static int assigned = 0;
    char id[256], resource[256], answer[2048];
    const char *iq = strstr(connection->text, "<iq");
    if (iq == NULL || !between(iq, " id=", "'\"", id, sizeof id)) fail("no id of a request");
    /* Without a resource in the request it is the server's to assign. */
    if (!between(iq, "<resource>", "<", resource, sizeof resource))
        snprintf(resource, sizeof resource, "assigned-%d", assigned += 1);
    strncat(connection->jid, "/", sizeof connection->jid - strlen(connection->jid) - 1);
    strncat(connection->jid, resource, sizeof connection->jid - strlen(connection->jid) - 1);
    snprintf(answer, sizeof answer,
             "<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>%s</jid></bind></iq>", id,
             connection->jid);
    write_text(connection, answer);
}

/* Returns whether the client is still there. */
static int answer_messages(struct server *server, struct connection *connection)
{
    char bytes[16384];
    do {
        int length = read_some(connection, bytes, sizeof bytes);
        if (length < 0) return 0;
        if (length == 0) break;
        if (!ends_message(connection, bytes, length)) continue;
        if (connection->generation != server->reply.generation) {
            free_message(connection->message);
            connection->message = build_message(&server->reply, connection->jid);
            connection->generation = server->reply.generation;
        }
        renew_ids(connection->message);
        write_all(connection, connection->message->bytes, connection->message->length);
        server->replies += 1;
    } while (has_more(connection));
    return 1;
}

/* What a client is waited for at each step. */
static const char *const markers[] = {
    [FIRST_HEADER] = "to=", [AUTH] = "</auth>", [SECOND_HEADER] = "to=", [BIND] = "</iq>"};

/* Whether a tag is the last thing read; padding may follow it. */
static int ends_with_tag(const struct connection *connection)
{
    int length = connection->text_length;
    while (length > 0 && connection->text[length - 1] == ' ') length -= 1;
    return length > 0 && connection->text[length - 1] == '>';
}

static void negotiate(struct connection *connection)
{
    const char *marker = markers[connection->step];
    if (has_come(connection, marker) != 1 || !ends_with_tag(connection)) return;
    switch (connection->step) {
    case FIRST_HEADER:
        write_text(connection, header);
        write_text(connection, mechanisms);
        break;
    case AUTH:
        learn_user(connection);
        write_text(connection, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        break;
    case SECOND_HEADER:
        write_text(connection, header);
        write_text(connection, binding);
        break;
    case BIND:
        bind_resource(connection);
        break;
    }
    forget_text(connection);
    connection->step += 1;
}

static void serve_connection(struct server *server, struct connection *connection)
{
    if (connection->step == HANDSHAKE) {
        int done = shake_hands(connection);
        if (done < 0) return close_connection(connection);
        if (done == 0) return;
        connection->step = FIRST_HEADER;
        if (!has_more(connection)) return;
    }
    if (connection->step == ESTABLISHED) {
        if (!answer_messages(server, connection)) close_connection(connection);
        return;
    }
    negotiate(connection);
    if (SSL_get_shutdown(connection->ssl) != 0 || has_ended(connection)) close_connection(connection);
}

/* `reply FILE BYTES`: answers messages so from now on. `count`: prints how many were answered. 0 at the end. */
static int obey(struct server *server)
{
    char line[1024], file[512];
    int bytes;
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    if (sscanf(line, "reply %511s %d", file, &bytes) == 2) {
        load_template(&server->reply, file, bytes);
        printf("ok\n");
    } else if (strcmp(line, "count\n") == 0) {
        printf("count %ld\n", server->replies);
    } else fail("what is %s", line);
    return 1;
}

int run_server(const char *cert, const char *key)
{
    struct server server = {.epoll = epoll_create1(0), .context = server_context(cert, key)};
    struct epoll_event events[EVENTS_MAX];
    struct epoll_event listening = {.events = EPOLLIN, .data.ptr = &server};
    struct epoll_event commands = {.events = EPOLLIN, .data.ptr = NULL};
    int port;
    server.listener = listen_anywhere(&port);
    epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &listening);
    epoll_ctl(server.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &commands);
    printf("port %d\n", port);
    for (;;) {
        int count = epoll_wait(server.epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i += 1) {
            void *target = events[i].data.ptr;
            if (target == NULL) {
                if (!obey(&server)) return 0;
            } else if (target == &server) {
                int fd = accept(server.listener, NULL, NULL);
                if (fd >= 0) open_connection(server.epoll, fd, server.context, 1);
            } else serve_connection(&server, target);
        }
    }
}
