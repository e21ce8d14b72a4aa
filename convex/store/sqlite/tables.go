package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// table is a table of the schema as it stands in the database, with the
// statements on it.
type table struct {
	schema.Table
	number  uint32
	columns []string // the indexed field paths, sorted

	get, put, remove string
}

func newTable(t schema.Table, number uint32) *table {
	out := &table{Table: t, number: number}
	for _, ix := range t.Indexes {
		for _, f := range ix.Fields {
			if !slices.Contains(out.columns, f) {
				out.columns = append(out.columns, f)
			}
		}
	}
	slices.Sort(out.columns)
	name := quote(t.Name)
	out.get = "SELECT _doc FROM " + name + " WHERE _id = ?"
	out.remove = "DELETE FROM " + name + " WHERE _id = ?"
	names := []string{"_id", "_creationTime", "_doc"}
	sets := []string{"_creationTime = excluded._creationTime", "_doc = excluded._doc"}
	for _, c := range out.columns {
		names = append(names, quote(c))
		sets = append(sets, quote(c)+" = excluded."+quote(c))
	}
	out.put = "INSERT INTO " + name + " (" + strings.Join(names, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(names)-1) +
		") ON CONFLICT (_id) DO UPDATE SET " + strings.Join(sets, ", ")
	return out
}

// row returns the values of put for a document.
func (t *table) row(doc value.Object) ([]any, error) {
	text, err := value.Encode(doc)
	if err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	row := make([]any, 3, 3+len(t.columns))
	row[0], row[1], row[2] = doc[schema.FieldID], doc[schema.FieldCreationTime], string(text)
	for _, c := range t.columns {
		row = append(row, value.AppendOrdered(nil, store.FieldAt(doc, c)))
	}
	return row, nil
}

// quote makes an SQL identifier. Names come from the schema, which allows
// letters, digits, underscores and, in field paths, points.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// sync brings the tables and indexes of the database into line with the schema
// in one transaction. Tables that the schema no longer has are left alone.
func (s *Store) sync(ctx context.Context) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin schema sync: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after the commit
	s.tables = map[string]*table{}
	for _, t := range s.schema.Tables() {
		number, err := tableNumber(ctx, tx, t.Name)
		if err != nil {
			return fmt.Errorf("number table %s: %w", t.Name, err)
		}
		s.tables[t.Name] = newTable(t, number)
		if err := syncTable(ctx, tx, s.tables[t.Name]); err != nil {
			return fmt.Errorf("sync table %s: %w", t.Name, err)
		}
		var last sql.NullFloat64
		if err := tx.QueryRowContext(ctx, "SELECT max(_creationTime) FROM "+quote(t.Name)).Scan(&last); err != nil {
			return fmt.Errorf("read last creation time of %s: %w", t.Name, err)
		}
		s.creation = max(s.creation, last.Float64)
	}
	if s.numbers, err = tableNames(ctx, tx); err != nil {
		return fmt.Errorf("read table numbers: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit schema sync: %w", err)
	}
	return nil
}

func tableNumber(ctx context.Context, tx *sql.Tx, name string) (uint32, error) {
	_, err := tx.ExecContext(ctx,
		"INSERT INTO _tables (name, number) VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM _tables)) ON CONFLICT (name) DO NOTHING", name)
	if err != nil {
		return 0, err
	}
	var n uint32
	err = tx.QueryRowContext(ctx, "SELECT number FROM _tables WHERE name = ?", name).Scan(&n)
	return n, err
}

// tableNames includes tables that the schema no longer has: their ids are
// still recognised as ids of another table.
func tableNames(ctx context.Context, tx *sql.Tx) (map[uint32]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT number, name FROM _tables")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	names := map[uint32]string{}
	for rows.Next() {
		var number uint32
		var name string
		if err := rows.Scan(&number, &name); err != nil {
			return nil, err
		}
		names[number] = name
	}
	return names, rows.Err()
}

