/* The floor: a server that does nothing but fan out, on one libuv loop, to show what the kernel costs.
 *
 * A frame is four octets of length of what follows (big-endian), one of type, four of room, and a body. `?` is answered as it came;
 * `+` joins the room and is answered as it came; `!` goes, as it came, to every member of the room, the sender included if it is one.
 * Each connection has one buffer to which frames are appended, and one write at the end of each turn of the loop.
 *
 *     floor PORT
 */
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    HEADER_BYTE_COUNT = 9,
    FRAME_BYTE_COUNT_MAX = 64 * 1024,
    /* A reader that is further behind is dropped. */
    OUTPUT_BYTE_COUNT_MAX = 16 * 1024 * 1024,
    ROOM_COUNT_MAX = 1 << 20,
    READ_BYTE_COUNT = 64 * 1024,
    BUFFER_BYTE_COUNT_MIN = 4 * 1024,
};

struct buffer {
    char *start;
    size_t count, capacity;
};

struct room;

struct connection {
    uv_tcp_t tcp;
    struct buffer input, output;
    /* What the kernel did not take at once, while libuv waits for it. */
    uv_write_t write;
    char *writing;
    struct room **rooms;
    size_t room_count;
    int is_dirty, is_closing;
};

struct room {
    struct connection **members;
    size_t count, capacity;
};

static struct room rooms[ROOM_COUNT_MAX];
static struct connection **dirty;
static size_t dirty_count, dirty_capacity;
static char read_buffer[READ_BYTE_COUNT];

static void *resized(void *start, size_t byte_count) {
    void *larger = realloc(start, byte_count);
    if (!larger) abort();
    return larger;
}

static void append(struct buffer *buffer, const char *octets, size_t count) {
    if (buffer->capacity - buffer->count < count) {
        size_t larger = buffer->capacity ? 2 * buffer->capacity : BUFFER_BYTE_COUNT_MIN;
        buffer->capacity = larger > buffer->count + count ? larger : buffer->count + count;
        buffer->start = resized(buffer->start, buffer->capacity);
    }
    memcpy(buffer->start + buffer->count, octets, count);
    buffer->count += count;
}

/* An idle connection holds no buffer. */
static void empty(struct buffer *buffer) {
    free(buffer->start);
    *buffer = (struct buffer){0};
}

static void leave(struct room *room, struct connection *connection) {
    for (size_t index = 0; index < room->count; index++) {
        if (room->members[index] != connection) continue;
        room->members[index] = room->members[--room->count];
        return;
    }
}

static void did_close(uv_handle_t *handle) {
    struct connection *connection = handle->data;
    empty(&connection->input);
    empty(&connection->output);
    free(connection->writing);
    free(connection->rooms);
    free(connection);
}

static void drop(struct connection *connection) {
    if (connection->is_closing) return;
    connection->is_closing = 1;
    for (size_t index = 0; index < connection->room_count; index++) leave(connection->rooms[index], connection);
    /* Who is in the list of dirty connections is closed when the list is gone through. */
    if (!connection->is_dirty) uv_close((uv_handle_t *)&connection->tcp, did_close);
}

static void mark_dirty(struct connection *connection) {
    if (connection->is_dirty) return;
    connection->is_dirty = 1;
    if (dirty_count == dirty_capacity) {
        dirty_capacity = dirty_capacity ? 2 * dirty_capacity : 1024;
        dirty = resized(dirty, dirty_capacity * sizeof *dirty);
    }
    dirty[dirty_count++] = connection;
}

static void queue(struct connection *connection, const char *frame, size_t count) {
    if (connection->is_closing) return;
    append(&connection->output, frame, count);
    mark_dirty(connection);
    if (connection->output.count > OUTPUT_BYTE_COUNT_MAX) drop(connection);
}

static void join(struct connection *connection, struct room *room) {
    if (room->count == room->capacity) {
        room->capacity = room->capacity ? 2 * room->capacity : 8;
        room->members = resized(room->members, room->capacity * sizeof *room->members);
    }
    room->members[room->count++] = connection;
    connection->rooms = resized(connection->rooms, (connection->room_count + 1) * sizeof *connection->rooms);
    connection->rooms[connection->room_count++] = room;
}

static uint32_t number(const char *octets) {
    const unsigned char *o = (const unsigned char *)octets;
    return (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];
}

