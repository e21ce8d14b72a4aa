// Package value holds what functions take and return and what documents are
// made of: Convex values, their JSON form, their order, and document ids.
//
// A Value is one of nil, bool, float64, Int64, string, []byte, Array and
// Object. Everything is plain Go data; nothing in here does I/O or keeps
// state. The package above is schema, which says which values a field takes.
//
// The JSON form is the one of the Convex wire protocol: ordinary JSON, with
// {"$integer": …}, {"$float": …} and {"$bytes": …} for what JSON lacks.
// FromGo and ToGo translate between values and Go structs by json tags.
package value
