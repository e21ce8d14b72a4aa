package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// querier runs cached statements: a reader's connection or the transaction.
type querier interface {
	query(ctx context.Context, q string, args ...any) (*sql.Rows, error)
}

// snapshot implements the reads of store.Snapshot on a querier.
type snapshot struct {
	store *Store
	q     querier
	ts    store.Timestamp
}

func (s *snapshot) Timestamp() store.Timestamp { return s.ts }

func (s *snapshot) Get(ctx context.Context, name, id string) (value.Object, error) {
	t, ok := s.store.tables[name]
	if !ok {
		return nil, fmt.Errorf("no table %q", name)
	}
	docs, err := s.documents(ctx, t.get, id)
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	return docs[0], nil
}

func (s *snapshot) Scan(ctx context.Context, sc store.Scan) ([]value.Object, error) {
	fields, err := sc.Fields(s.store.schema)
	if err != nil {
		return nil, err
	}
	q, args := scanSQL(sc, fields)
	return s.documents(ctx, q, args...)
}

func (s *snapshot) documents(ctx context.Context, q string, args ...any) (docs []value.Object, err error) {
	rows, err := s.q.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	docs = []value.Object{}
	var text sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		doc, err := decodeDocument(text)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, rows.Err()
}

func decodeDocument(text []byte) (value.Object, error) {
	v, err := value.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("decode stored document: %w", err)
	}
	doc, ok := v.(value.Object)
	if !ok {
		return nil, fmt.Errorf("decode stored document: %T is not an object", v)
	}
	return doc, nil
}

// scanSQL builds the statement of a scan. The text depends only on the scan's
// shape, so that the statement cache stays small.
func scanSQL(sc store.Scan, fields []string) (string, []any) {
	var where []string
	var args []any
	for i, v := range sc.Equal {
		where = append(where, quote(fields[i])+" = ?")
		args = append(args, value.AppendOrdered(nil, v))
	}
	rest := fields[len(sc.Equal):]
	bound := func(b *store.Bound, op string) {
		if b == nil {
			return
		}
		if b.Inclusive {
			op += "="
		}
		if len(rest) == 0 {
			where = append(where, "_creationTime "+op+" ?")
			args = append(args, b.Value)
			return
		}
		where = append(where, quote(rest[0])+" "+op+" ?")
		args = append(args, value.AppendOrdered(nil, b.Value))
	}
	bound(sc.Lower, ">")
	bound(sc.Upper, "<")

	columns := make([]string, 0, len(rest)+2)
	for _, f := range rest {
		columns = append(columns, quote(f))
	}
	columns = append(columns, "_creationTime", "_id")
	past, order := ">", ""
	if sc.Desc {
		past, order = "<", " DESC"
	}
	position := func(p *store.Position, op string) {
		if p == nil {
			return
		}
		where = append(where, "("+strings.Join(columns, ", ")+") "+op+" (?"+strings.Repeat(", ?", len(columns)-1)+")")
		for _, f := range p.Fields[len(sc.Equal):] {
			args = append(args, f)
		}
		args = append(args, p.CreationTime, p.ID)
	}
	position(sc.After, past)
	if sc.Through != nil {
		until := map[string]string{">": "<=", "<": ">="}[past]
		position(sc.Through, until)
	}

	var b strings.Builder
	b.WriteString("SELECT _doc FROM " + quote(sc.Table))
	if len(where) > 0 {
		b.WriteString(" WHERE " + strings.Join(where, " AND "))
	}
	b.WriteString(" ORDER BY " + strings.Join(columns, order+", ") + order)
	if sc.Limit > 0 {
		b.WriteString(" LIMIT ?")
		args = append(args, sc.Limit)
	}
	return b.String(), args
}

func (s *snapshot) Changes(ctx context.Context, after store.Timestamp) (changes []store.Change, ok bool, err error) {
	// The oldest row tells how far back the log is whole, so it is read too.
	rows, err := s.q.query(ctx, "SELECT ts, keys, (SELECT min(ts) FROM _commits) FROM _commits WHERE ts > ? ORDER BY ts", int64(after))
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	ok = true
	for rows.Next() {
		var c store.Change
		var keys sql.RawBytes
		var oldest int64
		if err := rows.Scan(&c.Timestamp, &keys, &oldest); err != nil {
			return nil, false, err
		}
		if c.Keys, err = decodeKeys(keys); err != nil {
			return nil, false, fmt.Errorf("decode change %d: %w", c.Timestamp, err)
		}
		ok = store.Timestamp(oldest) <= after
		changes = append(changes, c)
	}
	return changes, ok, rows.Err()
}