static void handle(struct connection *connection, const char *frame, size_t count) {
    uint32_t index = number(frame + 5);
    if (index >= ROOM_COUNT_MAX) return drop(connection);
    struct room *room = &rooms[index];
    switch (frame[4]) {
    case '!':
        /* From the end, because a member that is dropped gives its place to the last one. */
        for (size_t member = room->count; member-- > 0;) queue(room->members[member], frame, count);
        break;
    case '+':
        join(connection, room);
        queue(connection, frame, count);
        break;
    case '?':
        queue(connection, frame, count);
        break;
    default:
        drop(connection);
    }
}

/* How many octets of whole frames were handled. */
static size_t handle_frames(struct connection *connection, const char *octets, size_t count) {
    size_t used = 0;
    while (!connection->is_closing && count - used >= 4) {
        size_t frame_count = 4 + (size_t)number(octets + used);
        if (frame_count < HEADER_BYTE_COUNT || frame_count > FRAME_BYTE_COUNT_MAX) {
            drop(connection);
            break;
        }
        if (count - used < frame_count) break;
        handle(connection, octets + used, frame_count);
        used += frame_count;
    }
    return used;
}

/* One buffer serves all reads: what is read is handled before the next read. */
static void will_read(uv_handle_t *tcp, size_t suggested, uv_buf_t *buffer) {
    (void)tcp, (void)suggested;
    *buffer = uv_buf_init(read_buffer, READ_BYTE_COUNT);
}

static void did_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    struct connection *connection = stream->data;
    if (count < 0) return drop(connection);
    if (connection->is_closing) return;
    struct buffer *input = &connection->input;
    if (input->count == 0) {
        size_t used = handle_frames(connection, buffer->base, (size_t)count);
        if (used < (size_t)count && !connection->is_closing) append(input, buffer->base + used, (size_t)count - used);
        return;
    }
    append(input, buffer->base, (size_t)count);
    size_t used = handle_frames(connection, input->start, input->count);
    memmove(input->start, input->start + used, input->count - used);
    input->count -= used;
    if (input->count == 0) empty(input);
}

static void did_write(uv_write_t *write, int status) {
    struct connection *connection = write->data;
    free(connection->writing);
    connection->writing = NULL;
    if (status < 0) return drop(connection);
    if (connection->output.count > 0) mark_dirty(connection);
}

static void flush(struct connection *connection) {
    struct buffer *output = &connection->output;
    if (connection->writing || output->count == 0) return;
    uv_buf_t all = uv_buf_init(output->start, (unsigned)output->count);
    int written = uv_try_write((uv_stream_t *)&connection->tcp, &all, 1);
    if (written == (int)output->count) return empty(output);
    if (written < 0 && written != UV_EAGAIN) return drop(connection);
    size_t taken = written > 0 ? (size_t)written : 0;
    uv_buf_t rest = uv_buf_init(output->start + taken, (unsigned)(output->count - taken));
    connection->writing = output->start;
    *output = (struct buffer){0};
    connection->write.data = connection;
    if (uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &rest, 1, did_write) != 0) drop(connection);
}

/* Runs after the sockets have been read: the turn's one write for each connection. */
static void turn_did_end(uv_check_t *check) {
    (void)check;
    for (size_t index = 0; index < dirty_count; index++) {
        struct connection *connection = dirty[index];
        if (!connection->is_closing) flush(connection);
        connection->is_dirty = 0;
        if (connection->is_closing && !uv_is_closing((uv_handle_t *)&connection->tcp))
            uv_close((uv_handle_t *)&connection->tcp, did_close);
    }
    dirty_count = 0;
}

static void did_accept(uv_stream_t *listener, int status) {
    if (status < 0) return;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) abort();
    uv_tcp_init(listener->loop, &connection->tcp);
    connection->tcp.data = connection;
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) != 0) return drop(connection);
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_read_start((uv_stream_t *)&connection->tcp, will_read, did_read);
}

int main(int count, char **arguments) {
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    uv_check_t check;
    struct sockaddr_in address;
    if (count != 2) {
        fprintf(stderr, "floor PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    /* Else what a turn has freed goes back to the kernel and is asked for again in the next: half as much again for each delivery. */
    mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
    uv_ip4_addr("127.0.0.1", atoi(arguments[1]), &address);
    uv_tcp_init(loop, &listener);
    uv_tcp_bind(&listener, (struct sockaddr *)&address, 0);
    int status = uv_listen((uv_stream_t *)&listener, 4096, did_accept);
    if (status != 0) {
        fprintf(stderr, "floor: port %s: %s\n", arguments[1], uv_strerror(status));
        return 1;
    }
    uv_check_init(loop, &check);
    uv_check_start(&check, turn_did_end);
    return uv_run(loop, UV_RUN_DEFAULT);
}
