// Package live keeps the queries of connected clients up to date.
//
// One loop works in batches. A batch pins a snapshot, reads from the change
// log which keys were written since the last one, and runs again the queries
// that had read one of them. Queries with the same function, arguments and
// identity are one run with one encoded result, however many clients watch.
//
// What a client sees is always one snapshot: a batch brings all queries to its
// timestamp before it publishes any of them, and a client takes everything
// that changed since its last Transition in one go. A client that reads slowly
// holds its newest state only; what it skipped is never built.
//
// A query that failed runs again when something that it had read changes. One
// that failed for a passing reason, such as a run that took too long, also runs
// again by itself after a while. Until it succeeds clients see the failure: its
// last good result belongs to an older snapshot than the rest of what they see.
//
//	client requests ─▶ inbox ─┐
//	commits, streams ─▶ wake ─┴▶ batch: pin ▸ mark ▸ run ▸ publish ─▶ pending ─▶ Take
package live
