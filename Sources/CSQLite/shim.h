// What Swift cannot import of sqlite3.h: casts in macros, and variadic functions.
#ifndef CHAT_CSQLITE_SHIM_H
#define CHAT_CSQLITE_SHIM_H

#include <sqlite3.h>
#include <sys/prctl.h>

// SQLITE_TRANSIENT is a cast of -1 to a function: SQLite copies the octets before it returns.
static inline int csqlite_bind_text_copy(sqlite3_stmt *statement, int index, const char *octets, int count) {
    return sqlite3_bind_text(statement, index, octets, count, SQLITE_TRANSIENT);
}

static inline int csqlite_bind_blob_copy(sqlite3_stmt *statement, int index, const void *octets, int count) {
    return sqlite3_bind_blob(statement, index, octets, count, SQLITE_TRANSIENT);
}

// Refuses SQL that could damage the file, such as writing to the schema tables.
static inline int csqlite_set_defensive(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}

// prctl is variadic.
static inline int csqlite_set_thread_name(const char *name) {
    return prctl(PR_SET_NAME, name, 0, 0, 0);
}

#endif
