// Package convex is a reactive function runtime: a database whose queries stay
// up to date in every browser that watches them. The official Convex clients
// talk to it.
//
// A program declares tables (package schema), registers queries, mutations and
// actions in Go (package function), opens a store (package store/sqlite), and
// gives all three to Open. Handler serves clients; Run keeps their queries live
// and runs scheduled functions.
//
// What the runtime promises:
//
//   - A mutation is one serializable transaction. Its writes, the functions that
//     it schedules and the record that it ran happen together or not at all.
//   - A client's mutation runs exactly once, also when its socket is cut
//     between the call and the answer, or when the server restarts.
//   - What a client sees belongs to one snapshot: after every change all of its
//     queries move together, and never backwards.
//   - Queries are invalidated by what they read. Nothing is done by hand.
//
// The packages stand on each other in this order: value, schema, store, feed,
// function, live and job, wire and auth.
package convex
