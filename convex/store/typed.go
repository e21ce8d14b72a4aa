package store

import (
	"context"
	"fmt"

	"surgent.dev/surgent/convex/value"
)

// Typed reads and writes one table as Go structs. Make one per table:
//
//	var Tasks = store.TypedTable[Task, TaskID]("tasks")
type Typed[T any, I ~string] struct{ table string }

// TypedTable returns typed access to a table. T is the struct that the table
// was defined with, I the type of its ids.
func TypedTable[T any, I ~string](table string) Typed[T, I] { return Typed[T, I]{table: table} }

// Get returns a document, or nil when there is none.
func (t Typed[T, I]) Get(ctx context.Context, r Reader, id I) (*T, error) {
	doc, err := r.Get(ctx, t.table, string(id))
	if err != nil || doc == nil {
		return nil, err
	}
	var out T
	if err := value.ToGo(doc, &out); err != nil {
		return nil, fmt.Errorf("decode %s %s: %w", t.table, id, err)
	}
	return &out, nil
}

// Insert adds a document and returns its id. Its _id and _creationTime are
// ignored.
func (t Typed[T, I]) Insert(ctx context.Context, w Writer, doc T) (I, error) {
	o, err := object(doc)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", t.table, err)
	}
	delete(o, "_id")
	delete(o, "_creationTime")
	id, err := w.Insert(ctx, t.table, o)
	return I(id), err
}

// Patch sets some fields of a document. The values may be Go values of any
// kind that value.FromGo takes; value.Undefined removes a field.
func (t Typed[T, I]) Patch(ctx context.Context, w Writer, id I, fields value.Object) error {
	o := make(value.Object, len(fields))
	for k, f := range fields {
		v, err := value.FromGo(f)
		if err != nil {
			return fmt.Errorf("encode %s.%s: %w", t.table, k, err)
		}
		o[k] = v
	}
	return w.Patch(ctx, t.table, string(id), o)
}

// Replace sets all fields of a document.
func (t Typed[T, I]) Replace(ctx context.Context, w Writer, id I, doc T) error {
	o, err := object(doc)
	if err != nil {
		return fmt.Errorf("encode %s: %w", t.table, err)
	}
	return w.Replace(ctx, t.table, string(id), o)
}

// Delete removes a document; it fails when there is none.
func (t Typed[T, I]) Delete(ctx context.Context, w Writer, id I) error {
	return w.Delete(ctx, t.table, string(id))
}

// Query starts a read of a range: the documents whose leading fields in the
// index equal these values. The index "" is the order of creation.
func (t Typed[T, I]) Query(r Reader, index string, equal ...any) *Q[T] {
	q := &Q[T]{reader: r, scan: Scan{Table: t.table, Index: index}}
	for _, e := range equal {
		q.scan.Equal = append(q.scan.Equal, q.value(e))
	}
	return q
}

func object(doc any) (value.Object, error) {
	v, err := value.FromGo(doc)
	if err != nil {
		return nil, err
	}
	o, ok := v.(value.Object)
	if !ok {
		return nil, fmt.Errorf("%T is not an object", doc)
	}
	return o, nil
}

// Q is a read being put together; its last call runs it.
type Q[T any] struct {
	reader Reader
	scan   Scan
	err    error
}

func (q *Q[T]) value(x any) value.Value {
	v, err := value.FromGo(x)
	if err != nil && q.err == nil {
		q.err = fmt.Errorf("encode bound of %s.%s: %w", q.scan.Table, q.scan.Index, err)
	}
	return v
}

// Gt keeps documents whose next field is greater than x.
func (q *Q[T]) Gt(x any) *Q[T] { q.scan.Lower = &Bound{Value: q.value(x)}; return q }

// Gte keeps documents whose next field is at least x.
func (q *Q[T]) Gte(x any) *Q[T] { q.scan.Lower = &Bound{Value: q.value(x), Inclusive: true}; return q }

// Lt keeps documents whose next field is less than x.
func (q *Q[T]) Lt(x any) *Q[T] { q.scan.Upper = &Bound{Value: q.value(x)}; return q }

// Lte keeps documents whose next field is at most x.
func (q *Q[T]) Lte(x any) *Q[T] { q.scan.Upper = &Bound{Value: q.value(x), Inclusive: true}; return q }

// Desc reverses the order.
func (q *Q[T]) Desc() *Q[T] { q.scan.Desc = true; return q }

// Take returns the first n documents.
func (q *Q[T]) Take(ctx context.Context, n int) ([]T, error) {
	if n <= 0 {
		return []T{}, nil
	}
	q.scan.Limit = n
	return q.All(ctx)
}

// All returns all documents; an empty slice when there are none.
func (q *Q[T]) All(ctx context.Context) ([]T, error) {
	if q.err != nil {
		return nil, q.err
	}
	docs, err := q.reader.Scan(ctx, q.scan)
	if err != nil {
		return nil, err
	}
	return decodeAll[T](q.scan.Table, docs)
}

// First returns the first document, or nil when there is none.
func (q *Q[T]) First(ctx context.Context) (*T, error) {
	all, err := q.Take(ctx, 1)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// Paginate returns one page.
func (q *Q[T]) Paginate(ctx context.Context, o PageOptions) (Page[T], error) {
	out := Page[T]{Page: []T{}}
	if q.err != nil {
		return out, q.err
	}
	p, err := q.reader.Paginate(ctx, q.scan, o)
	if err != nil {
		return out, err
	}
	out.IsDone, out.ContinueCursor = p.IsDone, p.ContinueCursor
	out.SplitCursor, out.PageStatus = p.SplitCursor, p.PageStatus
	out.Page, err = decodeAll[T](q.scan.Table, p.Page)
	return out, err
}

func decodeAll[T any](table string, docs []value.Object) ([]T, error) {
	out := make([]T, len(docs))
	for i, d := range docs {
		if err := value.ToGo(d, &out[i]); err != nil {
			return nil, fmt.Errorf("decode %s %v: %w", table, d["_id"], err)
		}
	}
	return out, nil
}
