// Package function registers queries, mutations and actions under the names
// that clients call, and runs them.
//
// A query reads one snapshot and has no effects. A mutation is one
// transaction: its writes, the jobs that it schedules and the record of its
// result happen together or not at all. An action has no transaction; it calls
// queries and mutations, each of which is one of its own. Internal functions
// are called by other functions and jobs only.
//
// The Go type of a function's arguments derives their validator (package
// schema), so a call with wrong arguments never reaches the function.
//
// Runner runs one call. Package live keeps queries running, job runs what was
// scheduled, and wire lets clients in.
package function
