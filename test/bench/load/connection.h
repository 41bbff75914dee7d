/* One TLS connection of the load generator, and the epoll set that all of them share. Client and server use the same
 * code; what they say is in clients.c and server.c. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <openssl/ssl.h>
#include <stdint.h>

#define NEGOTIATION_BYTES_MAX 8192
#define TAIL_BYTES 10

struct message;

struct connection {
    int fd;
    SSL *ssl;
    /* What the owner makes of it: its place in the negotiation, and which set it belongs to. */
    int step;
    int set;
    /* Full JID, once a resource is bound. */
    char jid[512];
    /* What was read during the negotiation and is not yet understood. */
    char text[NEGOTIATION_BYTES_MAX + 1];
    int text_length;
    /* The last bytes read that are not white space. */
    char tail[TAIL_BYTES];
    /* What it sends, built for the template of this generation. */
    struct message *message;
    int generation;
    /* Monotonic nanoseconds at which the message in flight was sent; 0 when none is. */
    int64_t sent_at;
    /* Monotonic nanoseconds at which a client began to connect. */
    int64_t dialled_at;
};

/* Writes "error TEXT" to standard output and ends the process. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

int64_t now_ns(void);

/* Takes a connected socket and adds it to the epoll set. */
struct connection *open_connection(int epoll, int fd, SSL_CTX *context, int is_server);
void close_connection(struct connection *connection);

/* Waits for a connection that a client has begun. */
void await_connect(int epoll, struct connection *connection);
/* Waits for bytes from now on. Returns whether the connection is there; it was refused otherwise. */
int has_connected(int epoll, struct connection *connection);

/* Goes on with the handshake. Returns 1 when it is done, 0 when it waits for the peer, -1 when it failed. */
int shake_hands(struct connection *connection);

/* Reads what there is, at most `size` bytes. Returns the number, 0 when there is nothing, -1 at the end. */
int read_some(struct connection *connection, char *bytes, int size);

/* Whether more can be read without waiting for the socket. */
int has_more(const struct connection *connection);

/* Whether the peer has closed its socket. */
int has_ended(const struct connection *connection);

void write_all(struct connection *connection, const char *bytes, int length);
void write_text(struct connection *connection, const char *text);

/* Reads into `text` and returns whether `marker` has come; then `text` is emptied by `forget_text`. -1 at the end. */
int has_come(struct connection *connection, const char *marker);
void forget_text(struct connection *connection);

/* Whether these bytes end a message stanza. White space after it counts as padding. */
int ends_message(struct connection *connection, const char *bytes, int length);

#endif
