package store

import (
	"context"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/value"
)

// Timestamp orders commits: nanoseconds since 1970, nudged upwards where the
// clock stands still or goes back. It never repeats, also over restarts.
type Timestamp int64

// Store is the port of a document database.
//
// Update runs fn in a transaction and commits it when fn returns nil; an error
// of fn rolls everything back and is returned as it is. fn may run again when
// the database asks for a retry, so it has no effects but through the
// transaction. Transactions are serializable. Calling Update inside fn
// deadlocks or fails.
//
// Pin opens n snapshots of one and the same commit. While pin runs no commit
// can happen: what it reads in memory belongs to that commit (see
// Transaction.AtCommit). release gives the snapshots back.
type Store interface {
	schema.Tables

	// Schema returns the schema that the store was opened with.
	Schema() *schema.Schema
	// TableNumber returns the number that ids of this table carry.
	TableNumber(table string) (uint32, bool)

	// View runs fn with a snapshot of the newest commit.
	View(ctx context.Context, fn func(Snapshot) error) error
	// Pin opens snapshots atomically; see above.
	Pin(ctx context.Context, n int, pin func()) (snaps []Snapshot, release func(), err error)
	// Update runs fn in a transaction; see above. The timestamp is that of the
	// commit, or of the snapshot when fn wrote nothing.
	Update(ctx context.Context, fn func(Transaction) error) (Timestamp, error)

	// OnCommit registers fn to be called after every commit, without locks
	// held, and returns how to remove it. fn must not block.
	OnCommit(fn func()) (remove func())
	// Prune forgets changes and recorded requests that are older than these
	// timestamps. The newest change always stays.
	Prune(ctx context.Context, changes, requests Timestamp) error

	Close() error
}

// Snapshot reads the state after one commit. It is not safe for concurrent
// use. Documents that it returns belong to the caller.
type Snapshot interface {
	// Timestamp is that of the newest commit in the snapshot.
	Timestamp() Timestamp
	// Get returns a document, or nil when there is none.
	Get(ctx context.Context, table, id string) (value.Object, error)
	// Scan returns the documents of a range in order.
	Scan(ctx context.Context, s Scan) ([]value.Object, error)
	// Changes returns the commits after a timestamp, oldest first. ok is false
	// when some of them were pruned.
	Changes(ctx context.Context, after Timestamp) (changes []Change, ok bool, err error)
}

// Transaction reads and writes. What it writes it also reads.
type Transaction interface {
	Snapshot

	// CreationTime returns the creation time for a new document: milliseconds
	// since 1970, greater than any that was given before.
	CreationTime() float64
	// Put writes a document, which has its system fields.
	Put(ctx context.Context, table string, doc value.Object) error
	// Remove deletes a document. It is no error when there is none.
	Remove(ctx context.Context, table, id string) error
	// Publish adds keys to the change that the commit will log.
	Publish(keys ...Key)
	// Recorded returns what Record kept for a request, or nil.
	Recorded(ctx context.Context, r Request) (*Record, error)
	// Record keeps the result of a request; its Timestamp is set by the commit.
	Record(ctx context.Context, r Request, result []byte) error
	// AtCommit registers fn to run at the moment of the commit: no Pin sees the
	// commit without fn's effects or the reverse. fn must be quick and must not
	// use the store.
	AtCommit(fn func(Timestamp))
}

// Change is one commit in the change log.
type Change struct {
	Timestamp Timestamp
	Keys      []Key
}

// Request identifies a client's request over its repeats.
type Request struct {
	Session string
	ID      uint32
}

// Record is the kept result of a request.
type Record struct {
	Timestamp Timestamp
	Result    []byte
}
