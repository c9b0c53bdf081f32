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

// SQLITE_STATIC: SQLite reads the octets where they are, until the statement has run.
static inline int csqlite_bind_text_lent(sqlite3_stmt *statement, int index, const char *octets, int count) {
    return sqlite3_bind_text(statement, index, octets, count, SQLITE_STATIC);
}

static inline int csqlite_bind_blob_lent(sqlite3_stmt *statement, int index, const void *octets, int count) {
    return sqlite3_bind_blob(statement, index, octets, count, SQLITE_STATIC);
}

// Nobody asks how much memory SQLite has, and counting takes a lock at every allocation. Refused, harmlessly, once SQLite is in use.
static inline int csqlite_stop_counting_memory(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
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
