/* See message.h. */
#include "message.h"

#include "connection.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES 20

static const char filler[] = "The quick brown fox jumps over the lazy dog, and the dog does not mind. ";

void load_template(struct template *template, const char *file, int bytes)
{
    FILE *stream = fopen(file, "rb");
    long length;
    if (stream == NULL) fail("no file %s", file);
    fseek(stream, 0, SEEK_END);
    length = ftell(stream);
    rewind(stream);
    free(template->text);
    template->text = calloc(1, (size_t)length + 1);
    if (fread(template->text, 1, (size_t)length, stream) != (size_t)length) fail("cannot read %s", file);
    fclose(stream);
    template->bytes = bytes;
    template->generation += 1;
}

/* Bytes of the message without its filler. */
static int bare_length(const char *text, const char *jid)
{
    int length = 0;
    while (*text != '\0') {
        if (strncmp(text, "{jid}", 5) == 0) length += (int)strlen(jid), text += 5;
        else if (strncmp(text, "{id}", 4) == 0) length += ID_BYTES, text += 4;
        else if (strncmp(text, "{fill}", 6) == 0) text += 6;
        else length += 1, text += 1;
    }
    return length;
}

static char *put_filler(char *at, int length)
{
    for (int i = 0; i < length; i += 1) *at++ = filler[i % (int)(sizeof filler - 1)];
    return at;
}

struct message *build_message(const struct template *template, const char *jid)
{
    struct message *message = calloc(1, sizeof *message);
    int fill = template->bytes - bare_length(template->text, jid);
    const char *text = template->text;
    char *at = message->bytes = malloc((size_t)template->bytes);
    if (fill < 0) fail("no message of %d bytes from this template: %d too many", template->bytes, -fill);
    while (*text != '\0') {
        if (strncmp(text, "{jid}", 5) == 0) {
            memcpy(at, jid, strlen(jid));
            at += strlen(jid), text += 5;
        } else if (strncmp(text, "{id}", 4) == 0) {
            if (message->id_count == IDS_MAX) fail("more than %d ids", IDS_MAX);
            message->ids[message->id_count++] = (int)(at - message->bytes);
            at += ID_BYTES, text += 4;
        } else if (strncmp(text, "{fill}", 6) == 0) {
            at = put_filler(at, fill);
            text += 6;
        } else *at++ = *text++;
    }
    message->length = (int)(at - message->bytes);
    if (message->length != template->bytes) fail("a template without {fill}");
    return message;
}

/* xorshift64: ids look random, as those of clients do, and are the same in every run. */
static uint64_t next_random(void)
{
    static uint64_t state = UINT64_C(88172645463325252);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

void renew_ids(struct message *message)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    char id[ID_BYTES];
    uint64_t one = next_random(), other = next_random();
    for (int i = 0; i < ID_BYTES / 2; i += 1) {
        id[2 * i] = digits[(one >> (5 * i)) & 31];
        id[2 * i + 1] = digits[(other >> (5 * i)) & 31];
    }
    for (int i = 0; i < message->id_count; i += 1) memcpy(message->bytes + message->ids[i], id, ID_BYTES);
}

void free_message(struct message *message)
{
    if (message == NULL) return;
    free(message->bytes);
    free(message);
}