func syncTable(ctx context.Context, tx *sql.Tx, t *table) error {
	name := quote(t.Name)
	for _, q := range []string{
		"CREATE TABLE IF NOT EXISTS " + name + " (_id TEXT PRIMARY KEY, _creationTime REAL NOT NULL, _doc TEXT NOT NULL) STRICT",
		"CREATE INDEX IF NOT EXISTS " + quote(t.Name+"._creation") + " ON " + name + " (_creationTime, _id)",
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	have, err := indexes(ctx, tx, t.Name)
	if err != nil {
		return err
	}
	for ix, fields := range have {
		if want, ok := t.Index(ix); ok && slices.Equal(want.Fields, fields) {
			continue
		}
		if err := dropIndex(ctx, tx, t.Name, ix); err != nil {
			return fmt.Errorf("drop index %s: %w", ix, err)
		}
		delete(have, ix)
	}
	if err := syncColumns(ctx, tx, t); err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if _, ok := have[ix.Name]; ok {
			continue
		}
		if err := createIndex(ctx, tx, t.Name, ix); err != nil {
			return fmt.Errorf("create index %s: %w", ix.Name, err)
		}
	}
	return nil
}

func indexes(ctx context.Context, tx *sql.Tx, table string) (map[string][]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT name, fields FROM _indexes WHERE table_name = ?", table)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[string][]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		var fields []string
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			return nil, fmt.Errorf("parse fields of index %s: %w", name, err)
		}
		out[name] = fields
	}
	return out, rows.Err()
}

func dropIndex(ctx context.Context, tx *sql.Tx, table, index string) error {
	if _, err := tx.ExecContext(ctx, "DROP INDEX IF EXISTS "+quote(table+"."+index)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM _indexes WHERE table_name = ? AND name = ?", table, index)
	return err
}

func createIndex(ctx context.Context, tx *sql.Tx, table string, ix schema.Index) error {
	cols := make([]string, 0, len(ix.Fields)+2)
	for _, f := range ix.Fields {
		cols = append(cols, quote(f))
	}
	cols = append(cols, "_creationTime", "_id")
	q := "CREATE INDEX " + quote(table+"."+ix.Name) + " ON " + quote(table) + " (" + strings.Join(cols, ", ") + ")" //nolint:gosec // checked identifiers
	if _, err := tx.ExecContext(ctx, q); err != nil {
		return err
	}
	fields, err := json.Marshal(ix.Fields)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO _indexes (table_name, name, fields) VALUES (?, ?, ?)", table, ix.Name, string(fields))
	return err
}

// syncColumns adds and fills the columns of newly indexed fields and drops
// those that no index uses: a column that nobody keeps up to date must not be
// found again later.
func syncColumns(ctx context.Context, tx *sql.Tx, t *table) error {
	have, err := columns(ctx, tx, t.Name)
	if err != nil {
		return err
	}
	for _, c := range have {
		if strings.HasPrefix(c, "_") || slices.Contains(t.columns, c) {
			continue
		}
		if _, err := tx.ExecContext(ctx, "ALTER TABLE "+quote(t.Name)+" DROP COLUMN "+quote(c)); err != nil {
			return fmt.Errorf("drop column %s: %w", c, err)
		}
	}
	added := false
	for _, c := range t.columns {
		if slices.Contains(have, c) {
			continue
		}
		added = true
		undefined := fmt.Sprintf("x'%x'", value.AppendOrdered(nil, value.Undefined))
		if _, err := tx.ExecContext(ctx, "ALTER TABLE "+quote(t.Name)+" ADD COLUMN "+quote(c)+" BLOB NOT NULL DEFAULT "+undefined); err != nil {
			return fmt.Errorf("add column %s: %w", c, err)
		}
	}
	if !added {
		return nil
	}
	return backfill(ctx, tx, t)
}

func columns(ctx context.Context, tx *sql.Tx, table string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var c string
		if err := rows.Scan(&c); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// backfill writes every document anew, a few at a time.
func backfill(ctx context.Context, tx *sql.Tx, t *table) error {
	const batch = 500
	last := ""
	for {
		docs, err := page(ctx, tx, t, last, batch)
		if err != nil {
			return fmt.Errorf("read documents: %w", err)
		}
		for _, text := range docs {
			doc, err := decodeDocument(text)
			if err != nil {
				return err
			}
			row, err := t.row(doc)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, t.put, row...); err != nil {
				return fmt.Errorf("index %v: %w", row[0], err)
			}
			last, _ = row[0].(string)
		}
		if len(docs) < batch {
			return nil
		}
	}
}

func page(ctx context.Context, tx *sql.Tx, t *table, after string, n int) ([][]byte, error) {
	rows, err := tx.QueryContext(ctx, "SELECT _doc FROM "+quote(t.Name)+" WHERE _id > ? ORDER BY _id LIMIT ?", after, n) //nolint:gosec // a checked identifier
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out [][]byte
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}
