/* See connection.h. */
#define _GNU_SOURCE
#include "connection.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("error ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    exit(1);
}

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct connection *open_connection(int epoll, int fd, SSL_CTX *context, int is_server)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int on = 1;
    if (connection == NULL) fail("no memory for a connection");
    connection->fd = fd;
    connection->ssl = SSL_new(context);
    SSL_set_fd(connection->ssl, fd);
    if (is_server) SSL_set_accept_state(connection->ssl);
    else SSL_set_connect_state(connection->ssl);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl: %s", strerror(errno));
    return connection;
}

void close_connection(struct connection *connection)
{
    SSL_free(connection->ssl);
    close(connection->fd);
    free_message(connection->message);
    free(connection);
}

void await_connect(int epoll, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

int has_connected(int epoll, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int error = 0;
    socklen_t length = sizeof error;
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event);
    return getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

int shake_hands(struct connection *connection)
{
    int done = SSL_do_handshake(connection->ssl);
    if (done == 1) return 1;
    return SSL_get_error(connection->ssl, done) == SSL_ERROR_WANT_READ ? 0 : -1;
}

int read_some(struct connection *connection, char *bytes, int size)
{
    int length = SSL_read(connection->ssl, bytes, size);
    if (length > 0) return length;
    return SSL_get_error(connection->ssl, length) == SSL_ERROR_WANT_READ ? 0 : -1;
}

int has_more(const struct connection *connection)
{
    return SSL_has_pending(connection->ssl);
}

void write_all(struct connection *connection, const char *bytes, int length)
{
    /* One stanza is in flight per connection, so the socket's buffer has room. */
    if (SSL_write(connection->ssl, bytes, length) != length) fail("a write of %d bytes was not taken", length);
}

void write_text(struct connection *connection, const char *text)
{
    write_all(connection, text, (int)strlen(text));
}

int has_come(struct connection *connection, const char *marker)
{
    do {
        int room = NEGOTIATION_BYTES_MAX - connection->text_length;
        int length;
        if (room == 0) fail("more than %d bytes before %s", NEGOTIATION_BYTES_MAX, marker);
        length = read_some(connection, connection->text + connection->text_length, room);
        if (length <= 0) break;
        connection->text_length += length;
        connection->text[connection->text_length] = '\0';
    } while (has_more(connection));
    if (strstr(connection->text, marker) != NULL) return 1;
    if (SSL_get_shutdown(connection->ssl) & SSL_RECEIVED_SHUTDOWN) return -1;
    return 0;
}

void forget_text(struct connection *connection)
{
    connection->text_length = 0;
    connection->text[0] = '\0';
}

int has_ended(const struct connection *connection)
{
    char peeked;
    ssize_t length = recv(connection->fd, &peeked, 1, MSG_PEEK | MSG_DONTWAIT);
    return length == 0 || (length < 0 && errno != EAGAIN);
}

static int is_space(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

int ends_message(struct connection *connection, const char *bytes, int length)
{
    char *tail = connection->tail;
    while (length > 0 && is_space(bytes[length - 1])) length -= 1;
    if (length == 0) return 0;
    if (length >= TAIL_BYTES) {
        memcpy(tail, bytes + length - TAIL_BYTES, TAIL_BYTES);
    } else {
        memmove(tail, tail + length, TAIL_BYTES - length);
        memcpy(tail + TAIL_BYTES - length, bytes, length);
    }
    return memcmp(tail, "</message>", TAIL_BYTES) == 0;
}
