// Package sqlite is the store driver on SQLite: one writer, many readers on
// snapshots of the write-ahead log.
//
// A table of the schema is an SQL table of the same name with the columns _id,
// _creationTime, _doc (the whole document as JSON) and one column for each
// indexed field, in an encoding that SQLite orders as values are ordered. So
// operators can read everything with the sqlite3 shell:
//
//	SELECT _id, json_extract(_doc, '$.name') FROM projects;
//
// The writer's pool holds exactly one connection. Job queues share it
// (Writer), so nothing ever waits on SQLite's file lock.
package sqlite
