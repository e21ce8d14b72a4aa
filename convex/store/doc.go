// Package store keeps documents: snapshots to read from, transactions to write
// in, and a change log that says which reads a commit may have changed.
//
// There are three kinds of reads: one document by id, a range of an index, a
// whole table. Each adds a Key to the reader's ReadSet; each write publishes
// the keys of the document before and after it. This holds for every driver:
// if a write changes what a read returns, the write's keys meet the read's.
// Package live rests on that and nothing else.
//
// Store is the port that drivers implement (store/sqlite; storetest is the
// suite they pass). NewReader and NewWriter put the rules that are the same for
// every driver on top of it: ids, schema checks, limits, keys. Typed gives
// documents as Go structs.
package store
