#pragma once
// libuv, and the few calls of Linux that Swift's Glibc module lacks. They are declared here instead of with _GNU_SOURCE, which would
// change what other modules see of the same headers. Structures that begin with the fields of another (uv_tcp_t, uv_stream_t,
// uv_handle_t) are converted in Handle.swift.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <uv.h>

extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

// Names the calling thread; prctl is variadic, which Swift cannot call. PR_SET_NAME cuts the name to 15 octets.
static inline int chat_set_thread_name(const char *name) {
    return prctl(PR_SET_NAME, name, 0, 0, 0);
}
