/* Messages of an exact size, written from a template. `{jid}` becomes the connection's full JID, `{fill}` as much text
 * as the size leaves room for, and each `{id}` an id of 20 characters that is new in each message. */
#ifndef MESSAGE_H
#define MESSAGE_H

#define IDS_MAX 8

struct template {
    char *text;
    int bytes;
    /* Counts the templates: a connection's message is of the template with the same number. */
    int generation;
};

struct message {
    char *bytes;
    int length;
    int ids[IDS_MAX];
    int id_count;
};

/* Reads the template from a file, in place of the one before. */
void load_template(struct template *template, const char *file, int bytes);

struct message *build_message(const struct template *template, const char *jid);

/* Puts a new id in. */
void renew_ids(struct message *message);

void free_message(struct message *message);

#endif
